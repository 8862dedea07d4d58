//! What each failure of a request means: whether money can have moved, and whether to try again.

use std::error::Error;
use std::io;
use std::iter::successors;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::CancellationReason;

use crate::dynamodb::configuration::identity_cache::{NoSigningContext, SignAgain};
use crate::dynamodb::transport::genuine::Foreign;
use crate::dynamodb::transport::http::{NobodyListens, Unreadable, Unsent};
use crate::dynamodb::transport::wire::Misdirected;
use crate::error::{BalanceError, Cause, ErrorCode};
use crate::money::balance_out_of_range;
use crate::store::{Fault, Reason};

/// How DynamoDB says that a table is missing. It does not say which.
pub const TABLE_MISSING: &str = "ResourceNotFoundException";

/// DynamoDB did not carry the request out and asks to try again.
const TRY_AGAIN: &[&str] = &[
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
];

/// Another transaction was at work on the same item.
const CONTENDED: &str = "TransactionConflictException";
const CONTENDED_REASON: &str = "TransactionConflict";

/// Why an action was cancelled, where trying again helps.
const TRY_AGAIN_REASONS: &[&str] =
    &["ProvisionedThroughputExceeded", "RequestLimitExceeded", "ThrottlingError"];

/// DynamoDB does not accept who is asking. The text of these answers can repeat the request with
/// its session token, so that it is never passed on.
pub const CREDENTIALS_REJECTED: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// How DynamoDB and DynamoDB Local say that a number does not fit. They have no code for it.
const OUT_OF_RANGE: &[&str] =
    &["38 significant digits", "precision up to 38 digits", "Number overflow", "Number underflow"];

/// What an attempt's failure means. `has_left`: the request may have reached DynamoDB.
pub fn classify<E>(error: &SdkError<E>, has_left: bool) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            read_error(answer.err().code(), answer.err().message(), status)
        }
        // An answer that makes no sense, or that is somebody else's.
        SdkError::ResponseError(_) => Fault::Unanswered(match find_source::<Foreign>(error) {
            Some(foreign) => Reason { summary: foreign.to_string(), cause: None },
            None => reason("its answer was unreadable", error),
        }),
        SdkError::TimeoutError(_) => Fault::Unanswered(reason("it did not answer in time", error)),
        _ => classify_transport(error, has_left),
    }
}

/// What DynamoDB calls the error that it answered.
pub fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

pub fn is_table_missing<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    code(error) == Some(TABLE_MISSING)
}

/// A transaction that was cancelled for other reasons than its conditions.
pub fn unexpected_cancellation(reasons: &[CancellationReason]) -> Fault {
    let codes: Vec<&str> = reasons.iter().filter_map(CancellationReason::code).collect();
    let message = reasons.iter().find_map(CancellationReason::message);
    let cause = Some(Cause {
        name: "TransactionCanceledException".to_owned(),
        message: format!("[{}] {}", codes.join(", "), message.unwrap_or_default()),
    });
    let reason = || Reason {
        summary: format!("DynamoDB cancelled the transaction: {}", codes.join(", ")),
        cause: cause.clone(),
    };
    if codes.iter().any(|code| TRY_AGAIN_REASONS.contains(code)) {
        Fault::Throttled(reason())
    } else if codes.contains(&CONTENDED_REASON) {
        Fault::Contended(reason())
    } else {
        let why = refused(message.unwrap_or("the transaction was cancelled"));
        Fault::Rejected(why.caused_by(cause))
    }
}

/// An error that DynamoDB answered.
fn read_error(code: Option<&str>, message: Option<&str>, status: u16) -> Fault {
    let Some(code) = code else {
        return Fault::Unanswered(Reason {
            summary: format!("something other than DynamoDB answered with status {status}"),
            cause: None,
        });
    };
    let message = message.unwrap_or_default();
    let cause = Some(Cause { name: code.to_owned(), message: message.to_owned() });
    let reason = || Reason { summary: format!("DynamoDB answered {code}"), cause: cause.clone() };
    // A failing service may have carried the request out before it failed. And what is in progress
    // under this call's token is one of its own attempts.
    if status >= 500 || code == "TransactionInProgressException" {
        return Fault::Unanswered(reason());
    }
    if TRY_AGAIN.contains(&code) {
        return Fault::Throttled(reason());
    }
    if code == CONTENDED {
        return Fault::Contended(reason());
    }
    if CREDENTIALS_REJECTED.contains(&code) {
        Fault::Final(BalanceError::new(
            ErrorCode::CredentialsRejected,
            format!(
                "Credentials rejected: DynamoDB answered {code}. Nothing happened; check that the \
                 credentials are current and belong to this region, and that the clock is right."
            ),
        ))
    } else if code == "AccessDeniedException" {
        let error = BalanceError::new(
            ErrorCode::AccessDenied,
            format!(
                "Access denied: {message}. Nothing happened; grant the action named here (the \
                 README lists the policy that suffices)."
            ),
        );
        Fault::Final(error.caused_by(cause))
    } else {
        Fault::Rejected(refused(&format!("{code}: {message}")).caused_by(cause))
    }
}

/// DynamoDB will not carry out this request, however often it is sent.
fn refused(message: &str) -> BalanceError {
    if OUT_OF_RANGE.iter().any(|sign| message.contains(sign)) {
        return balance_out_of_range();
    }
    BalanceError::new(
        ErrorCode::ServiceError,
        format!("DynamoDB refused the request: {message}. Nothing happened."),
    )
}

/// A request that did not get as far as an answer.
fn classify_transport<E>(error: &SdkError<E>, has_left: bool) -> Fault
where
    E: Error + 'static,
{
    if let Some(NoSigningContext(fault)) = find_source(error) {
        return fault.clone();
    }
    if let Some(refused) = find_source::<SignAgain>(error) {
        return Fault::NotTaken(Reason { summary: refused.to_string(), cause: None });
    }
    if find_source::<rustls::Error>(error)
        .is_some_and(|error| matches!(error, rustls::Error::InvalidCertificate(_)))
    {
        return Fault::Final(
            BalanceError::new(
                ErrorCode::ServiceError,
                format!(
                    "The endpoint's certificate is not trusted ({}){}. Nothing happened; set \
                     AWS_CA_BUNDLE or NODE_EXTRA_CA_CERTS to a file with the certificate \
                     authority if it is your company's.",
                    deepest_cause(error).message,
                    place(error)
                ),
            )
            .caused_by(Some(deepest_cause(error))),
        );
    }
    if let Some(absence) = find_source::<NobodyListens>(error) {
        return Fault::Final(nobody_listens(absence, error));
    }
    // Whatever the gate says: it may have been passed for a connection that turned out closed.
    if let Some(unsent) = find_source::<Unsent>(error) {
        return Fault::NotTaken(unreached(unsent, error));
    }
    if find_source::<Unreadable>(error).is_some() {
        return Fault::Unanswered(reason("its answer was unreadable", error));
    }
    if has_left {
        Fault::Unanswered(reason("the connection was lost", error))
    } else {
        unsendable(error)
    }
}

/// Nothing was ever sent by this client, as nobody has been there.
fn nobody_listens(absence: &NobodyListens, error: &(dyn Error + 'static)) -> BalanceError {
    BalanceError::new(
        ErrorCode::NothingHappened,
        format!(
            "Nothing happened: {absence}{}. Start DynamoDB Local there, or set the option endpoint or \
             AWS_ENDPOINT_URL_DYNAMODB to where it is. It is safe to call again.",
            place(error)
        ),
    )
}

/// A request that could not be built.
pub fn unsendable(error: &(dyn Error + 'static)) -> Fault {
    let error = BalanceError::new(
        ErrorCode::InternalError,
        "Internal error: the request could not be built. Nothing happened.",
    )
    .caused_by(Some(deepest_cause(error)));
    Fault::Final(error)
}

/// An answer that lacks what makes it one.
pub fn unreadable(complaint: &str) -> Fault {
    Fault::Unanswered(Reason {
        summary: format!("its answer was unreadable: {complaint}"),
        cause: None,
    })
}

/// Nothing left: with what went wrong on the way, why if that is known, and where it was to go.
fn unreached<E: Error + 'static>(unsent: &Unsent, error: &SdkError<E>) -> Reason {
    if unsent.source().is_some() {
        return reason(&format!("it could not be reached: {unsent}"), error);
    }
    let summary = format!("it could not be reached: {unsent}{}", place(error));
    Reason { summary, cause: None }
}

fn reason<E: Error + 'static>(summary: &str, error: &SdkError<E>) -> Reason {
    let cause = deepest_cause(error);
    let place = place(error);
    let is_plain =
        find_source(error).is_some_and(|error| matches!(error, rustls::Error::InvalidMessage(_)));
    let hint = if is_plain { "; does it speak http:// and not https://?" } else { "" };
    Reason { summary: format!("{summary}: {}{hint}{place}", cause.message), cause: Some(cause) }
}

/// Where the request was to go, with its region.
fn place(error: &(dyn Error + 'static)) -> String {
    find_source::<Misdirected>(error).map(ToString::to_string).unwrap_or_default()
}

/// The innermost error: the outer ones only say that the inner one happened.
pub fn deepest_cause(error: &(dyn Error + 'static)) -> Cause {
    let message = sources(error).last().map_or_else(String::new, ToString::to_string);
    Cause { name: "Error".to_owned(), message }
}

pub fn find_source<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    sources(error).find_map(|source| source.downcast_ref::<T>())
}

/// The error and all that lie beneath it.
fn sources<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |&error| {
        // An io::Error hides the error it was made from: its source is that one's source.
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(hidden) => Some(hidden),
            None => error.source(),
        }
    })
}

#[cfg(test)]
mod tests;
