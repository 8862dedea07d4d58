//! Writing: one `TransactWriteItems` that puts records and moves balances, and what its answer says.

mod body;
mod reasons;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;

use crate::dynamodb::admin::table;
use crate::dynamodb::client::Connection;
use crate::dynamodb::fault;
use crate::dynamodb::unseen::{self, Subject};
use crate::error::{BalanceError, ErrorCode};
use crate::options::Options;
use crate::store::{Entry, EpochAnswer, EpochEnding, Fault, SendGate, Token, Write, WriteAnswer};

/// One attempt at a write.
pub async fn send(
    write: &Write,
    token: Token,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<WriteAnswer, Fault> {
    let body = body::of_write(write, &connection.tokens.of(token), options);
    let answer = match exchange(body, connection, gate, options).await {
        Err(fault) => Err(fault),
        Ok(None) => Ok(WriteAnswer::Committed),
        Ok(Some(reasons)) => cancelled(reasons, write, connection, gate, options).await,
    };
    match answer {
        Err(Fault::Rejected(error))
            if error.code == ErrorCode::AmountOutOfRange && is_of_one_call(write) =>
        {
            look_for_records(write, error, connection, gate, options).await
        }
        answer => answer,
    }
}

/// What the reasons say, with what they should have shown and did not.
async fn cancelled(
    reasons: Vec<CancellationReason>,
    write: &Write,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<WriteAnswer, Fault> {
    // Only what is an answer is worth a look.
    reasons::of_write(&reasons, write)?;
    let subjects = subjects(write, options);
    let reasons = Box::pin(unseen::look(reasons, &subjects, connection, gate, options)).await?;
    reasons::of_write(&reasons, write)
}

/// One attempt to end an epoch.
pub async fn end_epoch(
    ending: &EpochEnding,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<EpochAnswer, Fault> {
    let body = body::of_epoch_ending(ending, &connection.tokens.unique(), options);
    match exchange(body, connection, gate, options).await? {
        None => Ok(EpochAnswer::Ended),
        Some(reasons) => {
            let subjects: Vec<Subject<'_>> = ending.undone.iter().map(subject_of).collect();
            let reasons =
                Box::pin(unseen::look(reasons, &subjects, connection, gate, options)).await?;
            reasons::of_epoch_ending(&reasons, ending)
        }
    }
}

/// What the conditions of a write are about.
fn subjects<'a>(write: &'a Write, options: &Options) -> Vec<Subject<'a>> {
    let default = options.default_balance.as_decimal();
    let balances = write.balances.iter().map(|balance| Subject::Balance {
        user_id: balance.user_id.as_str(),
        // Absent, it would have been refused only where the default does not suffice.
        must_exist: balance.change.floor().is_none_or(|floor| default >= floor),
    });
    records_of(write).chain(balances).collect()
}

fn records_of(write: &Write) -> impl Iterator<Item = Subject<'_>> {
    write.entries.iter().map(subject_of)
}

fn subject_of(entry: &Entry) -> Subject<'_> {
    match entry {
        Entry::Record(_) | Entry::FreeKey(_) => Subject::Record(entry.key().as_str()),
        Entry::Closing(_) => Subject::Hold(entry.key().as_str()),
    }
}

fn is_of_one_call(write: &Write) -> bool {
    write.entries.windows(2).all(|pair| matches!(pair, [a, b] if a.call_id() == b.call_id()))
}

/// DynamoDB may find that a sum does not fit before it finds that a key is taken. But a
/// duplicate is a duplicate, so that the records have to be asked for.
async fn look_for_records(
    write: &Write,
    out_of_range: BalanceError,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<WriteAnswer, Fault> {
    match look(write, connection, gate, options).await {
        Ok(Some(refused)) => Ok(refused),
        // Without an answer it is still true that the sum does not fit, and that nothing was written.
        Ok(None) | Err(Fault::Unanswered(_)) => Err(Fault::Rejected(out_of_range)),
        Err(fault) => Err(fault),
    }
}

/// Which of the records are there; `None` if none is.
async fn look(
    write: &Write,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<Option<WriteAnswer>, Fault> {
    let body = body::of_absence(write, &connection.tokens.unique(), options);
    let Some(reasons) = exchange(body, connection, gate, options).await? else {
        return Ok(None);
    };
    let subjects: Vec<Subject<'_>> = records_of(write).collect();
    let reasons = Box::pin(unseen::look(reasons, &subjects, connection, gate, options)).await?;
    reasons::of_absence(&reasons, write).map(Some)
}

/// One attempt at a transaction: committed, or the reasons why it was cancelled.
async fn exchange(
    body: String,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Result<Option<Vec<CancellationReason>>, Fault> {
    let protocol = &connection.transact_write_items;
    let Err(error) = connection.wire.send(protocol, body, gate).await else {
        return Ok(None);
    };
    if let Some(reasons) = cancellation_reasons(&error) {
        gate.answered();
        return Ok(Some(reasons.to_vec()));
    }
    if fault::is_table_missing(&error) {
        gate.answered();
        return Err(table::missing(connection, options).await);
    }
    Err(fault::classify(&error, gate.has_passed()))
}

fn cancellation_reasons(
    error: &SdkError<TransactWriteItemsError>,
) -> Option<&[CancellationReason]> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            Some(cancelled.cancellation_reasons())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
