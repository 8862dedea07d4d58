//! A store for tests: the sequential database, with scripted faults on the way to it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::database::Database;
use super::*;
use crate::error::ErrorCode;
use crate::money::Decimal;
use crate::transaction::{Transaction, TransactionType};
use crate::value::Value;

/// How long the database takes for an attempt that goes well.
pub const LATENCY: Duration = Duration::from_millis(5);

/// What happens to an attempt.
#[derive(Clone, Debug)]
pub enum Event {
    Pass,
    /// Nothing happens, and this is the answer.
    Fail(Fault),
    /// The request is lost on its way.
    LoseRequest,
    /// It takes effect, and the answer is lost on its way.
    LoseAnswer,
    /// The answer does not come, and the effect at the earliest after the next attempt.
    ArriveLate,
    /// The store has a defect.
    Panic,
}

/// Whole amounts, which is all that these tests move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    Number(i64),
    Corrupt,
}

/// A write as the database sees it: of which batch, whose records, when it came and how long it may
/// take.
#[derive(Clone, Debug)]
pub struct SeenAttempt {
    pub batch: u64,
    pub keys: Vec<String>,
    pub at: Instant,
    pub limit: Duration,
}

/// How many are under way, and how many there have been at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauge {
    now: usize,
    pub most: usize,
}

impl Gauge {
    fn rise(&mut self) {
        self.now += 1;
        self.most = self.most.max(self.now);
    }

    fn fall(&mut self) {
        self.now -= 1;
    }
}

/// It remembers no tokens: that a call knows its own record must suffice.
#[derive(Debug)]
pub struct State {
    pub database: Database,
    default_balance: Decimal,
    /// All that were written, by their keys.
    pub records: HashMap<String, Arc<Record>>,
    /// What happens to the next attempts; those after them pass.
    pub script: VecDeque<Event>,
    /// What happens to every attempt to write for a user, whatever the script says.
    pub rules: HashMap<UserId, Event>,
    late: Vec<Write>,
    pub writes: Vec<SeenAttempt>,
    /// Attempts to end an epoch.
    pub epoch_attempts: usize,
    /// What each attempt to read asked for.
    pub reads: Vec<Vec<ItemKey>>,
    pub writes_under_way: Gauge,
    pub reads_under_way: Gauge,
    /// Requests without an unanswered attempt.
    pub certain_under_way: HashMap<UserId, Gauge>,
    uncertain: HashSet<u64>,
}

#[derive(Debug)]
pub struct FaultyStore(Mutex<State>);

/// What a transaction adds to the balance.
pub fn movement_of(transaction: &Transaction) -> i64 {
    let amount: i64 = transaction.amount.as_decimal().to_string().parse().unwrap();
    match transaction.transaction_type {
        TransactionType::Credit => amount,
        TransactionType::Debit => -amount,
    }
}

impl State {
    /// The balance in the database itself; `None` where there is none.
    pub fn balance(&self, user_id: &UserId) -> Option<Balance> {
        whole(&self.database.balance(user_id))
    }

    pub fn balances(&self) -> Vec<(UserId, Balance)> {
        let accounts = self.database.accounts();
        let known = accounts.filter_map(|(user_id, it, _)| Some((user_id.clone(), whole(it)?)));
        known.collect()
    }

    fn apply(&mut self, write: &Write) -> Result<WriteAnswer, Fault> {
        let answer = self.database.write(write, &self.default_balance).map_err(Fault::Rejected)?;
        if answer == WriteAnswer::Committed {
            for entry in &write.entries {
                if let Entry::Record(record) = entry {
                    self.records.insert(entry.key().as_str().to_owned(), Arc::clone(record));
                }
            }
        }
        Ok(answer)
    }

    /// Late requests arrive when they do the most harm: as soon as the balance allows them.
    fn let_in(&mut self) {
        let mut late = std::mem::take(&mut self.late);
        late.retain(|write| match self.apply(write) {
            Ok(WriteAnswer::Committed) | Err(_) => false,
            Ok(WriteAnswer::Refused(refusal)) => {
                refusal.entries.iter().all(|state| *state == EntryState::Free)
            }
        });
        self.late = late;
    }

    fn begin(&mut self, users: &[UserId]) -> Event {
        let rule = users.iter().find_map(|user_id| self.rules.get(user_id));
        match rule {
            Some(event) => event.clone(),
            None => self.script.pop_front().unwrap_or(Event::Pass),
        }
    }
}

fn whole(balance: &StoredBalance) -> Option<Balance> {
    match balance {
        StoredBalance::Absent => None,
        StoredBalance::Corrupt => Some(Balance::Corrupt),
        StoredBalance::Number(number) => {
            Some(Balance::Number(number.to_plain_string().parse().unwrap()))
        }
    }
}

impl FaultyStore {
    pub fn new(script: impl IntoIterator<Item = Event>) -> Self {
        Self::with_default_balance(script, 100)
    }

    pub fn with_default_balance(
        script: impl IntoIterator<Item = Event>,
        default_balance: i64,
    ) -> Self {
        Self(Mutex::new(State {
            database: Database::default(),
            default_balance: decimal(default_balance),
            records: HashMap::new(),
            script: script.into_iter().collect(),
            rules: HashMap::new(),
            late: Vec::new(),
            writes: Vec::new(),
            epoch_attempts: 0,
            reads: Vec::new(),
            writes_under_way: Gauge::default(),
            reads_under_way: Gauge::default(),
            certain_under_way: HashMap::new(),
            uncertain: HashSet::new(),
        }))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Lets an attempt live through an event. `effect` is what it does in the database, and
    /// `delayed` puts it aside.
    async fn live<T>(
        &self,
        event: Event,
        attempt: &Attempt,
        effect: impl FnOnce(&mut State) -> Result<T, Fault> + Send,
        delayed: impl FnOnce(&mut State) + Send,
    ) -> Result<T, Fault> {
        let limit = attempt.until.saturating_duration_since(Instant::now());
        if !attempt.gate.pass() {
            return Err(not_taken());
        }
        match event {
            // Without the message on standard error that panic! would print.
            Event::Panic => std::panic::resume_unwind(Box::new("a defect of the store")),
            Event::Fail(fault) => {
                sleep(LATENCY.min(limit)).await;
                Err(fault)
            }
            Event::LoseRequest => {
                sleep(limit).await;
                Err(unanswered())
            }
            Event::LoseAnswer => {
                drop(effect(&mut self.state()));
                sleep(limit).await;
                Err(unanswered())
            }
            Event::ArriveLate => {
                delayed(&mut self.state());
                sleep(limit).await;
                Err(unanswered())
            }
            Event::Pass => {
                sleep(LATENCY.min(limit)).await;
                effect(&mut self.state())
            }
        }
    }
}

/// Counts an attempt to write, and notices its end even if it panics.
struct Counted<'a> {
    store: &'a FaultyStore,
    certain: Vec<UserId>,
}

impl<'a> Counted<'a> {
    fn begin(store: &'a FaultyStore, certain: Vec<UserId>) -> Self {
        let mut state = store.state();
        state.writes_under_way.rise();
        for user_id in &certain {
            state.certain_under_way.entry(user_id.clone()).or_default().rise();
        }
        drop(state);
        Self { store, certain }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let mut state = self.store.state();
        state.writes_under_way.fall();
        for user_id in &self.certain {
            state.certain_under_way.entry(user_id.clone()).or_default().fall();
        }
    }
}

impl Store for FaultyStore {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    async fn write(
        &self,
        write: &Write,
        token: Token,
        attempt: &Attempt,
    ) -> Result<WriteAnswer, Fault> {
        let users: Vec<UserId> = write.balances.iter().map(|it| it.user_id.clone()).collect();
        let is_certain = !self.state().uncertain.contains(&token.batch);
        let _counted = Counted::begin(self, if is_certain { users.clone() } else { Vec::new() });
        let event = {
            let mut state = self.state();
            let key = |it: &Entry| it.key().as_str().to_owned();
            let keys = write.entries.iter().map(key).collect();
            let at = Instant::now();
            let limit = attempt.until.saturating_duration_since(at);
            state.writes.push(SeenAttempt { batch: token.batch, keys, at, limit });
            state.begin(&users)
        };
        let is_late = matches!(event, Event::ArriveLate);
        let delayed = |state: &mut State| state.late.push(write.clone());
        let answer = self.live(event, attempt, |state| state.apply(write), delayed).await;
        if matches!(answer, Err(Fault::Unanswered(_))) {
            self.state().uncertain.insert(token.batch);
        }
        if !is_late {
            self.state().let_in();
        }
        answer
    }

    async fn end_epoch(
        &self,
        ending: &EpochEnding,
        attempt: &Attempt,
    ) -> Result<EpochAnswer, Fault> {
        let _counted = Counted::begin(self, Vec::new());
        let event = {
            let mut state = self.state();
            state.epoch_attempts += 1;
            state.begin(std::slice::from_ref(&ending.user_id))
        };
        let end = |state: &mut State| Ok(state.database.end_epoch(ending));
        let answer = self.live(event, attempt, end, |_| {}).await;
        self.state().let_in();
        answer
    }

    async fn read(
        &self,
        items: &[ItemKey],
        attempt: &Attempt,
    ) -> Result<HashMap<ItemKey, Item>, Fault> {
        let event = {
            let mut state = self.state();
            state.reads.push(items.to_vec());
            state.reads_under_way.rise();
            state.begin(&[])
        };
        let look = |state: &mut State| {
            Ok(items.iter().map(|key| (key.clone(), state.database.read(key))).collect())
        };
        if matches!(event, Event::Panic) {
            self.state().reads_under_way.fall();
        }
        let answer = self.live(event, attempt, look, |_| {}).await;
        self.state().reads_under_way.fall();
        answer
    }
}

pub fn decimal(number: i64) -> Decimal {
    Decimal::parse(&number.to_string()).unwrap()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub fn user(user_id: &str) -> UserId {
    UserId::validate_for_balance(text(user_id)).unwrap()
}

pub fn transaction(key: &str, user_id: &str, amount: u32, transaction_type: &str) -> Transaction {
    Transaction::validate(
        text(key),
        text(user_id),
        &Value::Number(f64::from(amount)),
        &text(transaction_type),
    )
    .unwrap()
}

pub fn credit(key: &str, amount: u32) -> Transaction {
    transaction(key, "user-1", amount, "credit")
}

pub fn debit(key: &str, amount: u32) -> Transaction {
    transaction(key, "user-1", amount, "debit")
}

fn reason(summary: &str) -> Reason {
    Reason { summary: summary.to_owned(), cause: None }
}

pub fn contended() -> Fault {
    Fault::Contended(reason("DynamoDB cancelled the transaction: TransactionConflict"))
}

pub fn not_taken() -> Fault {
    Fault::NotTaken(reason("DynamoDB answered Throttling"))
}

pub fn unanswered() -> Fault {
    Fault::Unanswered(reason("the connection was lost"))
}

pub fn out_of_range() -> Fault {
    Fault::Rejected(BalanceError::new(ErrorCode::AmountOutOfRange, "Amount out of range."))
}

pub fn denied() -> Fault {
    Fault::Final(BalanceError::new(ErrorCode::AccessDenied, "Access denied."))
}

/// More of one event than a call can live through.
pub fn forever(event: Event) -> Vec<Event> {
    vec![event; 10_000]
}
