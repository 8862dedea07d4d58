//! The listing of transactions as `index.js` sees it.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use napi::Result;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use tokio::sync::oneshot;

use super::client::{NativeClient, ordinal};
use super::failure::Failure;
use super::value;
use crate::core::history::{Listing, Page, RecordedTransaction, UncheckedListing};
use crate::driver::reply;
use crate::dynamodb::history::History;
use crate::error::BalanceError;

/// The listings of a client, of which those under way can be ended early.
pub struct Listings {
    history: History,
    under_way: Mutex<HashMap<u64, oneshot::Sender<()>>>,
}

#[napi(object)]
pub struct PageData {
    pub transactions: Vec<TransactionData>,
    pub cursor: Option<String>,
}

/// `metadata` has a name and a value in each entry: as properties, some names would be lost.
#[napi(object)]
pub struct TransactionData {
    pub idempotent_key: String,
    pub user_id: String,
    pub amount: String,
    #[napi(js_name = "type")]
    pub transaction_type: String,
    pub timestamp: String,
    pub metadata: Option<Vec<Vec<String>>>,
    pub malformed: Option<String>,
}

impl Listings {
    pub fn new(history: History) -> Self {
        Self { history, under_way: Mutex::default() }
    }

    async fn list(
        &self,
        number: u64,
        listing: Listing,
        cancelled: oneshot::Receiver<()>,
    ) -> std::result::Result<Page, BalanceError> {
        let cancelled = async { drop(cancelled.await) };
        let work = AssertUnwindSafe(self.history.list(listing, cancelled)).catch_unwind().await;
        self.under_way().remove(&number);
        work.unwrap_or_else(|_panic| Err(reply::lost()))
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<()>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[napi]
impl NativeClient {
    /// `from` and `to` are milliseconds since 1970, if they are a `Date`.
    #[napi]
    #[allow(clippy::needless_pass_by_value, reason = "napi hands objects over by value")]
    pub fn list_transactions(&self, number: f64, listing: Object<'_>) -> Result<Option<Failure>> {
        let field = |name| value::field(&listing, name);
        let unchecked = UncheckedListing {
            user_id: field("userId")?,
            from: field("from")?,
            to: field("to")?,
            order: field("order")?,
            limit: field("limit")?,
            cursor: field("cursor")?,
        };
        let accepted = Listing::validate(unchecked).and_then(|listing| {
            let permit = self.ledger.admit()?;
            let (cancel, cancelled) = oneshot::channel();
            self.listings.under_way().insert(ordinal(number), cancel);
            let (listings, outbox) = (Arc::clone(&self.listings), Arc::clone(&self.outbox));
            drop(self.runtime.spawn(async move {
                let outcome = listings.list(ordinal(number), listing, cancelled).await;
                outbox.put(number, outcome.map(PageData::from));
                drop(permit);
                outbox.ring();
            }));
            Ok(())
        });
        Ok(accepted.err().map(Failure::from))
    }

    /// Ends a listing early.
    #[napi]
    pub fn cancel_listing(&self, number: f64) {
        if let Some(cancel) = self.listings.under_way().remove(&ordinal(number)) {
            // It may just have been answered.
            let _ = cancel.send(());
        }
    }
}

impl From<Page> for PageData {
    fn from(page: Page) -> Self {
        Self {
            transactions: page.transactions.into_iter().map(TransactionData::from).collect(),
            cursor: page.cursor,
        }
    }
}

impl From<RecordedTransaction> for TransactionData {
    fn from(transaction: RecordedTransaction) -> Self {
        let pairs = |entries: Vec<(String, String)>| {
            entries.into_iter().map(|(name, value)| vec![name, value]).collect()
        };
        Self {
            idempotent_key: transaction.idempotent_key,
            user_id: transaction.user_id,
            amount: transaction.amount,
            transaction_type: transaction.transaction_type,
            timestamp: transaction.timestamp,
            metadata: transaction.metadata.map(pairs),
            malformed: transaction.malformed,
        }
    }
}
