//! The two operations, as the README tells them: accepted here, carried out by the `dispatcher`,
//! answered to whoever asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::Instant;

use crate::core::indefinite::{Ending, Operation};
use crate::core::lane::{self, PendingWrite};
use crate::core::outcome::corrupt_balance;
use crate::core::reads::{self, PendingRead};
use crate::driver::admission::Admission;
use crate::driver::dispatcher::{AfterAnswers, Call, Command, Dispatcher};
use crate::driver::reply::Reply;
use crate::error::BalanceError;
use crate::money::{Decimal, StoredBalance};
use crate::options::Deadlines;
use crate::store::{CallId, Record, Store};
use crate::transaction::{Transaction, UserId};

/// Balances and transactions in a store.
pub struct Ledger<S> {
    store: Arc<S>,
    default_balance: Decimal,
    deadlines: Deadlines,
    admission: Admission,
    /// Calls that leave together with the next `flush`, in the order of their numbers; `None` for
    /// those that were cancelled before.
    gathered: Mutex<Vec<(u64, Option<Call>)>>,
    /// Not bounded by itself: `admission` bounds the calls.
    dispatcher: UnboundedSender<Command>,
    after_answers: AfterAnswers,
}

impl<S: Store> Ledger<S> {
    /// The dispatcher is to be run beside it. `after_answers` is called whenever some calls have
    /// been answered.
    pub fn new(
        store: Arc<S>,
        default_balance: &Decimal,
        deadlines: Deadlines,
        after_answers: AfterAnswers,
    ) -> (Self, Dispatcher<S>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let ending = |operation| Ending { operation, call_timeout: deadlines.call };
        let lanes = lane::Config {
            ending: ending(Operation::Transact),
            default_balance: default_balance.clone(),
            attempt_timeout: deadlines.attempt,
        };
        let reads =
            reads::Config { ending: ending(Operation::Read), attempt_timeout: deadlines.attempt };
        let dispatcher =
            Dispatcher::new(Arc::clone(&store), lanes, reads, receiver, Arc::clone(&after_answers));
        let ledger = Self {
            store,
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
        let reply = Reply::new(self.admission.enter(&user_id)?, move |stored| {
            recipient(stored.and_then(|stored| judge_balance(stored, &default_balance, &user)));
        });
        let deadline = Instant::now() + self.deadlines.call;
        self.gather(number, Call::Read(PendingRead { number, user_id, deadline, reply }));
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
        let reply = Reply::new(self.admission.enter(&transaction.user_id)?, recipient);
        let deadline = Instant::now() + self.deadlines.call;
        let record = Arc::new(Record {
            transaction,
            timestamp: humantime::format_rfc3339_millis(self.store.now()).to_string(),
            call_id: CallId::unique(),
        });
        self.gather(number, Call::Transact(PendingWrite { number, record, deadline, reply }));
        Ok(())
    }

    /// A place for what is about no user. `close` waits until it is dropped.
    pub fn admit(&self) -> Result<OwnedSemaphorePermit, BalanceError> {
        self.admission.enter_without_user()
    }

    /// Lets those leave that were called for since the last time.
    pub fn flush(&self) {
        let gathered = std::mem::take(&mut *self.gathered());
        let calls: Vec<Call> = gathered.into_iter().filter_map(|(_, call)| call).collect();
        if !calls.is_empty() {
            self.tell(Command::Take(calls));
        }
    }

    /// Ends a read whose caller does not want to wait any longer.
    pub fn cancel_read(&self, number: u64) {
        self.cancel(number, Command::CancelRead(number));
    }

    /// Ends a transaction of a user whose caller does not want to wait any longer.
    pub fn cancel_write(&self, number: u64, user_id: UserId) {
        self.cancel(number, Command::CancelWrite(number, user_id));
    }

    fn cancel(&self, number: u64, command: Command) {
        let mut gathered = self.gathered();
        let found = gathered.binary_search_by_key(&number, |(number, _)| *number);
        let has_not_left = found.ok().and_then(|position| gathered.get_mut(position)?.1.take());
        drop(gathered);
        self.tell(has_not_left.map_or(command, Command::Refuse));
    }

    /// Refuses new calls from now on, and waits until those accepted before are answered.
    pub fn close(&self) -> impl Future<Output = ()> + Send + 'static {
        self.flush();
        self.admission.close()
    }

    fn gather(&self, number: u64, call: Call) {
        self.gathered().push((number, Some(call)));
    }

    fn gathered(&self) -> MutexGuard<'_, Vec<(u64, Option<Call>)>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Without a dispatcher, which takes a defect, the command is dropped, and with it its calls,
    /// which answers them.
    fn tell(&self, command: Command) {
        if self.dispatcher.send(command).is_err() {
            (self.after_answers)();
        }
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
