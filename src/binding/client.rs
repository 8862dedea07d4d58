//! The client as `index.js` sees it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Either, Object, PromiseRaw, Result};
use napi_derive::napi;
use tokio_util::sync::CancellationToken;

use super::credentials::{CredentialsData, CredentialsFunction, FromJavaScript};
use super::failure::Failure;
use super::options;
use super::value::{self, AnyValue};
use crate::cancellation::Cancellation;
use crate::credentials::CredentialsSource;
use crate::dynamodb::DynamoDb;
use crate::error::BalanceError;
use crate::ledger::Ledger;
use crate::options::Options;
use crate::transaction::{Transaction, UserId};

/// A ledger in DynamoDB. Every promise it returns resolves: to a result, or to a `Failure`.
#[napi]
pub struct NativeClient {
    ledger: Arc<Ledger<DynamoDb>>,
}

/// Makes a client. `environment` is JavaScript's `process.env`.
#[napi]
pub fn open_client(
    options: Object<'_>,
    environment: HashMap<String, String>,
    credentials: Option<Either<CredentialsFunction, CredentialsData>>,
) -> Result<Either<NativeClient, Failure>> {
    let credentials = match credentials {
        None => CredentialsSource::AwsChain,
        Some(Either::A(function)) => {
            CredentialsSource::Provider(Arc::new(FromJavaScript(function)))
        }
        Some(Either::B(data)) => CredentialsSource::Fixed(data.into()),
    };
    Ok(match Options::validate(options::read(&options)?, credentials) {
        Err(error) => Either::B(error.into()),
        Ok(options) => {
            let default_balance = options.default_balance.clone();
            let deadlines = options.deadlines;
            let store = DynamoDb::new(options, environment);
            Either::A(NativeClient {
                ledger: Arc::new(Ledger::new(store, default_balance, deadlines)),
            })
        }
    })
}

#[napi]
impl NativeClient {
    #[napi]
    pub fn get_current_balance<'env>(
        &self,
        env: &'env Env,
        user_id: AnyValue<'env>,
        cancellation: Option<&Canceller>,
    ) -> Result<PromiseRaw<'env, Either<f64, Failure>>> {
        let cancellation = cancellation_of(cancellation);
        let user_id = value::read(user_id)?;
        let ledger = Arc::clone(&self.ledger);
        let place = ledger.enter();
        settle(env, async move {
            let user_id = UserId::validate_for_balance(user_id)?;
            let balance = ledger.get_current_balance(place?, &user_id, &cancellation).await?;
            Ok(balance.to_number())
        })
    }

    #[napi]
    pub fn transact<'env>(
        &self,
        env: &'env Env,
        idempotent_key: AnyValue<'env>,
        user_id: AnyValue<'env>,
        amount: AnyValue<'env>,
        transaction_type: AnyValue<'env>,
        cancellation: Option<&Canceller>,
    ) -> Result<PromiseRaw<'env, Either<(), Failure>>> {
        let cancellation = cancellation_of(cancellation);
        let idempotent_key = value::read(idempotent_key)?;
        let user_id = value::read(user_id)?;
        let amount = value::read(amount)?;
        let transaction_type = value::read(transaction_type)?;
        let ledger = Arc::clone(&self.ledger);
        let place = ledger.enter();
        settle(env, async move {
            let transaction =
                Transaction::validate(idempotent_key, user_id, &amount, &transaction_type)?;
            ledger.transact(place?, transaction, &cancellation).await
        })
    }

    #[napi]
    pub fn close<'env>(&self, env: &'env Env) -> Result<PromiseRaw<'env, Either<(), Failure>>> {
        let ledger = Arc::clone(&self.ledger);
        settle(env, async move {
            ledger.close().await;
            Ok(())
        })
    }

    #[napi]
    pub fn create_tables<'env>(
        &self,
        env: &'env Env,
    ) -> Result<PromiseRaw<'env, Either<(), Failure>>> {
        let ledger = Arc::clone(&self.ledger);
        settle(env, async move { ledger.store().create_tables().await })
    }
}

/// Cancels the call that it was given to. An AbortSignal cannot leave JavaScript's thread.
#[napi]
#[derive(Default)]
pub struct Canceller {
    token: CancellationToken,
}

#[napi]
impl Canceller {
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    #[napi]
    pub fn cancel(&self) {
        self.token.cancel();
    }
}

fn cancellation_of(canceller: Option<&Canceller>) -> Cancellation {
    canceller
        .map_or_else(Cancellation::never, |canceller| Cancellation::when(canceller.token.clone()))
}

/// A promise that resolves either way.
fn settle<T, F>(env: &Env, outcome: F) -> Result<PromiseRaw<'_, Either<T, Failure>>>
where
    T: napi::bindgen_prelude::ToNapiValue + Send + 'static,
    F: Future<Output = std::result::Result<T, BalanceError>> + Send + 'static,
{
    env.spawn_future(async move {
        Ok(match outcome.await {
            Ok(result) => Either::A(result),
            Err(error) => Either::B(error.into()),
        })
    })
}
