//! Errors on their way to JavaScript. They are built there, where the caller's stack and the
//! right `Error` class are at hand.

use napi_derive::napi;

use crate::error::{BalanceError, Cause};

/// The plain data of a `BalanceError`.
#[napi(object)]
pub struct Failure {
    pub code: String,
    pub message: String,
    pub retryable: bool,
    pub cause: Option<FailureCause>,
    pub available: Option<String>,
    pub index: Option<u32>,
}

/// The plain data of its `cause`.
#[napi(object)]
pub struct FailureCause {
    pub name: String,
    pub message: String,
}

impl From<BalanceError> for Failure {
    fn from(error: BalanceError) -> Self {
        Self {
            code: error.code.as_str().to_owned(),
            message: error.message,
            retryable: error.code.is_retryable(),
            cause: error.cause.map(FailureCause::from),
            available: error.available.map(|available| available.to_plain_string()),
            index: error.index.map(u32::from),
        }
    }
}

impl From<Cause> for FailureCause {
    fn from(cause: Cause) -> Self {
        Self { name: cause.name, message: cause.message }
    }
}
