//! What a client can do: accepted here, carried out by the `dispatcher`, answered to whoever asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::Instant;

use crate::core::group::Group;
use crate::core::history::RecordedTransaction;
use crate::core::holds::{HoldClosing, NewHold};
use crate::core::indefinite::{Ending, Operation};
use crate::core::outcome::{Written, corrupt, duplicate};
use crate::core::reads::{self, PendingRead};
use crate::core::writes::{self, PendingWrite};
use crate::driver::admission::{Admission, Admitted};
use crate::driver::closing::{Closed, PendingClosing};
use crate::driver::dispatcher::{AfterReplies, Call, Command, Dispatcher, Reader};
use crate::driver::reply::{self, Reply};
use crate::driver::statistics::{Figures, Statistics};
use crate::driver::timestamps::Timestamps;
use crate::error::BalanceError;
use crate::money::{Decimal, StoredBalance};
use crate::options::Deadlines;
use crate::store::{
    Account, CallId, ExistingRecord, Item, ItemKey, PlaceInGroup, Record, Role, Store,
};
use crate::transaction::{IdempotentKey, Transaction, UserId};

/// The balance of a user, as it is asked for in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    pub user_id: UserId,
    pub balance: Decimal,
    /// What open holds have set aside, beside the balance.
    pub held: Decimal,
    /// Whether it is stored, and not the default one.
    pub exists: bool,
}

/// Transactions that were recorded together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub transactions: Vec<RecordedTransaction>,
    /// Whether it was an earlier call that recorded them.
    pub is_replayed: bool,
}

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
    after_replies: AfterReplies,
    statistics: Arc<Statistics>,
    /// What the requests of calls that are made now say about whose they are.
    trace: Mutex<Option<Arc<str>>>,
    timestamps: Timestamps,
}

impl<S: Store> Ledger<S> {
    /// The dispatcher is to be run beside it. `after_replies` is called whenever some calls have
    /// been answered.
    pub fn new(
        store: Arc<S>,
        default_balance: &Decimal,
        deadlines: Deadlines,
        after_replies: AfterReplies,
    ) -> (Self, Dispatcher<S>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let ending = |operation| Ending { operation, call_timeout: deadlines.call };
        let writes = writes::Config {
            ending: ending(Operation::Transact),
            default_balance: default_balance.clone(),
            attempt_timeout: deadlines.attempt,
        };
        let reads =
            reads::Config { ending: ending(Operation::Read), attempt_timeout: deadlines.attempt };
        let dispatcher = Dispatcher::new(
            Arc::clone(&store),
            writes,
            reads,
            receiver,
            Arc::clone(&after_replies),
        );
        let ledger = Self {
            store,
            default_balance: default_balance.clone(),
            deadlines,
            admission: Admission::default(),
            gathered: Mutex::default(),
            dispatcher: sender,
            after_replies,
            statistics: dispatcher.statistics(),
            trace: Mutex::default(),
            timestamps: Timestamps::default(),
        };
        (ledger, dispatcher)
    }

    /// The balance of a user, or the default one. Creates nothing. `number` rises from call to
    /// call, here and in what follows.
    pub fn get_current_balance(
        &self,
        number: u64,
        user_id: UserId,
        recipient: impl FnOnce(Result<Decimal, BalanceError>) + Send + 'static,
    ) -> Result<(), BalanceError> {
        let default_balance = self.default_balance.clone();
        let (user, key) = (user_id.clone(), ItemKey::Account(user_id.clone()));
        self.read(number, key, &[user_id], move |item| {
            recipient(item.and_then(|item| balance_of(account_of(item)?, &default_balance, &user)));
        })
    }

    /// The same in full.
    pub fn get_balance(
        &self,
        number: u64,
        user_id: UserId,
        recipient: impl FnOnce(Result<Balance, BalanceError>) + Send + 'static,
    ) -> Result<(), BalanceError> {
        let default_balance = self.default_balance.clone();
        let (user, key) = (user_id.clone(), ItemKey::Account(user_id.clone()));
        self.read(number, key, &[user_id], move |item| {
            recipient(
                item.and_then(|item| full_balance_of(account_of(item)?, &default_balance, user)),
            );
        })
    }

    /// What is recorded under a key, if anything is.
    pub fn get_transaction(
        &self,
        number: u64,
        key: IdempotentKey,
        recipient: impl FnOnce(Result<Option<RecordedTransaction>, BalanceError>) + Send + 'static,
    ) -> Result<(), BalanceError> {
        self.read(number, ItemKey::Record(key), &[], move |item| {
            recipient(item.and_then(transaction_of));
        })
    }

    /// Records a transaction and moves the balance, both or neither, once per key. What was recorded
    /// before is an error.
    pub fn transact(
        &self,
        number: u64,
        transaction: Transaction,
        recipient: impl FnOnce(Result<(), BalanceError>) + Send + 'static,
    ) -> Result<(), BalanceError> {
        let key = transaction.idempotent_key.clone();
        let group = Group::new(self.records(vec![transaction], &Role::Transaction));
        self.write(number, group, move |written| {
            recipient(written.and_then(|written| match written {
                Written::Recorded => Ok(()),
                Written::Replayed(_) => Err(duplicate(&key)),
            }));
        })
    }

    /// Records transactions and moves the balances, all or none, once per key. What was recorded
    /// before by the same request is returned.
    pub fn create_transactions(
        &self,
        number: u64,
        transactions: Vec<Transaction>,
        recipient: impl FnOnce(Result<Recorded, BalanceError>) + Send + 'static,
    ) -> Result<(), BalanceError> {
        self.create(number, self.records(transactions, &Role::Transaction), recipient)
    }

    /// Records a debit that can be given back until it is captured, once per key. What was recorded
    /// before by the same request is returned.
    pub fn create_hold(
        &self,
        number: u64,
        hold: NewHold,
        recipient: impl FnOnce(Result<Recorded, BalanceError>) + Send + 'static,
    ) -> Result<(), BalanceError> {
        let role = Role::Hold { expires_at: hold.expires_at };
        self.create(number, self.records(vec![hold.debit], &role), recipient)
    }

    /// Captures or releases a hold, once. What an earlier call with the same key has done is returned.
    pub fn close_hold(
        &self,
        number: u64,
        request: HoldClosing,
        recipient: impl FnOnce(Result<Closed, BalanceError>) + Send + 'static,
    ) -> Result<(), BalanceError> {
        let reply = Reply::new(self.admission.enter(&[])?, recipient);
        let deadline = Instant::now() + self.deadlines.call;
        let key = ItemKey::Record(request.hold.clone());
        let closing = PendingClosing { number, request, deadline, reply };
        let reply = Reader::Closing(Box::new(closing));
        self.gather(number, Call::Read(Box::new(PendingRead { number, key, deadline, reply })));
        Ok(())
    }

    fn create(
        &self,
        number: u64,
        records: Vec<Arc<Record>>,
        recipient: impl FnOnce(Result<Recorded, BalanceError>) + Send + 'static,
    ) -> Result<(), BalanceError> {
        let group = Group::new(records.clone());
        self.write(number, group, move |written| {
            recipient(written.map(|written| recorded(written, &records)));
        })
    }

    /// The records of transactions that are made together, now.
    fn records(&self, transactions: Vec<Transaction>, role: &Role) -> Vec<Arc<Record>> {
        let timestamp = self.timestamps.at(self.store.now());
        let (call_id, size) = (CallId::unique(), transactions.len());
        let record = |(index, transaction)| {
            let place = (size > 1).then_some(PlaceInGroup { index, size });
            let (timestamp, role) = (Arc::clone(&timestamp), role.clone());
            Arc::new(Record { transaction, timestamp, call_id, place, role })
        };
        transactions.into_iter().enumerate().map(record).collect()
    }

    fn read(
        &self,
        number: u64,
        key: ItemKey,
        users: &[UserId],
        recipient: impl FnOnce(Result<Item, BalanceError>) + Send + 'static,
    ) -> Result<(), BalanceError> {
        let reply = Reader::Caller(Reply::new(self.admission.enter(users)?, recipient));
        let deadline = Instant::now() + self.deadlines.call;
        self.gather(number, Call::Read(Box::new(PendingRead { number, key, deadline, reply })));
        Ok(())
    }

    fn write(
        &self,
        number: u64,
        group: Group,
        recipient: impl FnOnce(Result<Written, BalanceError>) + Send + 'static,
    ) -> Result<(), BalanceError> {
        let reply = Reply::new(self.admission.enter(group.users())?, recipient);
        let deadline = Instant::now() + self.deadlines.call;
        let group = Arc::new(group);
        self.gather(number, Call::Write(Box::new(PendingWrite { number, group, deadline, reply })));
        Ok(())
    }

    /// A place for what is about no user. `close` waits until it is dropped.
    pub fn admit(&self) -> Result<Admitted, BalanceError> {
        self.admission.enter_without_user()
    }

    /// From now on calls say so about whose they are.
    pub fn set_trace(&self, trace: Option<Arc<str>>) {
        *self.trace.lock().unwrap_or_else(PoisonError::into_inner) = trace;
    }

    pub fn trace(&self) -> Option<Arc<str>> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the client has done so far, and does now.
    pub fn figures(&self) -> Figures {
        self.statistics.figures(self.admission.held())
    }

    /// Lets those leave that were called for since the last time.
    pub fn flush(&self) {
        let gathered = std::mem::take(&mut *self.gathered());
        let calls: Vec<Call> = gathered.into_iter().filter_map(|(_, call)| call).collect();
        if !calls.is_empty() {
            self.tell(Command::Take(calls));
        }
    }

    /// Ends a call whose caller does not want to wait any longer.
    pub fn cancel(&self, number: u64) {
        let mut gathered = self.gathered();
        let found = gathered.binary_search_by_key(&number, |(number, _)| *number);
        let has_not_left = found.ok().and_then(|position| gathered.get_mut(position)?.1.take());
        drop(gathered);
        self.tell(has_not_left.map_or(Command::Cancel(number), Command::Refuse));
    }

    /// Refuses new calls from now on, and waits until those accepted before are answered.
    pub fn close(&self) -> impl Future<Output = ()> + Send + 'static {
        self.flush();
        self.admission.close()
    }

    fn gather(&self, number: u64, mut call: Call) {
        call.course().trace = self.trace();
        self.gathered().push((number, Some(call)));
    }

    fn gathered(&self) -> MutexGuard<'_, Vec<(u64, Option<Call>)>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Without a dispatcher, which takes a defect, the command is dropped, and with it its calls,
    /// which answers them.
    fn tell(&self, command: Command) {
        if self.dispatcher.send(command).is_err() {
            (self.after_replies)();
        }
    }
}

fn account_of(item: Item) -> Result<Account, BalanceError> {
    match item {
        Item::Account(account) => Ok(account),
        Item::Record(_) => Err(reply::lost()),
    }
}

fn balance_of(
    account: Account,
    default_balance: &Decimal,
    user_id: &UserId,
) -> Result<Decimal, BalanceError> {
    match account.balance {
        StoredBalance::Number(balance) => Ok(balance),
        StoredBalance::Absent => Ok(default_balance.clone()),
        StoredBalance::Corrupt => Err(corrupt("balance", user_id)),
    }
}

fn full_balance_of(
    account: Account,
    default_balance: &Decimal,
    user_id: UserId,
) -> Result<Balance, BalanceError> {
    let exists = account.exists;
    let held = match &account.held {
        StoredBalance::Number(held) => held.clone(),
        StoredBalance::Absent => Decimal::default(),
        StoredBalance::Corrupt => return Err(corrupt("held", &user_id)),
    };
    let balance = balance_of(account, default_balance, &user_id)?;
    Ok(Balance { user_id, balance, held, exists })
}

fn transaction_of(item: Item) -> Result<Option<RecordedTransaction>, BalanceError> {
    match item {
        Item::Record(transaction) => Ok(transaction.map(|transaction| *transaction)),
        Item::Account(_) => Err(reply::lost()),
    }
}

fn recorded(written: Written, records: &[Arc<Record>]) -> Recorded {
    let keys = records.iter().map(|record| &record.transaction.idempotent_key);
    let told = |(key, record)| RecordedTransaction::of(key, record);
    match written {
        Written::Recorded => {
            let now = records.iter().map(|record| ExistingRecord::from(&**record));
            Recorded { transactions: keys.zip(now).map(told).collect(), is_replayed: false }
        }
        Written::Replayed(existing) => {
            Recorded { transactions: keys.zip(existing).map(told).collect(), is_replayed: true }
        }
    }
}

#[cfg(test)]
mod tests;
