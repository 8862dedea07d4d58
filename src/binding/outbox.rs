//! Answers on their way to JavaScript. They cross together: one wake-up for all that is ready.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::{Either7, FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Result, Status};

use super::client::ordinal;
use super::failure::Failure;
use super::history::{ExpiredData, PageData};
use super::requests::{NotesData, Reports};
use super::results::{BalanceData, TransactionsData};
use crate::error::BalanceError;

/// A balance in the words of `getCurrentBalance`, nothing, a failure, a balance in full, transactions,
/// a page of a history or of holds, or one of expired holds.
pub type Outcome = Either7<f64, (), Failure, BalanceData, TransactionsData, PageData, ExpiredData>;

/// The numbers of the calls, their outcomes in the same order, and what there is to tell about those that
/// are observed.
pub type Delivery = FnArgs<(Vec<f64>, Vec<Outcome>, Option<NotesData>)>;

/// The function in JavaScript that takes a delivery.
pub type Deliver<'env> = Function<'env, Delivery, ()>;

/// Weak: an idle client must not keep the process alive. `client.js` sees to it that one with
/// calls does.
type Bell = ThreadsafeFunction<(), (), Delivery, Status, false, true>;

type Answers = Mutex<(Vec<f64>, Vec<Outcome>)>;

pub struct Outbox {
    answers: Arc<Answers>,
    has_rung: Arc<AtomicBool>,
    reports: Arc<Reports>,
    /// `None` once nobody waits for answers any more.
    bell: Mutex<Option<Bell>>,
}

impl Outbox {
    pub fn new(deliver: &Deliver<'_>, reports: Arc<Reports>) -> Result<Self> {
        let answers = Arc::<Answers>::default();
        let has_rung = Arc::new(AtomicBool::new(false));
        let (waiting, bell_is_free) = (Arc::clone(&answers), Arc::clone(&has_rung));
        let notes = Arc::clone(&reports);
        let bell =
            deliver.build_threadsafe_function::<()>().weak::<true>().build_callback(move |_| {
                bell_is_free.store(false, Ordering::Release);
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                let (numbers, outcomes) = std::mem::take(&mut *waiting);
                drop(waiting);
                Ok(FnArgs::from((numbers, outcomes, notes.take())))
            })?;
        Ok(Self { answers, has_rung, reports, bell: Mutex::new(Some(bell)) })
    }

    /// Puts an answer down. It leaves with the next `ring`.
    pub fn put<T: Into<Answered>>(
        &self,
        number: f64,
        outcome: std::result::Result<T, BalanceError>,
    ) {
        // First, so that it is told together with the answer at the latest.
        self.reports.observer.end(ordinal(number));
        let outcome = match outcome {
            Ok(success) => success.into().0,
            Err(error) => Either7::C(error.into()),
        };
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.0.push(number);
        answers.1.push(outcome);
    }

    /// Has the answers fetched. With JavaScript gone there is nobody to tell.
    pub fn ring(&self) {
        if !self.has_rung.swap(true, Ordering::AcqRel)
            && let Some(bell) = &*self.bell()
        {
            bell.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// Lets go of the function in JavaScript, after the last answer.
    pub fn release(&self) {
        drop(self.bell().take());
    }

    fn bell(&self) -> MutexGuard<'_, Option<Bell>> {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A success on its way.
pub struct Answered(Outcome);

impl From<f64> for Answered {
    fn from(balance: f64) -> Self {
        Self(Either7::A(balance))
    }
}

impl From<()> for Answered {
    fn from((): ()) -> Self {
        Self(Either7::B(()))
    }
}

impl From<BalanceData> for Answered {
    fn from(balance: BalanceData) -> Self {
        Self(Either7::D(balance))
    }
}

impl From<TransactionsData> for Answered {
    fn from(transactions: TransactionsData) -> Self {
        Self(Either7::E(transactions))
    }
}

impl From<PageData> for Answered {
    fn from(page: PageData) -> Self {
        Self(Either7::F(page))
    }
}

impl From<ExpiredData> for Answered {
    fn from(page: ExpiredData) -> Self {
        Self(Either7::G(page))
    }
}
