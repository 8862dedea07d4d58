//! Every way a call can fail, once.

use crate::money::Decimal;

/// Declares the codes and their spelling in JavaScript together, so that neither can be forgotten.
macro_rules! error_codes {
    ($($(#[$documentation:meta])* $name:ident = $spelling:literal, retryable: $retryable:literal;)+) => {
        /// What a caller may want to treat differently. Stable: callers match on the spelling.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorCode { $($(#[$documentation])* $name),+ }

        impl ErrorCode {
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $spelling),+ }
            }

            /// Whether the same call, with the same key, may succeed without anyone changing
            /// anything.
            pub fn is_retryable(self) -> bool {
                match self { $(Self::$name => $retryable),+ }
            }
        }
    };
}

error_codes! {
    /// The input could not be read, or a field of it is wrong that has no code of its own.
    InvalidInput = "INVALID_INPUT", retryable: false;
    InvalidIdempotentKey = "INVALID_IDEMPOTENT_KEY", retryable: false;
    InvalidUserId = "INVALID_USER_ID", retryable: false;
    InvalidAmount = "INVALID_AMOUNT", retryable: false;
    InvalidType = "INVALID_TYPE", retryable: false;
    InvalidMetadata = "INVALID_METADATA", retryable: false;
    /// The list of a group is not one, is empty or too long, or names a key twice.
    InvalidTransactions = "INVALID_TRANSACTIONS", retryable: false;
    /// What names a hold is no key.
    InvalidHold = "INVALID_HOLD", retryable: false;
    InvalidExpiresAt = "INVALID_EXPIRES_AT", retryable: false;
    /// A cursor that did not come from a listing like this one.
    InvalidCursor = "INVALID_CURSOR", retryable: false;
    /// An option of `BalanceClient`, or a setting in the environment, is wrong.
    InvalidOption = "INVALID_OPTION", retryable: false;
    /// DynamoDB's numbers cannot hold the amount, or the balance it would lead to.
    AmountOutOfRange = "AMOUNT_OUT_OF_RANGE", retryable: false;
    /// The same request was recorded before.
    DuplicateTransaction = "DUPLICATE_TRANSACTION", retryable: false;
    /// The key was recorded before, for a different request.
    IdempotentKeyReused = "IDEMPOTENT_KEY_REUSED", retryable: false;
    InsufficientBalance = "INSUFFICIENT_BALANCE", retryable: false;
    /// There is no hold under the key.
    HoldNotFound = "HOLD_NOT_FOUND", retryable: false;
    /// The hold was captured by another request.
    HoldCaptured = "HOLD_CAPTURED", retryable: false;
    /// The hold was released by another request, or because it had expired.
    HoldReleased = "HOLD_RELEASED", retryable: false;
    /// The hold has expired and can only be released.
    HoldExpired = "HOLD_EXPIRED", retryable: false;
    /// More was to be captured than the hold has.
    HoldExceeded = "HOLD_EXCEEDED", retryable: false;
    /// The stored balance is not a number.
    CorruptBalance = "CORRUPT_BALANCE", retryable: false;
    TableNotFound = "TABLE_NOT_FOUND", retryable: false;
    /// A table exists, but its key is not the one this package needs.
    TableMismatch = "TABLE_MISMATCH", retryable: false;
    /// The index that the history is read from is missing, or not ready.
    IndexNotFound = "INDEX_NOT_FOUND", retryable: false;
    AccessDenied = "ACCESS_DENIED", retryable: false;
    /// The AWS chain found no credentials, or the credentials function failed for good.
    NoCredentials = "NO_CREDENTIALS", retryable: false;
    /// DynamoDB does not accept the credentials: unknown, expired, or signed by a wrong clock.
    CredentialsRejected = "CREDENTIALS_REJECTED", retryable: false;
    /// The deadline passed; no money moved.
    NothingHappened = "NOTHING_HAPPENED", retryable: true;
    /// The deadline passed without an answer; money may have moved.
    OutcomeUnknown = "OUTCOME_UNKNOWN", retryable: true;
    /// More calls are waiting than this client holds.
    TooManyCalls = "TOO_MANY_CALLS", retryable: true;
    /// The client was closed before the call.
    ClientClosed = "CLIENT_CLOSED", retryable: false;
    /// Everything else that DynamoDB answers.
    ServiceError = "SERVICE_ERROR", retryable: false;
    /// A defect of this package.
    InternalError = "INTERNAL_ERROR", retryable: false;
}

/// The error underneath, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    pub name: String,
    pub message: String,
}

/// How DynamoDB answered, as the AWS SDK for JavaScript tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    pub request_id: String,
    pub status: u16,
    /// How many attempts the call has had.
    pub attempts: u32,
}

/// A failed call, as its caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceError {
    pub code: ErrorCode,
    pub message: String,
    pub cause: Option<Cause>,
    /// What a debit that was not covered could have had at most.
    pub available: Option<Box<Decimal>>,
    /// Which transaction of a group it is about, from 0.
    pub index: Option<u8>,
    /// Of the last request that DynamoDB refused.
    pub metadata: Option<Box<Metadata>>,
}

impl BalanceError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            cause: None,
            available: None,
            index: None,
            metadata: None,
        }
    }

    /// About one transaction of a group.
    #[must_use]
    pub fn at(self, index: usize) -> Self {
        Self { index: u8::try_from(index).ok(), ..self }
    }

    #[must_use]
    pub fn with_metadata(self, metadata: Metadata) -> Self {
        Self { metadata: Some(Box::new(metadata)), ..self }
    }

    #[must_use]
    pub fn caused_by(self, cause: Option<Cause>) -> Self {
        Self { cause, ..self }
    }
}

#[cfg(test)]
mod tests;
