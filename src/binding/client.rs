//! The client as `client.js` sees it. Calls have numbers; their answers come back through the
//! outbox. What can be said at once is returned: a `Failure`, or nothing.

use std::collections::HashMap;
use std::sync::Arc;

use napi::Result;
use napi::bindgen_prelude::{Either, Object};
use napi_derive::napi;
use tokio::runtime::Handle;

use super::credentials::{CredentialsData, CredentialsFunction, FromJavaScript};
use super::failure::Failure;
use super::history::Listings;
use super::options;
use super::outbox::{Answered, Deliver, Outbox};
use super::requests::Reports;
use super::results::{BalanceData, TransactionsData};
use super::runtime;
use super::store::ClientStore;
use super::transactions::{self, TransactionFields};
use super::value::{self, AnyValue};
use crate::driver::ledger::Ledger;
use crate::dynamodb::DynamoDb;
use crate::error::BalanceError;
use crate::money::Decimal;
use crate::options::Options;
use crate::options::credentials::CredentialsSource;
use crate::options::tables::{TablesOptions, UncheckedTablesOptions};
use crate::transaction::{IdempotentKey, Transaction, UserId};

/// A ledger in DynamoDB, or in memory.
#[napi]
pub struct NativeClient {
    pub(super) ledger: Ledger<ClientStore>,
    pub(super) store: Arc<ClientStore>,
    pub(super) listings: Arc<Listings>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) reports: Arc<Reports>,
    pub(super) runtime: Handle,
    credentials: Option<Arc<FromJavaScript>>,
}

/// Makes a client. `environment` is JavaScript's `process.env`.
#[napi]
#[allow(clippy::needless_pass_by_value, reason = "napi hands functions over by value")]
pub fn open_client(
    options: Object<'_>,
    environment: HashMap<String, String>,
    deliver: Deliver<'_>,
    credentials: Option<Either<CredentialsFunction, CredentialsData>>,
) -> Result<Either<NativeClient, Failure>> {
    let (source, function) = match credentials {
        None => (CredentialsSource::AwsChain, None),
        Some(Either::A(function)) => {
            let function = Arc::new(FromJavaScript::new(function));
            (CredentialsSource::Provider(Arc::clone(&function) as _), Some(function))
        }
        Some(Either::B(data)) => (CredentialsSource::Fixed(data.into()), None),
    };
    let open = |options: Options| {
        let store = ClientStore::dynamodb(DynamoDb::new(options.clone(), environment));
        NativeClient::open(store, &options, &deliver, function)
    };
    let options = Options::validate(options::read(&options)?, source);
    options.map_or_else(|error| Ok(Either::B(error.into())), open)
}

impl NativeClient {
    pub(super) fn open(
        store: ClientStore,
        options: &Options,
        deliver: &Deliver<'_>,
        credentials: Option<Arc<FromJavaScript>>,
    ) -> Result<Either<Self, Failure>> {
        let runtime = match runtime::handle() {
            Ok(runtime) => runtime,
            Err(error) => return Ok(Either::B(error.into())),
        };
        let reports = Arc::new(Reports::new(options));
        let outbox = Arc::new(Outbox::new(deliver, Arc::clone(&reports))?);
        let bell = Arc::clone(&outbox);
        let store = Arc::new(store);
        let (ledger, dispatcher) = Ledger::new(
            Arc::clone(&store),
            options.default_balance.as_decimal(),
            options.deadlines,
            Arc::new(move || bell.ring()),
        );
        let dispatcher = dispatcher.observed_by(Arc::clone(&reports.observer));
        drop(runtime.spawn(dispatcher.run()));
        let listings = Arc::new(Listings::default());
        Ok(Either::A(Self { ledger, store, listings, outbox, reports, runtime, credentials }))
    }
}

#[napi]
impl NativeClient {
    #[napi]
    pub fn get_current_balance(
        &self,
        number: f64,
        user_id: AnyValue<'_>,
    ) -> Result<Option<Failure>> {
        let user_id = value::read(user_id)?;
        let accepted = UserId::validate_for_balance(user_id).and_then(|user_id| {
            self.ledger.get_current_balance(
                ordinal(number),
                user_id,
                self.recipient(number, |balance: Decimal| balance.to_number()),
            )
        });
        Ok(accepted.err().map(Failure::from))
    }

    #[napi]
    pub fn get_balance(&self, number: f64, user_id: AnyValue<'_>) -> Result<Option<Failure>> {
        let user_id = value::read(user_id)?;
        let accepted = UserId::validate_for_balance(user_id).and_then(|user_id| {
            self.ledger.get_balance(
                ordinal(number),
                user_id,
                self.recipient(number, BalanceData::from),
            )
        });
        Ok(accepted.err().map(Failure::from))
    }

    #[napi]
    pub fn get_transaction(
        &self,
        number: f64,
        idempotent_key: AnyValue<'_>,
    ) -> Result<Option<Failure>> {
        let idempotent_key = value::read(idempotent_key)?;
        let accepted = IdempotentKey::validate(idempotent_key).and_then(|key| {
            self.ledger.get_transaction(
                ordinal(number),
                key,
                self.recipient(number, TransactionsData::from),
            )
        });
        Ok(accepted.err().map(Failure::from))
    }

    #[napi]
    pub fn transact(
        &self,
        number: f64,
        idempotent_key: AnyValue<'_>,
        user_id: AnyValue<'_>,
        amount: AnyValue<'_>,
        transaction_type: AnyValue<'_>,
    ) -> Result<Option<Failure>> {
        let idempotent_key = value::read(idempotent_key)?;
        let user_id = value::read(user_id)?;
        let amount = value::read(amount)?;
        let transaction_type = value::read(transaction_type)?;
        let accepted = Transaction::validate(idempotent_key, user_id, &amount, &transaction_type)
            .and_then(|transaction| {
                self.ledger.transact(ordinal(number), transaction, self.recipient(number, |()| ()))
            });
        Ok(accepted.err().map(Failure::from))
    }

    /// One transaction, told as it is recorded.
    #[napi]
    pub fn create_transaction(
        &self,
        number: f64,
        fields: TransactionFields<'_>,
    ) -> Result<Option<Failure>> {
        let transaction = transactions::validate_one(transactions::read(fields)?);
        Ok(self.create(number, transaction.map(|transaction| vec![transaction])))
    }

    /// Transactions all or none; `list` has the first of `count`.
    #[napi]
    pub fn create_transactions(
        &self,
        number: f64,
        count: u32,
        list: Vec<TransactionFields<'_>>,
    ) -> Result<Option<Failure>> {
        let list = list.into_iter().map(transactions::read).collect::<Result<Vec<_>>>()?;
        Ok(self.create(number, transactions::validate_all(count as usize, list)))
    }

    fn create(
        &self,
        number: f64,
        transactions: std::result::Result<Vec<Transaction>, BalanceError>,
    ) -> Option<Failure> {
        let accepted = transactions.and_then(|transactions| {
            self.ledger.create_transactions(
                ordinal(number),
                transactions,
                self.recipient(number, TransactionsData::from),
            )
        });
        accepted.err().map(Failure::from)
    }

    /// Lets those calls leave that were made since the last time.
    #[napi]
    pub fn flush(&self) {
        self.ledger.flush();
    }

    /// Ends a call early.
    #[napi]
    pub fn cancel(&self, number: f64) {
        self.ledger.cancel(ordinal(number));
    }

    #[napi]
    pub fn close(&self, number: f64) {
        let closed = self.ledger.close();
        self.answer(number, async move {
            closed.await;
            Ok(())
        });
    }

    /// After `close` was answered: lets go of all functions in JavaScript. While they are held, tools that
    /// look for open handles name them.
    #[napi]
    pub fn release(&self) {
        self.outbox.release();
        if let Some(function) = &self.credentials {
            function.release();
        }
    }

    /// `names` are those of all options that were given.
    #[napi]
    pub fn create_tables(
        &self,
        number: f64,
        names: Vec<String>,
        history: AnyValue<'_>,
        holds: AnyValue<'_>,
    ) -> Result<Option<Failure>> {
        let (history, holds) = (value::read(history)?, value::read(holds)?);
        let unchecked = UncheckedTablesOptions { names, history, holds };
        let store = Arc::clone(&self.store);
        let accepted = TablesOptions::validate(&unchecked).map(|wanted| {
            self.answer(number, async move { store.create_tables(wanted).await });
        });
        Ok(accepted.err().map(Failure::from))
    }

    /// Puts the answer of a call into the outbox, a success in the form that JavaScript takes.
    pub(super) fn recipient<T, A: Into<Answered>>(
        &self,
        number: f64,
        form: impl FnOnce(T) -> A + Send + 'static,
    ) -> impl FnOnce(std::result::Result<T, BalanceError>) + Send + 'static {
        let outbox = Arc::clone(&self.outbox);
        move |outcome| outbox.put(number, outcome.map(form))
    }

    fn answer(
        &self,
        number: f64,
        outcome: impl Future<Output = std::result::Result<(), BalanceError>> + Send + 'static,
    ) {
        let outbox = Arc::clone(&self.outbox);
        drop(self.runtime.spawn(async move {
            outbox.put(number, outcome.await);
            outbox.ring();
        }));
    }
}

/// JavaScript counts in doubles, which are exact as far as anybody can count.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn ordinal(number: f64) -> u64 {
    number as u64
}
