//! A store for tests: the contract as a sequential program, with scripted faults on the way to it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::*;
use crate::error::ErrorCode;
use crate::transaction::TransactionType;
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

/// A write as the database sees it: which request, whose records, when it came and how long it may
/// take.
#[derive(Clone, Debug)]
pub struct SeenAttempt {
    pub request: usize,
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
#[derive(Debug, Default)]
pub struct State {
    pub default_balance: i64,
    pub balances: HashMap<UserId, Balance>,
    epochs: HashMap<UserId, Epoch>,
    pub records: HashMap<String, Arc<Record>>,
    /// What happens to the next attempts; those after them pass.
    pub script: VecDeque<Event>,
    /// What happens to every attempt to write for a user, whatever the script says.
    pub rules: HashMap<UserId, Event>,
    late: Vec<(Epoch, Vec<Arc<Record>>)>,
    pub prepared: usize,
    pub writes: Vec<SeenAttempt>,
    /// Attempts to end an epoch.
    pub epoch_attempts: usize,
    /// The users of each attempt to read.
    pub reads: Vec<Vec<UserId>>,
    pub writes_under_way: Gauge,
    pub reads_under_way: Gauge,
    /// Requests without an unanswered attempt.
    pub certain_under_way: HashMap<UserId, Gauge>,
}

#[derive(Debug, Default)]
pub struct InMemory(Mutex<State>);

#[derive(Debug)]
pub struct Request {
    number: usize,
    epoch: Epoch,
    records: Vec<Arc<Record>>,
    is_uncertain: bool,
}

impl Request {
    fn user_id(&self) -> &UserId {
        &self.records[0].transaction.user_id
    }

    fn keys(&self) -> Vec<String> {
        let key = |record: &Arc<Record>| record.transaction.idempotent_key.as_str().to_owned();
        self.records.iter().map(key).collect()
    }
}

/// What a transaction adds to the balance.
pub fn movement_of(transaction: &Transaction) -> i64 {
    let amount: i64 = transaction.amount.as_decimal().to_string().parse().unwrap();
    match transaction.transaction_type {
        TransactionType::Credit => amount,
        TransactionType::Debit => -amount,
    }
}

impl State {
    fn balance(&self, user_id: &UserId) -> StoredBalance {
        match self.balances.get(user_id) {
            None => StoredBalance::Absent,
            Some(Balance::Corrupt) => StoredBalance::Corrupt,
            Some(Balance::Number(number)) => StoredBalance::Number(decimal(*number)),
        }
    }

    fn existing(&self, record: &Record) -> Option<ExistingRecord> {
        let existing = self.records.get(record.transaction.idempotent_key.as_str())?;
        Some(ExistingRecord::from(&**existing))
    }

    /// What the balance would be after these transactions; `None` if it does not allow them.
    fn allowed(&self, user_id: &UserId, records: &[Arc<Record>]) -> Option<i64> {
        let old = match self.balances.get(user_id) {
            None => self.default_balance,
            Some(Balance::Number(number)) => *number,
            Some(Balance::Corrupt) => return None,
        };
        let moved = records.iter().map(|record| movement_of(&record.transaction));
        let new = old + moved.clone().sum::<i64>();
        let has_debit = moved.into_iter().any(|it| it < 0);
        (!has_debit || new >= 0).then_some(new)
    }

    fn apply(&mut self, epoch: Epoch, records: &[Arc<Record>]) -> WriteAnswer {
        let user_id = records[0].transaction.user_id.clone();
        let seen = self.epochs.get(&user_id).copied();
        let new = self.allowed(&user_id, records).filter(|_| !epoch.is_over(seen));
        let states: Vec<RecordState> = records
            .iter()
            .map(|record| self.existing(record).map_or(RecordState::Free, RecordState::Taken))
            .collect();
        let are_free = states.iter().all(|state| *state == RecordState::Free);
        let Some(new) = new.filter(|_| are_free) else {
            let balance = self.balance(&user_id);
            let refused = new.is_none().then_some(RefusedBalance { balance, epoch: seen });
            return WriteAnswer::Refused(Refusal { records: states, balance: refused });
        };
        self.epochs.insert(user_id.clone(), epoch);
        self.balances.insert(user_id, Balance::Number(new));
        for record in records {
            let key = record.transaction.idempotent_key.as_str().to_owned();
            self.records.insert(key, Arc::clone(record));
        }
        WriteAnswer::Committed
    }

    fn end_epoch(
        &mut self,
        user_id: &UserId,
        epoch: Epoch,
        absent: Option<&Record>,
    ) -> EpochAnswer {
        if let Some(existing) = absent.and_then(|record| self.existing(record)) {
            return EpochAnswer::KeyTaken(existing);
        }
        if !epoch.is_over(self.epochs.get(user_id).copied()) {
            self.epochs.insert(user_id.clone(), epoch.next());
        }
        EpochAnswer::Ended
    }

    /// Late requests arrive when they do the most harm: as soon as the balance allows them.
    fn let_in(&mut self) {
        let mut late = std::mem::take(&mut self.late);
        late.retain(|(epoch, records)| match self.apply(*epoch, records) {
            WriteAnswer::Committed => false,
            WriteAnswer::Refused(refusal) => {
                refusal.records.iter().all(|state| *state == RecordState::Free)
            }
        });
        self.late = late;
    }

    fn begin(&mut self, user_id: Option<&UserId>) -> Event {
        let rule = user_id.and_then(|user_id| self.rules.get(user_id));
        match rule {
            Some(event) => event.clone(),
            None => self.script.pop_front().unwrap_or(Event::Pass),
        }
    }
}

impl InMemory {
    pub fn new(script: impl IntoIterator<Item = Event>) -> Self {
        let script = script.into_iter().collect();
        Self(Mutex::new(State { default_balance: 100, script, ..State::default() }))
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
        effect: impl FnOnce(&mut State) -> T + Send,
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
                effect(&mut self.state());
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
                Ok(effect(&mut self.state()))
            }
        }
    }
}

/// Counts an attempt to write, and notices its end even if it panics.
struct Counted<'a> {
    store: &'a InMemory,
    certain: Option<UserId>,
}

impl<'a> Counted<'a> {
    fn begin(store: &'a InMemory, request: Option<&Request>) -> Self {
        let certain = request.filter(|it| !it.is_uncertain).map(|it| it.user_id().clone());
        let mut state = store.state();
        state.writes_under_way.rise();
        if let Some(user_id) = &certain {
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
        if let Some(user_id) = &self.certain {
            state.certain_under_way.entry(user_id.clone()).or_default().fall();
        }
    }
}

impl Store for InMemory {
    type Request = Request;

    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn prepare(&self, epoch: Epoch, records: &[Arc<Record>]) -> Request {
        let mut state = self.state();
        state.prepared += 1;
        let number = state.prepared;
        Request { number, epoch, records: records.to_vec(), is_uncertain: false }
    }

    async fn write(&self, request: &mut Request, attempt: &Attempt) -> Result<WriteAnswer, Fault> {
        let _counted = Counted::begin(self, Some(request));
        let (epoch, records) = (request.epoch, request.records.clone());
        let event = {
            let mut state = self.state();
            let keys = request.keys();
            let at = Instant::now();
            let limit = attempt.until.saturating_duration_since(at);
            let seen = SeenAttempt { request: request.number, keys, at, limit };
            state.writes.push(seen);
            state.begin(Some(request.user_id()))
        };
        let is_late = matches!(event, Event::ArriveLate);
        let answer = self
            .live(
                event,
                attempt,
                |state| state.apply(epoch, &records),
                |state| state.late.push((epoch, records.clone())),
            )
            .await;
        request.is_uncertain |= matches!(answer, Err(Fault::Unanswered(_)));
        if !is_late {
            self.state().let_in();
        }
        answer
    }

    async fn end_epoch(
        &self,
        user_id: &UserId,
        epoch: Epoch,
        absent: Option<&Record>,
        attempt: &Attempt,
    ) -> Result<EpochAnswer, Fault> {
        let _counted = Counted::begin(self, None);
        let event = {
            let mut state = self.state();
            state.epoch_attempts += 1;
            state.begin(Some(user_id))
        };
        let answer = self
            .live(event, attempt, |state| state.end_epoch(user_id, epoch, absent), |_| {})
            .await;
        self.state().let_in();
        answer
    }

    async fn read(
        &self,
        users: &[UserId],
        attempt: &Attempt,
    ) -> Result<HashMap<UserId, StoredBalance>, Fault> {
        let event = {
            let mut state = self.state();
            state.reads.push(users.to_vec());
            state.reads_under_way.rise();
            state.begin(None)
        };
        let look = |state: &mut State| {
            users.iter().map(|user_id| (user_id.clone(), state.balance(user_id))).collect()
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
