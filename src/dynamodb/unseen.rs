//! Older emulators, and proxies that shorten answers, refuse a condition without telling what is
//! there. Nobody is accused of anything unseen: then it is read.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason};

use crate::dynamodb::client::Connection;
use crate::dynamodb::fault;
use crate::dynamodb::read;
use crate::error::{BalanceError, ErrorCode};
use crate::options::Options;
use crate::store::{Fault, Reason, SendGate};

/// An item that a condition was about.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// The record under this key, which is there if its condition failed.
    Record(&'a str),
    /// The hold under this key. It may be absent.
    Hold(&'a str),
    /// The balance of this user. It may be absent.
    Balance { user_id: &'a str, must_exist: bool },
}

impl<'a> Subject<'a> {
    fn name(self) -> read::Name<'a> {
        match self {
            Self::Record(key) | Self::Hold(key) => ("idempotentKey", key),
            Self::Balance { user_id, .. } => ("userId", user_id),
        }
    }

    fn table(self, options: &Options) -> &str {
        match self {
            Self::Record(_) | Self::Hold(_) => &options.transactions_table,
            Self::Balance { .. } => &options.balances_table,
        }
    }

    /// Whether something that a condition was about may have been kept back.
    fn is_missing_in(self, reason: &CancellationReason) -> bool {
        let is_expected = match self {
            Self::Record(_) | Self::Hold(_) => true,
            Self::Balance { must_exist, .. } => must_exist,
        };
        is_expected && reason.code() == Some("ConditionalCheckFailed") && reason.item().is_none()
    }
}

/// The same reasons with the items that are missing in them.
pub async fn look(
    reasons: Vec<CancellationReason>,
    subjects: &[Subject<'_>],
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<Vec<CancellationReason>, Fault> {
    // The balance matters to those whose record is not there.
    let is_balance_needed = reasons.iter().any(|reason| reason.code() == Some("None"));
    let positions = reasons.iter().zip(subjects).enumerate();
    let missing: Vec<(usize, Subject<'_>)> = positions
        .filter(|(_, (_, subject))| {
            is_balance_needed || !matches!(subject, Subject::Balance { .. })
        })
        .filter(|(_, (reason, subject))| subject.is_missing_in(reason))
        .map(|(position, (_, subject))| (position, *subject))
        .collect();
    if missing.is_empty() {
        return Ok(reasons);
    }
    let subjects = missing.iter().map(|(_, subject)| *subject);
    // The refused request changed nothing, whatever becomes of this one.
    let found = match read_all(subjects, connection, gate, options).await {
        Err(Fault::Unanswered(reason)) => Err(Fault::NotTaken(reason)),
        Err(Fault::Rejected(why) | Fault::Final(why)) => Err(Fault::Final(unknown(&why))),
        outcome => outcome,
    }?;
    let mut reasons = reasons;
    for (position, subject) in missing {
        let (attribute, key) = subject.name();
        let key = AttributeValue::S(key.to_owned());
        let item = found
            .get(subject.table(options))
            .and_then(|items| items.iter().find(|item| item.get(attribute) == Some(&key)).cloned());
        let Some(item) = item else {
            if matches!(subject, Subject::Hold(_)) {
                continue;
            }
            return Err(Fault::NotTaken(gone()));
        };
        if let Some(reason) = reasons.get_mut(position) {
            *reason = CancellationReason::builder()
                .set_code(reason.code().map(str::to_owned))
                .set_message(reason.message().map(str::to_owned))
                .set_item(Some(item))
                .build();
        }
    }
    Ok(reasons)
}

type Items = HashMap<String, Vec<HashMap<String, AttributeValue>>>;

async fn read_all<'a>(
    subjects: impl Iterator<Item = Subject<'a>>,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<Items, Fault> {
    let mut names: HashMap<String, Vec<read::Name<'a>>> = HashMap::new();
    for subject in subjects {
        names.entry(subject.table(options).to_owned()).or_default().push(subject.name());
    }
    let output = read::whole_items(&names, connection, gate, options).await?;
    if output.unprocessed_keys().is_some_and(|keys| !keys.is_empty()) {
        return Err(Fault::NotTaken(gone()));
    }
    output.responses.ok_or_else(|| fault::unreadable("it has no Responses"))
}

/// It cannot be read either, so that nothing is known.
fn unknown(why: &BalanceError) -> BalanceError {
    BalanceError::new(
        ErrorCode::OutcomeUnknown,
        format!(
            "Outcome unknown: DynamoDB refused a condition without telling what is there, and it \
             could not be read ({}). Money may have moved by an earlier call with this \
             idempotentKey: read the record before you use another one.",
            why.message
        ),
    )
    .caused_by(why.cause.clone())
}

fn gone() -> Reason {
    Reason {
        summary: "DynamoDB refused a condition and did not tell what was there".to_owned(),
        cause: None,
    }
}
