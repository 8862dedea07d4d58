//! The two operations, as the README tells them: accepted here, carried out by the `dispatcher`,
//! answered to whoever asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::Instant;

use crate::admission::Admission;
use crate::answer::Answer;
use crate::dispatcher::{AfterAnswers, Call, Command, Dispatcher};
use crate::ending::{Ending, Operation};
use crate::error::BalanceError;
use crate::lane::{self, Member};
use crate::money::{Decimal, StoredBalance};
use crate::options::Deadlines;
use crate::reading::{self, Reader};
use crate::store::{CallId, Record, Store};
use crate::transaction::{Transaction, UserId};
use crate::verdict::corrupt_balance;

/// Balances and transactions in a store.
pub struct Ledger {
    default_balance: Decimal,
    deadlines: Deadlines,
    admission: Admission,
    /// Calls that leave together with the next `depart`.
    gathered: Mutex<Vec<Call>>,
    /// Not bounded by itself: `admission` bounds the calls.
    dispatcher: UnboundedSender<Command>,
    after_answers: AfterAnswers,
}

impl Ledger {
    /// The dispatcher is to be run beside it. `after_answers` is called whenever some calls have
    /// been answered.
    pub fn new<S: Store>(
        store: Arc<S>,
        default_balance: &Decimal,
        deadlines: Deadlines,
        after_answers: AfterAnswers,
    ) -> (Self, Dispatcher<S>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let ending = |operation| Ending { operation, call_timeout: deadlines.call };
        let lanes = lane::Terms {
            ending: ending(Operation::Transact),
            default_balance: default_balance.clone(),
            attempt_timeout: deadlines.attempt,
        };
        let reads =
            reading::Terms { ending: ending(Operation::Read), attempt_timeout: deadlines.attempt };
        let dispatcher = Dispatcher::new(store, lanes, reads, receiver, Arc::clone(&after_answers));
        let ledger = Self {
            default_balance: default_balance.clone(),
            deadlines,
            admission: Admission::default(),
            gathered: Mutex::default(),
            dispatcher: sender,
            after_answers,
        };
        (ledger, dispatcher)
    }

    /// The balance of a user, or the default one. Creates nothing. `number` rises from call to
    /// call.
    pub fn get_current_balance(
        &self,
        number: u64,
        user_id: UserId,
        recipient: impl FnOnce(Result<Decimal, BalanceError>) + Send + 'static,
    ) -> Result<(), BalanceError> {
        let default_balance = self.default_balance.clone();
        let user = user_id.clone();
        let ticket = Answer::new(self.admission.enter()?, move |stored| {
            recipient(stored.and_then(|stored| judge_balance(stored, &default_balance, &user)));
        });
        let deadline = Instant::now() + self.deadlines.call;
        self.gathered().push(Call::Read(Reader { number, user_id, deadline, ticket }));
        Ok(())
    }

    /// Records a transaction and moves the balance, both or neither, once per key. `number` rises
    /// from call to call.
    pub fn transact(
        &self,
        number: u64,
        transaction: Transaction,
        recipient: impl FnOnce(Result<(), BalanceError>) + Send + 'static,
    ) -> Result<(), BalanceError> {
        let ticket = Answer::new(self.admission.enter()?, recipient);
        let deadline = Instant::now() + self.deadlines.call;
        let record = Arc::new(Record {
            transaction,
            timestamp: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            call_id: CallId::unique(),
        });
        self.gathered().push(Call::Transact(Member { number, record, deadline, ticket }));
        Ok(())
    }

    /// Lets those leave that were called for since the last time.
    pub fn depart(&self) {
        let calls = std::mem::take(&mut *self.gathered());
        if !calls.is_empty() {
            self.tell(Command::Depart(calls));
        }
    }

    /// Ends a call whose caller does not want to wait any longer.
    pub fn cancel(&self, number: u64) {
        let mut gathered = self.gathered();
        let position = gathered.iter().position(|call| call.number() == number);
        let has_not_left = position.map(|position| gathered.remove(position));
        drop(gathered);
        match has_not_left {
            Some(call) => {
                call.cancel(self.deadlines.call);
                (self.after_answers)();
            }
            None => self.tell(Command::Cancel(number)),
        }
    }

    /// Refuses new calls from now on, and waits until those accepted before are answered.
    pub fn close(&self) -> impl Future<Output = ()> + Send + 'static {
        self.depart();
        self.admission.close()
    }

    fn gathered(&self) -> MutexGuard<'_, Vec<Call>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Without a dispatcher, which takes a defect, the command is dropped, and with it its calls,
    /// which answers them.
    fn tell(&self, command: Command) {
        drop(self.dispatcher.send(command));
    }
}

fn judge_balance(
    stored: StoredBalance,
    default_balance: &Decimal,
    user_id: &UserId,
) -> Result<Decimal, BalanceError> {
    match stored {
        StoredBalance::Number(balance) => Ok(balance),
        StoredBalance::Absent => Ok(default_balance.clone()),
        StoredBalance::Corrupt => Err(corrupt_balance(user_id)),
    }
}

#[cfg(test)]
mod tests;
