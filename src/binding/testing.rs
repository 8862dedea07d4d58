//! Clients in memory as `testing.js` sees them.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use napi::Result;
use napi::bindgen_prelude::{Either, Object};
use napi_derive::napi;

use super::admin::AuditReport;
use super::client::NativeClient;
use super::failure::Failure;
use super::history::TransactionData;
use super::options;
use super::outbox::Deliver;
use super::store::ClientStore;
use super::transactions::{self, TransactionFields};
use super::value::{self, AnyValue};
use crate::core::history::timestamp_of;
use crate::error::{BalanceError, ErrorCode};
use crate::money::validate_balance;
use crate::options::credentials::CredentialsSource;
use crate::options::{Options, invalid_option};
use crate::store::in_memory::{InMemory, Tables};
use crate::transaction::UserId;
use crate::value::Value;

/// Two tables in memory, and their clock. They last as long as somebody has them.
#[napi]
pub struct NativeTables {
    tables: Arc<Tables>,
}

/// A code of an error, and whether errors with it are retryable.
#[napi(object)]
pub struct ErrorCodeData {
    pub code: String,
    pub retryable: bool,
}

/// All codes that errors of this package have.
#[napi]
pub fn error_codes() -> Vec<ErrorCodeData> {
    let data = |code: &ErrorCode| ErrorCodeData {
        code: code.as_str().to_owned(),
        retryable: code.is_retryable(),
    };
    ErrorCode::ALL.iter().map(data).collect()
}

/// Makes a client of these tables.
#[napi]
#[allow(clippy::needless_pass_by_value, reason = "napi hands objects over by value")]
pub fn open_client_in_memory(
    tables: &NativeTables,
    options: Object<'_>,
    deliver: Deliver<'_>,
) -> Result<Either<NativeClient, Failure>> {
    let options = Options::validate(options::read(&options)?, CredentialsSource::AwsChain);
    let open = |options: Options| {
        let store = InMemory::new(Arc::clone(&tables.tables), options.default_balance.clone());
        NativeClient::open(ClientStore::InMemory(store), &options, &deliver, None)
    };
    options.map_or_else(|error| Ok(Either::B(error.into())), open)
}

#[napi]
impl NativeTables {
    #[napi(constructor)]
    #[allow(clippy::new_without_default, reason = "JavaScript knows no Default")]
    pub fn new() -> Self {
        Self { tables: Arc::default() }
    }

    /// Milliseconds since 1970.
    #[napi]
    pub fn now(&self) -> f64 {
        let since = self.tables.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        milliseconds_of(since)
    }

    /// Stops the clock at a time in milliseconds since 1970.
    #[napi]
    pub fn stop_clock_at(&self, time: AnyValue<'_>) -> Result<Option<Failure>> {
        let time = value::read(time)?;
        Ok(settle(instant(&time).map(|time| self.tables.stop_clock_at(time))))
    }

    /// Lets milliseconds pass.
    #[napi]
    pub fn advance_clock(&self, milliseconds: AnyValue<'_>) -> Result<Option<Failure>> {
        let milliseconds = value::read(milliseconds)?;
        Ok(settle(self.advance(&milliseconds)))
    }

    /// Stores the balance of a user.
    #[napi]
    pub fn put_balance(
        &self,
        user_id: AnyValue<'_>,
        balance: AnyValue<'_>,
    ) -> Result<Option<Failure>> {
        let (user_id, balance) = (value::read(user_id)?, value::read(balance)?);
        let put = UserId::validate_for_transaction(user_id).and_then(|user_id| {
            let balance = validate_balance(&balance).map_err(|complaint| {
                invalid_option(&format!("balances[{:?}]", user_id.as_str()), &complaint)
            })?;
            self.tables.put_balance(&user_id, balance);
            Ok(())
        });
        Ok(settle(put))
    }

    /// All records, in the order in which they were written.
    #[napi]
    pub fn transactions(&self) -> Vec<TransactionData> {
        self.tables.transactions().into_iter().map(TransactionData::from).collect()
    }

    fn advance(&self, milliseconds: &Value) -> std::result::Result<(), BalanceError> {
        let Value::Number(milliseconds) = milliseconds else {
            return Err(invalid_time("advanceTime takes a number of milliseconds"));
        };
        let passed = Duration::try_from_secs_f64(milliseconds / 1000.0)
            .map_err(|_error| invalid_time("advanceTime takes 0 milliseconds or more"))?;
        instant(&Value::Number(self.now() + milliseconds))?;
        self.tables.advance_clock(passed);
        Ok(())
    }
}

#[napi]
impl NativeClient {
    /// Carries out a transaction that took place before, at a time in milliseconds.
    #[napi]
    pub fn put_transaction(
        &self,
        fields: TransactionFields<'_>,
        timestamp: AnyValue<'_>,
    ) -> Result<Option<Failure>> {
        let (fields, timestamp) = (transactions::read(fields)?, value::read(timestamp)?);
        let ClientStore::InMemory(store) = &*self.store else { return Ok(None) };
        let put = transactions::validate_one(fields).and_then(|transaction| {
            let timestamp = match timestamp {
                Value::Number(time) => timestamp_of(time),
                _ => None,
            };
            let timestamp = timestamp
                .ok_or_else(|| invalid_time("its timestamp must be a Date from 1970 to 9999"))?;
            store.put_transaction(transaction, timestamp)
        });
        Ok(settle(put))
    }

    /// Compares the balances with the records.
    #[napi]
    pub fn audit_in_memory(&self) -> Option<AuditReport> {
        match &*self.store {
            ClientStore::InMemory(store) => Some(store.audit().into()),
            ClientStore::DynamoDb { .. } => None,
        }
    }
}

fn settle(outcome: std::result::Result<(), BalanceError>) -> Option<Failure> {
    outcome.err().map(Failure::from)
}

#[expect(clippy::cast_precision_loss, reason = "until the year 9999 it is exact")]
fn milliseconds_of(duration: Duration) -> f64 {
    duration.as_millis() as f64
}

/// A time that can be a timestamp.
fn instant(value: &Value) -> std::result::Result<SystemTime, BalanceError> {
    match value {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within")]
        Value::Number(milliseconds) if timestamp_of(*milliseconds).is_some() => {
            Ok(UNIX_EPOCH + Duration::from_millis(*milliseconds as u64))
        }
        _ => Err(invalid_time("the time must be a Date from 1970 to 9999")),
    }
}

fn invalid_time(complaint: &str) -> BalanceError {
    BalanceError::new(ErrorCode::InvalidInput, format!("Invalid input: {complaint}."))
}
