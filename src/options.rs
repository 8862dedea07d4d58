//! What a `BalanceClient` can be told, checked when the client is made.

pub mod credentials;
pub mod tables;

use std::time::Duration;

use url::Url;

use crate::error::{BalanceError, ErrorCode};
use crate::money::DefaultBalance;
use crate::options::credentials::CredentialsSource;
use crate::value::{Value, spell};

/// Bounds of the three deadlines. The upper one stays well below the ten minutes for which
/// DynamoDB remembers a request's token.
/// Source: Amazon DynamoDB API Reference, TransactWriteItems, ClientRequestToken.
const MIN_DEADLINE: Duration = Duration::from_millis(1);
const MAX_DEADLINE: Duration = Duration::from_mins(5);

/// Establishing a connection takes one to three round trips; past this the host is unreachable.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// DynamoDB answers in milliseconds; past this the answer is lost.
const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than the 29 seconds that API Gateway grants by default, so that a request handler
/// still gets to answer.
/// Source: Amazon API Gateway Developer Guide, "Quotas", integration timeout.
const DEFAULT_CALL_TIMEOUT: Duration = Duration::from_secs(25);

/// How long the caller's part of the user agent may be, in characters: some names with their versions.
const MAX_USER_AGENT: usize = 256;

/// A table name or ARN, 1 to 1,024 characters.
/// Source: Amazon DynamoDB API Reference, TransactWriteItems, TableName.
const MAX_TABLE_NAME: usize = 1024;

/// Every option there is. A misspelt one would otherwise be ignored: with a table's name, money
/// would go to the wrong table.
const NAMES: [&str; 12] = [
    "region",
    "endpoint",
    "profile",
    "credentials",
    "balancesTable",
    "transactionsTable",
    "defaultBalance",
    "consistentRead",
    "connectTimeout",
    "attemptTimeout",
    "callTimeout",
    "customUserAgent",
];

/// The options as they arrived. One field for each, named as in JavaScript; credentials travel
/// apart.
#[derive(Clone, Debug)]
pub struct UncheckedOptions {
    /// The names of all that was given.
    pub names: Vec<String>,
    pub region: Value,
    pub endpoint: Value,
    pub profile: Value,
    pub balances_table: Value,
    pub transactions_table: Value,
    pub default_balance: Value,
    pub consistent_read: Value,
    pub connect_timeout: Value,
    pub attempt_timeout: Value,
    pub call_timeout: Value,
    pub custom_user_agent: Value,
}

/// Everything a client needs to know.
#[derive(Clone, Debug)]
pub struct Options {
    /// `None`: as the AWS chain says, or else us-east-1.
    pub region: Option<String>,
    /// `None`: as the AWS chain says, or else the region's own.
    pub endpoint: Option<Url>,
    pub profile: Option<String>,
    pub credentials: CredentialsSource,
    pub balances_table: String,
    pub transactions_table: String,
    pub default_balance: DefaultBalance,
    pub consistent_read: bool,
    pub deadlines: Deadlines,
    /// What the user agent has behind the name of this package.
    pub custom_user_agent: Option<String>,
}

/// How long a call waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    pub connect: Duration,
    pub attempt: Duration,
    pub call: Duration,
}

impl Options {
    pub fn validate(
        unchecked: UncheckedOptions,
        credentials: CredentialsSource,
    ) -> Result<Self, BalanceError> {
        if let Some(name) = unchecked.names.iter().find(|name| !NAMES.contains(&name.as_str())) {
            let complaint = format!("is not an option; there are {}", NAMES.join(", "));
            return Err(invalid_option(name, &complaint));
        }
        let options = Self {
            region: check("region", unchecked.region, None, |value| region(value).map(Some))?,
            endpoint: check("endpoint", unchecked.endpoint, None, |value| {
                endpoint(value).map(Some)
            })?,
            profile: check("profile", unchecked.profile, None, |value| text(value).map(Some))?,
            credentials,
            balances_table: check(
                "balancesTable",
                unchecked.balances_table,
                "UserBalances".to_owned(),
                table,
            )?,
            transactions_table: check(
                "transactionsTable",
                unchecked.transactions_table,
                "Transactions".to_owned(),
                table,
            )?,
            default_balance: check(
                "defaultBalance",
                unchecked.default_balance,
                DefaultBalance::default(),
                |value| DefaultBalance::validate(&value),
            )?,
            consistent_read: check("consistentRead", unchecked.consistent_read, true, boolean)?,
            deadlines: Deadlines {
                connect: check(
                    "connectTimeout",
                    unchecked.connect_timeout,
                    DEFAULT_CONNECT_TIMEOUT,
                    |value| deadline(&value),
                )?,
                attempt: check(
                    "attemptTimeout",
                    unchecked.attempt_timeout,
                    DEFAULT_ATTEMPT_TIMEOUT,
                    |value| deadline(&value),
                )?,
                call: check(
                    "callTimeout",
                    unchecked.call_timeout,
                    DEFAULT_CALL_TIMEOUT,
                    |value| deadline(&value),
                )?,
            },
            custom_user_agent: check(
                "customUserAgent",
                unchecked.custom_user_agent,
                None,
                |value| user_agent(value).map(Some),
            )?,
        };
        if options.balances_table == options.transactions_table {
            return Err(invalid_option("transactionsTable", "must differ from balancesTable"));
        }
        Ok(options)
    }
}

/// A complaint about one option.
pub fn invalid_option(name: &str, complaint: &str) -> BalanceError {
    BalanceError::new(ErrorCode::InvalidOption, format!("Invalid option: {name} {complaint}"))
}

fn check<T>(
    name: &str,
    value: Value,
    default: T,
    parse: impl FnOnce(Value) -> Result<T, String>,
) -> Result<T, BalanceError> {
    match value {
        Value::Undefined => Ok(default),
        present => parse(present).map_err(|complaint| invalid_option(name, &complaint)),
    }
}

fn text(value: Value) -> Result<String, String> {
    match value {
        Value::Text(text) if text.is_empty() => Err("must not be empty".to_owned()),
        Value::Text(text) => Ok(text),
        Value::MalformedText => Err("must be well-formed Unicode".to_owned()),
        other => Err(format!("must be a string, not {}", other.kind())),
    }
}

fn region(value: Value) -> Result<String, String> {
    let region = text(value)?;
    if is_region(&region) {
        Ok(region)
    } else {
        Err(format!("must be a region's name such as us-east-1, not {region:?}"))
    }
}

/// Whether a text can be a region: it becomes a label of a host name.
/// Source: RFC 1123, section 2.1, and RFC 1035, section 2.3.4.
pub fn is_region(text: &str) -> bool {
    let is_inner = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A `URL` has become text on its way.
fn endpoint(value: Value) -> Result<Url, String> {
    match value {
        Value::Text(_) | Value::MalformedText => check_endpoint(&text(value)?),
        other => Err(format!("must be a string or a URL, not {}", other.kind())),
    }
}

/// Complains without repeating what may be a password.
pub fn check_endpoint(address: &str) -> Result<Url, String> {
    let expected = "must be an http:// or https:// URL such as http://localhost:8000";
    match Url::parse(address) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err("must not contain a user or a password: requests to DynamoDB are signed".to_owned())
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ if address.contains('@') => Err(expected.to_owned()),
        _ => Err(format!("{expected}, not {address:?}")),
    }
}

fn table(value: Value) -> Result<String, String> {
    let name = text(value)?;
    let is_allowed = |letter: char| {
        letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':' | '/')
    };
    if name.len() <= MAX_TABLE_NAME && name.chars().all(is_allowed) {
        Ok(name)
    } else {
        Err(format!("must be a table's name or ARN, not {name:?}"))
    }
}

/// It becomes part of a header.
fn user_agent(value: Value) -> Result<String, String> {
    let text = text(value)?;
    let is_allowed = |letter: char| letter.is_ascii_graphic() || letter == ' ';
    let has_edges = text.trim() == text;
    if text.len() <= MAX_USER_AGENT && text.chars().all(is_allowed) && has_edges {
        Ok(text)
    } else {
        Err(format!(
            "must have up to {MAX_USER_AGENT} visible ASCII characters, such as shop/1.2, not {text:?}"
        ))
    }
}

fn boolean(value: Value) -> Result<bool, String> {
    match value {
        Value::Boolean(boolean) => Ok(boolean),
        other => Err(format!("must be true or false, not {}", other.kind())),
    }
}

fn deadline(value: &Value) -> Result<Duration, String> {
    let Value::Number(milliseconds) = value else {
        return Err(format!("must be a number of milliseconds, not {}", value.kind()));
    };
    Duration::try_from_secs_f64(milliseconds / 1000.0)
        .ok()
        .filter(|duration| (MIN_DEADLINE..=MAX_DEADLINE).contains(duration))
        .ok_or_else(|| {
            format!(
                "must be between {} and {} milliseconds, not {}",
                MIN_DEADLINE.as_millis(),
                MAX_DEADLINE.as_millis(),
                spell(*milliseconds)
            )
        })
}

#[cfg(test)]
mod tests;
