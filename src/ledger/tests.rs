use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::admission::Turn;
use crate::error::ErrorCode;
use crate::store::{ExistingRecord, Reason};
use crate::transaction::TransactionType;
use crate::value::Value;

/// How long the database takes for an attempt that goes well.
const LATENCY: Duration = Duration::from_millis(5);

const DEADLINES: Deadlines = Deadlines {
    connect: Duration::from_secs(2),
    attempt: Duration::from_secs(5),
    call: Duration::from_secs(25),
};

/// What happens to an attempt.
#[derive(Clone, Debug)]
enum Event {
    Pass,
    /// Nothing happens, and this is the answer.
    Fail(Fault),
    /// The request is lost on its way.
    LoseRequest,
    /// It takes effect, and the answer is lost on its way.
    LoseAnswer,
    /// The answer does not come, and the effect at the earliest after the next attempt.
    ArriveLate,
}

/// Whole amounts, which is all that these tests move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Balance {
    Number(i64),
    Corrupt,
}

/// A write as the database sees it: which request, when it came and how long it may take.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    request: usize,
    at: Instant,
    limit: Duration,
}

/// The contract as a sequential program. It remembers no tokens: that a call knows its own record
/// must suffice.
#[derive(Debug, Default)]
struct State {
    default_balance: i64,
    balances: HashMap<UserId, Balance>,
    fences: HashMap<UserId, Vec<CallId>>,
    records: HashMap<String, Record>,
    /// What happens to the next attempts; those after them pass.
    script: VecDeque<Event>,
    late: Vec<Record>,
    prepared: usize,
    writes: Vec<Attempt>,
    fence_attempts: usize,
    reads: usize,
    under_way: usize,
    most_under_way: usize,
}

#[derive(Debug, Default)]
struct InMemory(Mutex<State>);

struct Request {
    number: usize,
    record: Record,
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
        let transaction = &existing.transaction;
        Some(ExistingRecord {
            user_id: Some(transaction.user_id.as_str().to_owned()),
            amount: Some(transaction.amount.as_decimal().clone()),
            transaction_type: Some(transaction.transaction_type.as_str().to_owned()),
            call_id: Some(existing.call_id.to_string()),
        })
    }

    /// What the balance would be after a transaction; `None` if it does not allow it.
    fn allowed(&self, transaction: &Transaction) -> Option<i64> {
        let old = match self.balances.get(&transaction.user_id) {
            None => self.default_balance,
            Some(Balance::Number(number)) => *number,
            Some(Balance::Corrupt) => return None,
        };
        let amount: i64 = transaction.amount.as_decimal().to_string().parse().unwrap();
        match transaction.transaction_type {
            TransactionType::Credit => Some(old + amount),
            TransactionType::Debit => (amount <= old).then(|| old - amount),
        }
    }

    fn fences(&self, user_id: &UserId) -> Vec<CallId> {
        self.fences.get(user_id).cloned().unwrap_or_default()
    }

    fn apply(&mut self, record: &Record) -> WriteAnswer {
        let Transaction { idempotent_key, user_id, .. } = &record.transaction;
        if let Some(existing) = self.existing(record) {
            return WriteAnswer::KeyTaken(existing);
        }
        let fences = self.fences(user_id);
        let is_fenced = fences.contains(&record.call_id);
        let Some(new) = self.allowed(&record.transaction).filter(|_| !is_fenced) else {
            let balance = self.balance(user_id);
            return WriteAnswer::BalanceRefused(RefusedBalance { balance, fences });
        };
        self.balances.insert(user_id.clone(), Balance::Number(new));
        self.records.insert(idempotent_key.as_str().to_owned(), record.clone());
        WriteAnswer::Committed
    }

    fn put_up_fence(&mut self, record: &Record, refused: &RefusedBalance) -> FenceAnswer {
        let user_id = &record.transaction.user_id;
        if let Some(existing) = self.existing(record) {
            return FenceAnswer::KeyTaken(existing);
        }
        let is_allowed = self.allowed(&record.transaction).is_some();
        if is_allowed || self.fences(user_id) != refused.fences {
            return FenceAnswer::Outdated;
        }
        self.fences.entry(user_id.clone()).or_default().push(record.call_id);
        FenceAnswer::Fenced
    }

    /// Late requests arrive when they do the most harm: as soon as the balance allows them.
    fn let_in(&mut self) {
        let mut late = std::mem::take(&mut self.late);
        late.retain(|record| matches!(self.apply(record), WriteAnswer::BalanceRefused(_)));
        self.late = late;
    }
}

impl InMemory {
    fn new(script: impl IntoIterator<Item = Event>) -> Self {
        let script = script.into_iter().collect();
        Self(Mutex::new(State { default_balance: 100, script, ..State::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn begin(&self) -> Event {
        let mut state = self.state();
        state.under_way += 1;
        state.most_under_way = state.most_under_way.max(state.under_way);
        state.script.pop_front().unwrap_or(Event::Pass)
    }

    fn end(&self) {
        self.state().under_way -= 1;
    }
}

impl Store for InMemory {
    type Request = Request;

    fn prepare(&self, record: &Record) -> Request {
        let mut state = self.state();
        state.prepared += 1;
        Request { number: state.prepared, record: record.clone() }
    }

    async fn write(&self, request: &mut Request, limit: Duration) -> Result<WriteAnswer, Fault> {
        let event = self.begin();
        let attempt = Attempt { request: request.number, at: Instant::now(), limit };
        self.state().writes.push(attempt);
        let answer = match event {
            Event::Fail(fault) => {
                sleep(LATENCY.min(limit)).await;
                Err(fault)
            }
            Event::LoseRequest => {
                sleep(limit).await;
                Err(unanswered())
            }
            Event::ArriveLate => {
                self.state().late.push(request.record.clone());
                sleep(limit).await;
                self.end();
                return Err(unanswered());
            }
            Event::LoseAnswer => {
                self.state().apply(&request.record);
                sleep(limit).await;
                Err(unanswered())
            }
            Event::Pass => {
                sleep(LATENCY.min(limit)).await;
                Ok(self.state().apply(&request.record))
            }
        };
        self.state().let_in();
        self.end();
        answer
    }

    async fn fence(
        &self,
        request: &mut Request,
        refused: &RefusedBalance,
        limit: Duration,
    ) -> Result<FenceAnswer, Fault> {
        let event = self.begin();
        self.state().fence_attempts += 1;
        let answer = match event {
            Event::Fail(fault) => {
                sleep(LATENCY.min(limit)).await;
                Err(fault)
            }
            Event::LoseRequest | Event::ArriveLate => {
                sleep(limit).await;
                Err(unanswered())
            }
            Event::LoseAnswer => {
                self.state().put_up_fence(&request.record, refused);
                sleep(limit).await;
                Err(unanswered())
            }
            Event::Pass => {
                sleep(LATENCY.min(limit)).await;
                Ok(self.state().put_up_fence(&request.record, refused))
            }
        };
        self.state().let_in();
        self.end();
        answer
    }

    async fn read(&self, user_id: &UserId, limit: Duration) -> Result<StoredBalance, Fault> {
        let event = self.begin();
        self.state().reads += 1;
        let answer = match event {
            Event::Fail(fault) => {
                sleep(LATENCY.min(limit)).await;
                Err(fault)
            }
            Event::LoseRequest | Event::LoseAnswer | Event::ArriveLate => {
                sleep(limit).await;
                Err(unanswered())
            }
            Event::Pass => {
                sleep(LATENCY.min(limit)).await;
                Ok(self.state().balance(user_id))
            }
        };
        self.end();
        answer
    }
}

fn decimal(number: i64) -> Decimal {
    Decimal::parse(&number.to_string()).unwrap()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn user(user_id: &str) -> UserId {
    UserId::validate_for_balance(text(user_id)).unwrap()
}

fn transaction(key: &str, user_id: &str, amount: u32, transaction_type: &str) -> Transaction {
    Transaction::validate(
        text(key),
        text(user_id),
        &Value::Number(f64::from(amount)),
        &text(transaction_type),
    )
    .unwrap()
}

fn credit(key: &str, amount: u32) -> Transaction {
    transaction(key, "user-1", amount, "credit")
}

fn debit(key: &str, amount: u32) -> Transaction {
    transaction(key, "user-1", amount, "debit")
}

fn not_taken() -> Fault {
    Fault::NotTaken(Reason { summary: "DynamoDB answered Throttling".to_owned(), cause: None })
}

fn unanswered() -> Fault {
    Fault::Unanswered(Reason { summary: "the connection was lost".to_owned(), cause: None })
}

fn denied() -> Fault {
    Fault::Final(BalanceError::new(ErrorCode::AccessDenied, "Access denied."))
}

/// More of one event than a call can live through.
fn forever(event: Event) -> Vec<Event> {
    vec![event; 10_000]
}

fn ledger(script: impl IntoIterator<Item = Event>) -> Ledger<InMemory> {
    Ledger::new(InMemory::new(script), DefaultBalance::default(), DEADLINES)
}

/// The balance in the database itself; `None` where there is no item.
fn stored(ledger: &Ledger<InMemory>, user_id: &str) -> Option<Balance> {
    ledger.store().state().balances.get(&user(user_id)).copied()
}

fn record_count(ledger: &Ledger<InMemory>) -> usize {
    ledger.store().state().records.len()
}

async fn balance(ledger: &Ledger<InMemory>) -> Result<String, ErrorCode> {
    balance_unless(ledger, &Cancellation::never()).await
}

async fn balance_unless(
    ledger: &Ledger<InMemory>,
    cancellation: &Cancellation,
) -> Result<String, ErrorCode> {
    let place = ledger.enter().map_err(|error| error.code)?;
    let balance = ledger.get_current_balance(place, &user("user-1"), cancellation).await;
    balance.map(|balance| balance.to_string()).map_err(|error| error.code)
}

async fn transact(ledger: &Ledger<InMemory>, transaction: Transaction) -> Result<(), ErrorCode> {
    transact_unless(ledger, transaction, &Cancellation::never()).await
}

async fn transact_unless(
    ledger: &Ledger<InMemory>,
    transaction: Transaction,
    cancellation: &Cancellation,
) -> Result<(), ErrorCode> {
    let place = ledger.enter().map_err(|error| error.code)?;
    ledger.transact(place, transaction, cancellation).await.map_err(|error| error.code)
}

// The story without faults.

#[tokio::test(start_paused = true)]
async fn a_user_nobody_has_heard_of_has_the_default_balance() {
    let ledger = ledger([]);
    assert_eq!(balance(&ledger).await, Ok("100".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn reading_creates_nothing() {
    let ledger = ledger([]);
    balance(&ledger).await.unwrap();
    assert_eq!(stored(&ledger, "user-1"), None);
    assert_eq!(record_count(&ledger), 0);
}

#[tokio::test(start_paused = true)]
async fn the_default_balance_can_be_another_one() {
    let store = InMemory::new([]);
    store.state().default_balance = 0;
    let nothing = DefaultBalance::validate(&Value::Number(0.0)).unwrap();
    let ledger = Ledger::new(store, nothing, DEADLINES);
    assert_eq!(balance(&ledger).await, Ok("0".to_owned()));
    assert_eq!(transact(&ledger, debit("key-1", 1)).await, Err(ErrorCode::InsufficientBalance));
}

#[tokio::test(start_paused = true)]
async fn credits_and_debits_start_from_the_default_and_add_up() {
    let ledger = ledger([]);
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Ok(()));
    assert_eq!(balance(&ledger).await, Ok("150".to_owned()));
    assert_eq!(transact(&ledger, debit("key-2", 150)).await, Ok(()));
    assert_eq!(balance(&ledger).await, Ok("0".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn users_do_not_share_a_balance() {
    let ledger = ledger([]);
    transact(&ledger, transaction("key-1", "user-2", 7, "credit")).await.unwrap();
    assert_eq!(stored(&ledger, "user-2"), Some(Balance::Number(107)));
    assert_eq!(balance(&ledger).await, Ok("100".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_faults_is_one_request() {
    let ledger = ledger([]);
    transact(&ledger, credit("key-1", 50)).await.unwrap();
    balance(&ledger).await.unwrap();
    let state = ledger.store().state();
    assert_eq!((state.writes.len(), state.reads), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_record_carries_the_time_in_utc_with_milliseconds() {
    let ledger = ledger([]);
    transact(&ledger, credit("key-1", 50)).await.unwrap();
    let timestamp = ledger.store().state().records["key-1"].timestamp.clone();
    let shape: String = timestamp
        .chars()
        .map(|letter| if letter.is_ascii_digit() { '0' } else { letter })
        .collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z");
}

#[tokio::test(start_paused = true)]
async fn every_call_has_an_identifier_of_its_own() {
    let ledger = ledger([]);
    transact(&ledger, credit("key-1", 1)).await.unwrap();
    transact(&ledger, credit("key-2", 1)).await.unwrap();
    let state = ledger.store().state();
    assert_ne!(state.records["key-1"].call_id, state.records["key-2"].call_id);
}

// Refusals.

#[tokio::test(start_paused = true)]
async fn the_same_request_again_is_a_duplicate_and_moves_nothing() {
    let ledger = ledger([]);
    transact(&ledger, credit("key-1", 50)).await.unwrap();
    let again = transact(&ledger, credit("key-1", 50)).await;
    assert_eq!(again, Err(ErrorCode::DuplicateTransaction));
    assert_eq!(stored(&ledger, "user-1"), Some(Balance::Number(150)));
}

#[tokio::test(start_paused = true)]
async fn the_same_key_for_another_request_is_refused_and_moves_nothing() {
    let ledger = ledger([]);
    transact(&ledger, credit("key-1", 50)).await.unwrap();
    for other in
        [credit("key-1", 51), debit("key-1", 50), transaction("key-1", "user-2", 50, "credit")]
    {
        assert_eq!(transact(&ledger, other).await, Err(ErrorCode::IdempotentKeyReused));
    }
    assert_eq!(stored(&ledger, "user-1"), Some(Balance::Number(150)));
    assert_eq!(stored(&ledger, "user-2"), None);
}

#[tokio::test(start_paused = true)]
async fn a_debit_larger_than_the_balance_leaves_no_trace() {
    let ledger = ledger([]);
    let refused = transact(&ledger, debit("key-1", 101)).await;
    assert_eq!(refused, Err(ErrorCode::InsufficientBalance));
    assert_eq!(stored(&ledger, "user-1"), None);
    assert_eq!(record_count(&ledger), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_debit_does_not_use_up_its_key() {
    let ledger = ledger([]);
    transact(&ledger, debit("key-1", 101)).await.unwrap_err();
    transact(&ledger, credit("key-2", 1)).await.unwrap();
    assert_eq!(transact(&ledger, debit("key-1", 101)).await, Ok(()));
    assert_eq!(stored(&ledger, "user-1"), Some(Balance::Number(0)));
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_is_told_before_an_insufficient_balance() {
    let ledger = ledger([]);
    transact(&ledger, debit("key-1", 100)).await.unwrap();
    let again = transact(&ledger, debit("key-1", 100)).await;
    assert_eq!(again, Err(ErrorCode::DuplicateTransaction));
}

#[tokio::test(start_paused = true)]
async fn a_corrupt_balance_is_refused_by_reads_and_transactions() {
    let ledger = ledger([]);
    ledger.store().state().balances.insert(user("user-1"), Balance::Corrupt);
    assert_eq!(balance(&ledger).await, Err(ErrorCode::CorruptBalance));
    assert_eq!(transact(&ledger, credit("key-1", 1)).await, Err(ErrorCode::CorruptBalance));
    assert_eq!(transact(&ledger, debit("key-2", 1)).await, Err(ErrorCode::CorruptBalance));
    assert_eq!(record_count(&ledger), 0);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_not_tried_again() {
    let ledger = ledger([]);
    transact(&ledger, debit("key-1", 101)).await.unwrap_err();
    assert_eq!(ledger.store().state().writes.len(), 1);
}

// Faults.

#[tokio::test(start_paused = true)]
async fn what_was_not_taken_is_sent_again_as_the_same_request() {
    let ledger = ledger([Event::Fail(not_taken()), Event::Fail(not_taken())]);
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Ok(()));
    let state = ledger.store().state();
    let requests: Vec<usize> = state.writes.iter().map(|attempt| attempt.request).collect();
    assert_eq!(requests, [1, 1, 1]);
    assert_eq!(state.prepared, 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_answered_is_sent_again_as_the_same_request() {
    let ledger = ledger([Event::LoseRequest, Event::Fail(unanswered())]);
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Ok(()));
    let state = ledger.store().state();
    let requests: Vec<usize> = state.writes.iter().map(|attempt| attempt.request).collect();
    assert_eq!(requests, [1, 1, 1]);
    assert_eq!(state.prepared, 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_a_success_and_not_a_duplicate() {
    let ledger = ledger([Event::LoseAnswer]);
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Ok(()));
    assert_eq!(stored(&ledger, "user-1"), Some(Balance::Number(150)));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_then_a_fault_is_a_success_all_the_same() {
    let ledger = ledger([Event::LoseAnswer, Event::Fail(not_taken()), Event::LoseRequest]);
    assert_eq!(transact(&ledger, debit("key-1", 100)).await, Ok(()));
    assert_eq!(stored(&ledger, "user-1"), Some(Balance::Number(0)));
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_record_settles_an_unanswered_attempt() {
    let ledger = ledger([]);
    transact(&ledger, credit("key-1", 50)).await.unwrap();
    ledger.store().state().script.push_back(Event::LoseRequest);
    let again = transact(&ledger, credit("key-1", 50)).await;
    assert_eq!(again, Err(ErrorCode::DuplicateTransaction));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_an_unanswered_attempt_puts_up_no_fence() {
    let ledger = ledger([Event::Fail(not_taken())]);
    let refused = transact(&ledger, debit("key-1", 101)).await;
    assert_eq!(refused, Err(ErrorCode::InsufficientBalance));
    assert_eq!(ledger.store().state().fence_attempts, 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_an_unanswered_attempt_is_final_behind_a_fence() {
    let ledger = ledger([Event::ArriveLate]);
    let refused = transact(&ledger, debit("key-1", 101)).await;
    assert_eq!(refused, Err(ErrorCode::InsufficientBalance));
    // Now the balance would cover the debit that is still on its way.
    transact(&ledger, credit("key-2", 50)).await.unwrap();
    assert_eq!(stored(&ledger, "user-1"), Some(Balance::Number(150)));
    assert_eq!(record_count(&ledger), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fence_holds_off_one_call_only() {
    let ledger = ledger([Event::LoseRequest]);
    transact(&ledger, debit("key-1", 101)).await.unwrap_err();
    transact(&ledger, credit("key-2", 1)).await.unwrap();
    assert_eq!(transact(&ledger, debit("key-1", 101)).await, Ok(()));
    assert_eq!(stored(&ledger, "user-1"), Some(Balance::Number(0)));
}

#[tokio::test(start_paused = true)]
async fn a_fence_whose_answer_was_lost_is_found_standing() {
    let ledger = ledger([Event::LoseRequest, Event::Pass, Event::LoseAnswer]);
    let refused = transact(&ledger, debit("key-1", 101)).await;
    assert_eq!(refused, Err(ErrorCode::InsufficientBalance));
}

/// A debit of 101 whose first attempt is lost and whose second is refused, so that it needs a
/// fence, while another call makes the balance 150.
async fn debit_overtaken_by_a_credit(fence: Event) -> (Ledger<InMemory>, Result<(), ErrorCode>) {
    let ledger = ledger([Event::LoseRequest, Event::Pass, fence]);
    let debit = transact(&ledger, debit("key-1", 101));
    let credit = async {
        sleep(DEADLINES.attempt + Duration::from_secs(2)).await;
        transact(&ledger, credit("key-2", 50)).await
    };
    let (debited, credited) = tokio::join!(debit, credit);
    assert_eq!(credited, Ok(()));
    (ledger, debited)
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_was_overtaken_before_its_fence_stood_is_void() {
    let (ledger, outcome) = debit_overtaken_by_a_credit(Event::LoseRequest).await;
    assert_eq!(outcome, Ok(()));
    assert_eq!(stored(&ledger, "user-1"), Some(Balance::Number(49)));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_was_overtaken_after_its_fence_stood_is_final() {
    let (ledger, outcome) = debit_overtaken_by_a_credit(Event::LoseAnswer).await;
    assert_eq!(outcome, Err(ErrorCode::InsufficientBalance));
    assert_eq!(stored(&ledger, "user-1"), Some(Balance::Number(150)));
}

#[tokio::test(start_paused = true)]
async fn a_fence_that_cannot_be_put_up_leaves_the_outcome_unknown() {
    let mut script = forever(Event::Fail(not_taken()));
    script.splice(0..1, [Event::LoseRequest, Event::Pass]);
    let start = Instant::now();
    let ledger = ledger(script);
    assert_eq!(transact(&ledger, debit("key-1", 101)).await, Err(ErrorCode::OutcomeUnknown));
    assert!(start.elapsed() <= DEADLINES.call);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_arrives_late_takes_effect_once() {
    let ledger = ledger([Event::ArriveLate]);
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Ok(()));
    assert_eq!(stored(&ledger, "user-1"), Some(Balance::Number(150)));
}

#[tokio::test(start_paused = true)]
async fn a_final_fault_ends_the_call_at_once() {
    let ledger = ledger(forever(Event::Fail(denied())));
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Err(ErrorCode::AccessDenied));
    assert_eq!(balance(&ledger).await, Err(ErrorCode::AccessDenied));
    let state = ledger.store().state();
    assert_eq!((state.writes.len(), state.reads), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_final_fault_does_not_settle_an_unanswered_attempt() {
    let ledger = ledger([Event::LoseAnswer, Event::Fail(denied())]);
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Err(ErrorCode::OutcomeUnknown));
    assert_eq!(stored(&ledger, "user-1"), Some(Balance::Number(150)));
}

#[tokio::test(start_paused = true)]
async fn calling_again_with_the_same_key_settles_an_unknown_outcome() {
    let ledger = ledger([Event::LoseAnswer, Event::Fail(denied())]);
    transact(&ledger, credit("key-1", 50)).await.unwrap_err();
    let again = transact(&ledger, credit("key-1", 50)).await;
    assert_eq!(again, Err(ErrorCode::DuplicateTransaction));
}

#[tokio::test(start_paused = true)]
async fn a_read_is_tried_again_whatever_became_of_it() {
    let ledger = ledger([Event::Fail(not_taken()), Event::LoseRequest, Event::Fail(unanswered())]);
    assert_eq!(balance(&ledger).await, Ok("100".to_owned()));
    assert_eq!(ledger.store().state().reads, 4);
}

// Deadlines.

#[tokio::test(start_paused = true)]
async fn a_transaction_that_is_never_taken_did_not_happen() {
    let start = Instant::now();
    let ledger = ledger(forever(Event::Fail(not_taken())));
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Err(ErrorCode::NothingHappened));
    assert!(start.elapsed() <= DEADLINES.call);
    // It ends when the next pause would pass the deadline, which is a second at most.
    assert!(start.elapsed() + Duration::from_secs(1) >= DEADLINES.call);
    assert_eq!(record_count(&ledger), 0);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_is_never_answered_has_an_unknown_outcome() {
    let start = Instant::now();
    let ledger = ledger(forever(Event::LoseRequest));
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Err(ErrorCode::OutcomeUnknown));
    assert!(start.elapsed() <= DEADLINES.call + Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn one_unanswered_attempt_makes_the_outcome_unknown() {
    let mut script = forever(Event::Fail(not_taken()));
    script[3] = Event::Fail(unanswered());
    let ledger = ledger(script);
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Err(ErrorCode::OutcomeUnknown));
}

#[tokio::test(start_paused = true)]
async fn a_read_at_its_deadline_did_nothing() {
    for event in [Event::Fail(not_taken()), Event::LoseRequest] {
        let start = Instant::now();
        let ledger = ledger(forever(event));
        assert_eq!(balance(&ledger).await, Err(ErrorCode::NothingHappened));
        assert!(start.elapsed() <= DEADLINES.call + Duration::from_millis(1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_at_its_own_deadline_or_at_the_calls() {
    let start = Instant::now();
    let ledger = ledger(forever(Event::LoseRequest));
    transact(&ledger, credit("key-1", 50)).await.unwrap_err();
    let state = ledger.store().state();
    assert!(state.writes.len() >= 5);
    for attempt in &state.writes {
        let left = (start + DEADLINES.call).duration_since(attempt.at);
        assert_eq!(attempt.limit, DEADLINES.attempt.min(left));
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_are_drawn_with_jitter() {
    let ledger = ledger(vec![Event::Fail(not_taken()); 8]);
    transact(&ledger, credit("key-1", 50)).await.unwrap();
    let state = ledger.store().state();
    let gaps: Vec<Duration> = state
        .writes
        .windows(2)
        .map(|pair| pair[1].at.duration_since(pair[0].at).saturating_sub(LATENCY))
        .collect();
    for (faults, gap) in gaps.iter().enumerate() {
        // The timer counts in whole milliseconds and rounds up.
        let ceiling = Duration::from_millis((25_u64 << faults).min(1000) + 1);
        assert!(*gap <= ceiling, "{gaps:?}");
    }
}

// Crowds.

#[tokio::test(start_paused = true)]
async fn a_hundred_debits_of_1_pass_on_a_balance_of_100() {
    let ledger = Arc::new(ledger([]));
    let mut calls = JoinSet::new();
    for number in 0..300 {
        let ledger = Arc::clone(&ledger);
        calls.spawn(async move { transact(&ledger, debit(&format!("key-{number}"), 1)).await });
    }
    let outcomes = calls.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 100);
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Ok(()) | Err(ErrorCode::InsufficientBalance)))
    );
    assert_eq!(stored(&ledger, "user-1"), Some(Balance::Number(0)));
}

#[tokio::test(start_paused = true)]
async fn the_requests_under_way_are_limited() {
    let ledger = Arc::new(ledger([]));
    let mut calls = JoinSet::new();
    for number in 0..1000 {
        let ledger = Arc::clone(&ledger);
        calls.spawn(async move { transact(&ledger, credit(&format!("key-{number}"), 1)).await });
    }
    assert!(calls.join_all().await.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(ledger.store().state().most_under_way, 64);
    assert_eq!(stored(&ledger, "user-1"), Some(Balance::Number(1100)));
}

/// Takes all the turns there are.
async fn crowd(ledger: &Ledger<InMemory>) -> Vec<Turn<'_>> {
    let mut turns = Vec::new();
    while let Some(turn) = ledger.admission.take_turn(Instant::now()).await {
        turns.push(turn);
    }
    turns
}

#[tokio::test(start_paused = true)]
async fn a_call_that_gets_no_turn_until_its_deadline_did_nothing() {
    let ledger = ledger([]);
    let start = Instant::now();
    let _turns = crowd(&ledger).await;
    assert_eq!(transact(&ledger, credit("key-1", 1)).await, Err(ErrorCode::NothingHappened));
    assert!(start.elapsed() >= DEADLINES.call);
    assert_eq!(balance(&ledger).await, Err(ErrorCode::NothingHappened));
    let state = ledger.store().state();
    assert_eq!((state.writes.len(), state.reads), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_65537th_call_is_refused_at_once_and_sends_nothing() {
    let ledger = Arc::new(ledger(forever(Event::LoseRequest)));
    let mut calls = JoinSet::new();
    for _ in 0..65_536 {
        let ledger = Arc::clone(&ledger);
        calls.spawn(async move { balance(&ledger).await.is_err() });
    }
    // A moment for them to enter.
    sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    assert_eq!(balance(&ledger).await, Err(ErrorCode::TooManyCalls));
    assert_eq!(transact(&ledger, credit("key-1", 1)).await, Err(ErrorCode::TooManyCalls));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(ledger.store().state().writes.len(), 0);
    // Calls that nobody waits for any longer give their places back.
    calls.shutdown().await;
    ledger.store().state().script.clear();
    assert_eq!(transact(&ledger, credit("key-1", 1)).await, Ok(()));
}

// Ends before the end.

const ONE_SECOND: Duration = Duration::from_secs(1);

/// Cancels a call this long after now.
fn cancelled_after(delay: Duration) -> Cancellation {
    let token = CancellationToken::new();
    tokio::spawn({
        let token = token.clone();
        async move {
            sleep(delay).await;
            token.cancel();
        }
    });
    Cancellation::when(token)
}

#[tokio::test(start_paused = true)]
async fn a_call_cancelled_beforehand_sends_nothing() {
    let ledger = ledger([]);
    let token = CancellationToken::new();
    token.cancel();
    let cancellation = Cancellation::when(token);
    let read = balance_unless(&ledger, &cancellation).await;
    assert_eq!(read, Err(ErrorCode::NothingHappened));
    let written = transact_unless(&ledger, credit("key-1", 50), &cancellation).await;
    assert_eq!(written, Err(ErrorCode::NothingHappened));
    let state = ledger.store().state();
    assert_eq!((state.writes.len(), state.reads), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_transaction_cancelled_during_an_attempt_has_an_unknown_outcome() {
    let start = Instant::now();
    let ledger = ledger([Event::LoseAnswer]);
    let outcome = transact_unless(&ledger, credit("key-1", 50), &cancelled_after(ONE_SECOND)).await;
    assert_eq!(outcome, Err(ErrorCode::OutcomeUnknown));
    assert!(start.elapsed() <= ONE_SECOND + Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn a_transaction_cancelled_while_it_waits_for_a_turn_did_nothing() {
    let ledger = ledger([]);
    let _turns = crowd(&ledger).await;
    let outcome = transact_unless(&ledger, credit("key-1", 50), &cancelled_after(ONE_SECOND)).await;
    assert_eq!(outcome, Err(ErrorCode::NothingHappened));
    assert_eq!(ledger.store().state().writes.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_read_did_nothing() {
    let start = Instant::now();
    let ledger = ledger([Event::LoseRequest]);
    let outcome = balance_unless(&ledger, &cancelled_after(ONE_SECOND)).await;
    assert_eq!(outcome, Err(ErrorCode::NothingHappened));
    assert!(start.elapsed() <= ONE_SECOND + Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_that_comes_after_the_answer_changes_nothing() {
    let ledger = ledger([]);
    let outcome = transact_unless(&ledger, credit("key-1", 50), &cancelled_after(ONE_SECOND)).await;
    assert_eq!(outcome, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_gives_its_turn_back() {
    let ledger = ledger(vec![Event::LoseRequest; 100]);
    for _ in 0..100 {
        let cancellation = cancelled_after(LATENCY);
        transact_unless(&ledger, credit("key-1", 1), &cancellation).await.unwrap_err();
    }
    assert_eq!(transact(&ledger, credit("key-2", 1)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_the_calls_under_way_and_refuses_new_ones() {
    let ledger = ledger([Event::LoseRequest]);
    let call = transact(&ledger, credit("key-1", 50));
    let closing = async {
        sleep(LATENCY).await;
        ledger.close().await;
        record_count(&ledger)
    };
    assert_eq!(tokio::join!(call, closing), (Ok(()), 1));
    assert_eq!(transact(&ledger, credit("key-2", 1)).await, Err(ErrorCode::ClientClosed));
    assert_eq!(balance(&ledger).await, Err(ErrorCode::ClientClosed));
}

// Everything at once.

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Pass),
        2 => Just(Event::Fail(not_taken())),
        1 => Just(Event::Fail(unanswered())),
        1 => Just(Event::Fail(denied())),
        1 => Just(Event::LoseRequest),
        2 => Just(Event::LoseAnswer),
        2 => Just(Event::ArriveLate),
    ]
}

/// Few keys, users and amounts, so that calls meet.
fn any_transaction() -> impl Strategy<Value = Transaction> {
    (0..5_u8, 0..2_u8, prop_oneof![Just(30_u32), Just(70)], any::<bool>()).prop_map(
        |(key, user_id, amount, is_credit)| {
            let transaction_type = if is_credit { "credit" } else { "debit" };
            transaction(&format!("key-{key}"), &format!("user-{user_id}"), amount, transaction_type)
        },
    )
}

/// A call and what it was told.
type Told = (Transaction, Result<(), ErrorCode>);

/// Lets all the calls run, each starting at its own moment.
fn run(ledger: &Arc<Ledger<InMemory>>, calls: Vec<(u64, Transaction)>) -> Vec<Told> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut under_way = JoinSet::new();
        for (delay, transaction) in calls {
            let ledger = Arc::clone(ledger);
            under_way.spawn(async move {
                sleep(Duration::from_millis(delay)).await;
                let outcome = transact(&ledger, transaction.clone()).await;
                (transaction, outcome)
            });
        }
        under_way.join_all().await
    })
}

/// What the calls with one key were told, compared with the record under it.
fn check_key(record: Option<&Record>, told: &[Told]) -> Result<(), TestCaseError> {
    let count =
        |outcome: Result<(), ErrorCode>| told.iter().filter(|(_, told)| *told == outcome).count();
    let Some(record) = record else {
        prop_assert_eq!(count(Ok(())), 0, "confirmed, but not there");
        prop_assert_eq!(count(Err(ErrorCode::DuplicateTransaction)), 0);
        prop_assert_eq!(count(Err(ErrorCode::IdempotentKeyReused)), 0);
        return Ok(());
    };
    prop_assert!(count(Ok(())) <= 1, "confirmed twice");
    let mut can_have_written_it = 0;
    for (transaction, outcome) in told {
        let is_same = *transaction == record.transaction;
        match outcome {
            Ok(()) => prop_assert!(is_same, "confirmed, but something else is there"),
            Err(ErrorCode::DuplicateTransaction) => prop_assert!(is_same),
            Err(ErrorCode::IdempotentKeyReused) => prop_assert!(!is_same),
            Err(_) => {}
        }
        let is_open = matches!(outcome, Ok(()) | Err(ErrorCode::OutcomeUnknown));
        can_have_written_it += usize::from(is_same && is_open);
    }
    prop_assert!(can_have_written_it >= 1, "refused, but there");
    Ok(())
}

proptest! {
    // Each case is a small history of its own.
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_happens_every_call_is_told_the_truth(
        seed: u64,
        script in prop::collection::vec(any_event(), 0..60),
        calls in prop::collection::vec((0_u64..2000, any_transaction()), 1..24),
    ) {
        // The jitter is part of the history.
        fastrand::seed(seed);
        let ledger = Arc::new(ledger(script));
        let mut by_key: BTreeMap<String, Vec<Told>> = BTreeMap::new();
        for told in run(&ledger, calls) {
            by_key.entry(told.0.idempotent_key.as_str().to_owned()).or_default().push(told);
        }
        let state = ledger.store().state();
        for (key, told) in &by_key {
            check_key(state.records.get(key), told)?;
        }
        for (user_id, balance) in &state.balances {
            let records = state.records.values();
            let moved: i64 = records
                .filter(|record| record.transaction.user_id == *user_id)
                .map(|record| {
                    let amount = record.transaction.amount.as_decimal().to_string();
                    let amount: i64 = amount.parse().unwrap();
                    match record.transaction.transaction_type {
                        TransactionType::Credit => amount,
                        TransactionType::Debit => -amount,
                    }
                })
                .sum();
            prop_assert_eq!(*balance, Balance::Number(100 + moved));
            prop_assert!(100 + moved >= 0);
        }
    }
}
