//! Errors on their way to JavaScript. They are built there, where the caller's stack and the
//! right `Error` class are at hand.

use napi_derive::napi;

use crate::error::{BalanceError, Cause, Metadata};

/// The plain data of a `BalanceError`.
#[napi(object)]
pub struct Failure {
    pub code: String,
    pub message: String,
    pub retryable: bool,
    pub cause: Option<FailureCause>,
    pub available: Option<String>,
    pub index: Option<u32>,
    #[napi(js_name = "$metadata")]
    pub metadata: Option<MetadataData>,
}

/// How DynamoDB answered, by the names of the AWS SDK for JavaScript.
#[napi(object)]
pub struct MetadataData {
    pub request_id: String,
    pub http_status_code: u16,
    pub attempts: u32,
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
            metadata: error.metadata.map(|metadata| MetadataData::from(*metadata)),
        }
    }
}

impl From<Metadata> for MetadataData {
    fn from(metadata: Metadata) -> Self {
        let Metadata { request_id, status, attempts } = metadata;
        Self { request_id, http_status_code: status, attempts }
    }
}

impl From<Cause> for FailureCause {
    fn from(cause: Cause) -> Self {
        Self { name: cause.name, message: cause.message }
    }
}
