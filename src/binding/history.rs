//! The listings of transactions and holds as `client.js` sees it.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use napi::Result;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use tokio::sync::oneshot;

use super::client::{NativeClient, ordinal};
use super::failure::Failure;
use super::outbox::Answered;
use super::requests::ListingReporter;
use super::store::ClientStore;
use super::value::{self, AnyValue};
use crate::core::history::{
    ExpiredPage, Listing, Page, Position, RecordedTransaction, UncheckedListing,
};
use crate::core::holds;
use crate::driver::reply;
use crate::error::BalanceError;
use crate::money::Decimal;
use crate::store::Store as _;

type Cancelled = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The listings of a client that are under way, each of which can be ended early.
#[derive(Default)]
pub struct Listings {
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
    pub hold_state: Option<String>,
    pub expires_at: Option<String>,
    pub captured_amount: Option<String>,
    pub closed_by: Option<String>,
    pub hold: Option<String>,
    pub malformed: Option<String>,
}

/// Expired holds by their keys, and where the next page begins.
#[napi(object)]
pub struct ExpiredData {
    pub holds: Vec<TransactionData>,
    pub next: Option<Vec<String>>,
}

impl Listings {
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
        let accepted = Listing::validate(unchecked).and_then(|listing| self.list(number, listing));
        Ok(accepted.err().map(Failure::from))
    }

    #[napi]
    pub fn list_holds(
        &self,
        number: f64,
        user_id: AnyValue<'_>,
        limit: AnyValue<'_>,
        cursor: AnyValue<'_>,
    ) -> Result<Option<Failure>> {
        let (user_id, limit, cursor) =
            (value::read(user_id)?, value::read(limit)?, value::read(cursor)?);
        let accepted = Listing::validate_holds(user_id, &limit, &cursor)
            .and_then(|listing| self.list(number, listing));
        Ok(accepted.err().map(Failure::from))
    }

    /// A page of the open holds of all users that have expired. `after` is where the page before ended.
    #[napi]
    pub fn list_expired_holds(&self, number: f64, after: Option<Vec<String>>) -> Option<Failure> {
        let expired = holds::expired(self.store.now(), position(after));
        let accepted = self.begin_listing(number, move |store, cancelled, reporter| async move {
            store.expired(expired, cancelled, &*reporter).await.map(ExpiredData::from)
        });
        accepted.err().map(Failure::from)
    }

    fn list(&self, number: f64, listing: Listing) -> std::result::Result<(), BalanceError> {
        self.begin_listing(number, move |store, cancelled, reporter| async move {
            store.page(listing, cancelled, &*reporter).await.map(PageData::from)
        })
    }

    /// Reads beside the calls, until it is done or `cancel_listing` ends it.
    fn begin_listing<T, Work>(
        &self,
        number: f64,
        read: impl FnOnce(Arc<ClientStore>, Cancelled, Arc<ListingReporter>) -> Work + Send + 'static,
    ) -> std::result::Result<(), BalanceError>
    where
        T: Into<Answered> + Send,
        Work: Future<Output = std::result::Result<T, BalanceError>> + Send + 'static,
    {
        let permit = self.ledger.admit()?;
        let (cancel, cancelled) = oneshot::channel();
        self.listings.under_way().insert(ordinal(number), cancel);
        let (listings, outbox) = (Arc::clone(&self.listings), Arc::clone(&self.outbox));
        let cancelled: Cancelled = Box::pin(async { drop(cancelled.await) });
        let observer = Arc::clone(&self.reports.observer);
        let reporter = ListingReporter::new(ordinal(number), observer, self.ledger.trace());
        let reporter = Arc::new(reporter);
        let work = read(Arc::clone(&self.store), cancelled, Arc::clone(&reporter));
        drop(self.runtime.spawn(async move {
            let outcome = AssertUnwindSafe(work).catch_unwind().await;
            listings.under_way().remove(&ordinal(number));
            let outcome = outcome.unwrap_or_else(|_panic| Err(reply::lost()));
            outbox.put(number, outcome.map_err(|error| reporter.tell(error)));
            drop(permit);
            outbox.ring();
        }));
        Ok(())
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

/// User, sort key and key.
fn position(after: Option<Vec<String>>) -> Option<(String, Position)> {
    let [user_id, sort, idempotent_key] = after?.try_into().ok()?;
    Some((user_id, Position { sort, idempotent_key }))
}

impl From<ExpiredPage> for ExpiredData {
    fn from(page: ExpiredPage) -> Self {
        let next = |(user_id, position): (String, Position)| {
            vec![user_id, position.sort, position.idempotent_key]
        };
        Self {
            holds: page.holds.into_iter().map(TransactionData::from).collect(),
            next: page.read_up_to.map(next),
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
        let hold = transaction.hold.as_ref();
        Self {
            idempotent_key: transaction.idempotent_key,
            user_id: transaction.user_id,
            amount: transaction.amount,
            transaction_type: transaction.transaction_type,
            timestamp: transaction.timestamp,
            metadata: transaction.metadata.map(pairs),
            hold_state: hold.map(|hold| hold.state.as_str().to_owned()),
            expires_at: hold.and_then(|hold| hold.expires_at.clone()),
            captured_amount: hold
                .and_then(|hold| hold.captured.as_ref())
                .map(Decimal::to_plain_string),
            closed_by: hold.and_then(|hold| hold.closed_by.clone()),
            hold: transaction.returned_from,
            malformed: transaction.malformed,
        }
    }
}
