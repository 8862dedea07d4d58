//! The two operations, as the README tells them.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use crate::admission::Admission;
use crate::error::BalanceError;
use crate::money::{Decimal, DefaultBalance, StoredBalance};
use crate::options::Deadlines;
use crate::retry::{Operation, Retry};
use crate::store::{CallId, Record, Store, WriteAnswer};
use crate::transaction::{Transaction, UserId};
use crate::verdict::{corrupt_balance, judge_refused_balance, judge_taken_key};

/// Balances and transactions in a store.
#[derive(Debug)]
pub struct Ledger<S> {
    store: S,
    default_balance: DefaultBalance,
    deadlines: Deadlines,
    admission: Admission,
}

impl<S: Store> Ledger<S> {
    pub fn new(store: S, default_balance: DefaultBalance, deadlines: Deadlines) -> Self {
        Self { store, default_balance, deadlines, admission: Admission::default() }
    }

    pub fn store(&self) -> &S {
        &self.store
    }

    /// The balance of a user, or the default one. Creates nothing.
    pub async fn get_current_balance(&self, user_id: &UserId) -> Result<Decimal, BalanceError> {
        let _place = self.admission.enter()?;
        let mut retry = self.start(Operation::Read);
        loop {
            let Some(turn) = self.admission.take_turn(retry.deadline()).await else {
                return Err(retry.give_up());
            };
            let answer = self.store.read(user_id, self.attempt_limit(&retry)).await;
            drop(turn);
            match answer {
                Ok(StoredBalance::Number(balance)) => return Ok(balance),
                Ok(StoredBalance::Absent) => return Ok(self.default_balance.as_decimal().clone()),
                Ok(StoredBalance::Corrupt) => return Err(corrupt_balance(user_id)),
                Err(fault) => sleep(retry.pause(fault, Instant::now(), fastrand::f64())?).await,
            }
        }
    }

    /// Records a transaction and moves the balance, both or neither, once per key.
    pub async fn transact(&self, transaction: Transaction) -> Result<(), BalanceError> {
        let _place = self.admission.enter()?;
        let mut retry = self.start(Operation::Transact);
        let record = Record {
            transaction,
            timestamp: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            call_id: CallId::unique(),
        };
        let mut request = self.store.prepare(&record);
        loop {
            let Some(turn) = self.admission.take_turn(retry.deadline()).await else {
                return Err(retry.give_up());
            };
            let answer = self.store.write(&mut request, self.attempt_limit(&retry)).await;
            drop(turn);
            match answer {
                Ok(WriteAnswer::Committed) => return Ok(()),
                Ok(WriteAnswer::KeyTaken(existing)) => return judge_taken_key(&record, &existing),
                Ok(WriteAnswer::BalanceRefused(balance)) => {
                    let refusal = judge_refused_balance(&record.transaction, &balance);
                    return Err(retry.conclude(refusal));
                }
                Err(fault) => sleep(retry.pause(fault, Instant::now(), fastrand::f64())?).await,
            }
        }
    }

    fn start(&self, operation: Operation) -> Retry {
        Retry::new(operation, self.deadlines.call, Instant::now())
    }

    fn attempt_limit(&self, retry: &Retry) -> Duration {
        retry.attempt_limit(self.deadlines.attempt, Instant::now())
    }
}
