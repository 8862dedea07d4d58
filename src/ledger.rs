//! The two operations, as the README tells them.

use std::time::{Duration, SystemTime};

use tokio::select;
use tokio::time::{Instant, sleep};

use crate::admission::{Admission, Place};
use crate::cancellation::Cancellation;
use crate::error::BalanceError;
use crate::money::{Decimal, DefaultBalance, StoredBalance};
use crate::options::Deadlines;
use crate::retry::{Operation, Retry};
use crate::store::{
    CallId, Fault, FenceAnswer, Reason, Record, RefusedBalance, Store, WriteAnswer,
};
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

    /// A place for a call, or its refusal. Taken before a call is left to run by itself: calls
    /// made before `close` are answered, and those made after it are refused.
    pub fn enter(&self) -> Result<Place, BalanceError> {
        self.admission.enter()
    }

    /// The balance of a user, or the default one. Creates nothing.
    pub async fn get_current_balance(
        &self,
        _place: Place,
        user_id: &UserId,
        cancellation: &Cancellation,
    ) -> Result<Decimal, BalanceError> {
        let mut retry = self.start(Operation::Read);
        if cancellation.is_requested() {
            return Err(retry.cancel());
        }
        let answer = select! {
            biased;
            answer = self.read(user_id, &mut retry) => Some(answer),
            () = cancellation.requested() => None,
        };
        match answer.unwrap_or_else(|| Err(retry.cancel()))? {
            StoredBalance::Number(balance) => Ok(balance),
            StoredBalance::Absent => Ok(self.default_balance.as_decimal().clone()),
            StoredBalance::Corrupt => Err(corrupt_balance(user_id)),
        }
    }

    /// Records a transaction and moves the balance, both or neither, once per key.
    pub async fn transact(
        &self,
        _place: Place,
        transaction: Transaction,
        cancellation: &Cancellation,
    ) -> Result<(), BalanceError> {
        let mut retry = self.start(Operation::Transact);
        if cancellation.is_requested() {
            return Err(retry.cancel());
        }
        let record = Record {
            transaction,
            timestamp: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            call_id: CallId::unique(),
        };
        let answer = select! {
            biased;
            answer = self.write(&record, &mut retry) => Some(answer),
            () = cancellation.requested() => None,
        };
        answer.unwrap_or_else(|| Err(retry.cancel()))
    }

    /// Refuses new calls from now on, and waits until those accepted before are answered.
    pub async fn close(&self) {
        self.admission.close().await;
    }

    /// Attempts to read until there is an answer.
    async fn read(
        &self,
        user_id: &UserId,
        retry: &mut Retry,
    ) -> Result<StoredBalance, BalanceError> {
        loop {
            let Some(turn) = self.admission.take_turn(retry.deadline()).await else {
                return Err(retry.give_up());
            };
            let answer = self.store.read(user_id, self.begin_attempt(retry)).await;
            drop(turn);
            match answer {
                Ok(balance) => return Ok(balance),
                Err(fault) => pause(retry, fault).await?,
            }
        }
    }

    /// Attempts to write until there is an answer that will not change any more.
    async fn write(&self, record: &Record, retry: &mut Retry) -> Result<(), BalanceError> {
        let mut request = self.store.prepare(record);
        let mut last_refusal = None;
        loop {
            let Some(turn) = self.admission.take_turn(retry.deadline()).await else {
                return Err(retry.give_up());
            };
            let answer = self.store.write(&mut request, self.begin_attempt(retry)).await;
            drop(turn);
            match answer {
                Ok(WriteAnswer::Committed) => return Ok(()),
                Ok(WriteAnswer::KeyTaken(existing)) => return judge_taken_key(record, &existing),
                Ok(WriteAnswer::BalanceRefused(refused)) => {
                    let is_fenced = refused.fences.contains(&record.call_id);
                    // Behind a fence, what the balance has become since does not matter.
                    let refusal = last_refusal.take().filter(|_| is_fenced).unwrap_or_else(|| {
                        judge_refused_balance(&record.transaction, &refused.balance)
                    });
                    if is_fenced || !retry.is_uncertain() {
                        return Err(refusal);
                    }
                    match self.fence(&mut request, &refused, retry).await? {
                        FenceAnswer::Fenced => return Err(refusal),
                        FenceAnswer::KeyTaken(existing) => {
                            return judge_taken_key(record, &existing);
                        }
                        FenceAnswer::Outdated => {
                            last_refusal = Some(refusal);
                            pause(retry, Fault::NotTaken(changed())).await?;
                        }
                    }
                }
                Err(fault) => pause(retry, fault).await?,
            }
        }
    }

    /// Attempts to make a refusal final until there is an answer. An unanswered attempt may still
    /// be on its way and find the balance covered when it arrives.
    async fn fence(
        &self,
        request: &mut S::Request,
        refused: &RefusedBalance,
        retry: &mut Retry,
    ) -> Result<FenceAnswer, BalanceError> {
        loop {
            let Some(turn) = self.admission.take_turn(retry.deadline()).await else {
                return Err(retry.give_up());
            };
            let answer = self.store.fence(request, refused, self.begin_attempt(retry)).await;
            drop(turn);
            match answer {
                Ok(answer) => return Ok(answer),
                Err(fault) => pause(retry, fault).await?,
            }
        }
    }

    fn start(&self, operation: Operation) -> Retry {
        Retry::new(operation, self.deadlines.call, Instant::now())
    }

    fn begin_attempt(&self, retry: &mut Retry) -> Duration {
        retry.begin_attempt(self.deadlines.attempt, Instant::now())
    }
}

fn changed() -> Reason {
    Reason { summary: "the balance kept changing".to_owned(), cause: None }
}

/// Waits before the next attempt, or ends the call.
async fn pause(retry: &mut Retry, fault: Fault) -> Result<(), BalanceError> {
    let pause = retry.pause(fault, Instant::now(), fastrand::f64())?;
    sleep(pause).await;
    Ok(())
}

#[cfg(test)]
mod tests;
