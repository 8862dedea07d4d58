//! Credentials from JavaScript: an object, or a function that is asked for one.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use napi::Status;
use napi::bindgen_prelude::{Either, Promise};
use napi::threadsafe_function::ThreadsafeFunction;
use napi_derive::napi;

use super::failure::Failure;
use super::value::{self, AnyValue};
use crate::options::credentials::{
    Credentials, CredentialsProvider, NotProvided, ProvidedCredentials, UncheckedCredentials,
};
use crate::options::invalid_option;

/// Checked credentials as plain data; `expiration` in milliseconds since 1970.
#[napi(object)]
pub struct CredentialsData {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
    pub expiration: Option<f64>,
}

/// What a credentials function came to: credentials, or a complaint.
#[napi(object)]
pub struct CredentialsAnswer {
    pub credentials: Option<CredentialsData>,
    pub complaint: Option<String>,
    /// Of a complaint: whether asking again may help.
    pub may_pass: Option<bool>,
}

/// Checks the fields of a credentials object.
#[napi]
pub fn check_credentials(
    access_key_id: AnyValue<'_>,
    secret_access_key: AnyValue<'_>,
    session_token: AnyValue<'_>,
    expiration: AnyValue<'_>,
) -> napi::Result<Either<CredentialsData, Failure>> {
    let checked = Credentials::validate(UncheckedCredentials {
        access_key_id: value::read(access_key_id)?,
        secret_access_key: value::read(secret_access_key)?,
        session_token: value::read(session_token)?,
        expiration: value::read(expiration)?,
    });
    Ok(match checked {
        Ok(credentials) => Either::A(credentials.into()),
        Err(complaint) => Either::B(invalid_option("credentials:", &complaint).into()),
    })
}

/// Asks the function in JavaScript, with the client's region. Weak: an idle client must not keep the
/// process alive.
pub type CredentialsFunction =
    ThreadsafeFunction<String, Promise<CredentialsAnswer>, String, Status, false, true>;

/// `None` once the client has been closed.
pub struct FromJavaScript(Mutex<Option<Arc<CredentialsFunction>>>);

impl FromJavaScript {
    pub fn new(function: CredentialsFunction) -> Self {
        Self(Mutex::new(Some(Arc::new(function))))
    }

    /// Lets go of the function in JavaScript.
    pub fn release(&self) {
        drop(self.function().take());
    }

    fn function(&self) -> MutexGuard<'_, Option<Arc<CredentialsFunction>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for FromJavaScript {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FromJavaScript")
    }
}

impl CredentialsProvider for FromJavaScript {
    fn provide(&self, region: String) -> ProvidedCredentials<'_> {
        Box::pin(async {
            let failed = |error: napi::Error| for_good(error.reason.clone());
            // client.js never rejects it.
            let collected =
                |_| for_good("its promise was dropped: nothing can settle it any more".to_owned());
            let function = self.function().clone();
            let function =
                function.ok_or_else(|| for_good("the client has been closed".to_owned()))?;
            let asked = function.call_async(region).await.map_err(failed)?;
            // A function that does not answer must not be held for a client that has been closed.
            drop(function);
            let answer = asked.await.map_err(collected)?;
            answer.credentials.map(Credentials::from).ok_or_else(|| NotProvided {
                message: answer.complaint.unwrap_or_default(),
                may_pass: answer.may_pass.unwrap_or_default(),
            })
        })
    }
}

fn for_good(message: String) -> NotProvided {
    NotProvided { message, may_pass: false }
}

impl From<CredentialsData> for Credentials {
    fn from(data: CredentialsData) -> Self {
        Self {
            access_key_id: data.access_key_id,
            secret_access_key: data.secret_access_key,
            session_token: data.session_token,
            expiration: data
                .expiration
                .map(|since| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(since / 1000.0)),
        }
    }
}

impl From<Credentials> for CredentialsData {
    fn from(credentials: Credentials) -> Self {
        Self {
            access_key_id: credentials.access_key_id,
            secret_access_key: credentials.secret_access_key,
            session_token: credentials.session_token,
            expiration: credentials
                .expiration
                .and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok())
                .map(|since| since.as_secs_f64() * 1000.0),
        }
    }
}
