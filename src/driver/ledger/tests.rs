use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::*;
use crate::core::backoff;
use crate::error::ErrorCode;
use crate::money::DefaultBalance;
use crate::store::Fault;
use crate::store::faulty::{
    Balance as Stored, Event, FaultyStore, LATENCY, SeenAttempt, contended, credit, debit, denied,
    forever, movement_of, not_taken, out_of_range, transaction, unanswered, user,
};
use crate::value::Value;

const DEADLINES: Deadlines = Deadlines {
    connect: Duration::from_secs(2),
    attempt: Duration::from_secs(5),
    call: Duration::from_secs(25),
};

/// A ledger whose calls are futures, with its dispatcher at work.
struct Client {
    ledger: Ledger<FaultyStore>,
    store: Arc<FaultyStore>,
    calls: AtomicU64,
}

impl Client {
    fn with_default_balance(store: FaultyStore, default_balance: &DefaultBalance) -> Self {
        let store = Arc::new(store);
        let (ledger, dispatcher) = Ledger::new(
            Arc::clone(&store),
            default_balance.as_decimal(),
            DEADLINES,
            Arc::new(|| {}),
        );
        tokio::spawn(dispatcher.run());
        Self { ledger, store, calls: AtomicU64::new(0) }
    }

    fn next_call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed)
    }

    /// Asks for a transaction that leaves with the next departure.
    fn gather(&self, transaction: Transaction) -> (u64, oneshot::Receiver<Result<(), ErrorCode>>) {
        let (sender, receiver) = oneshot::channel();
        let number = self.next_call();
        let recipient = move |outcome: Result<(), BalanceError>| {
            let _ = sender.send(outcome.map_err(|error| error.code));
        };
        self.ledger.transact(number, transaction, recipient).unwrap();
        (number, receiver)
    }
}

fn ledger(script: impl IntoIterator<Item = Event>) -> Client {
    Client::with_default_balance(FaultyStore::new(script), &DefaultBalance::default())
}

/// The balance in the database itself; `None` where there is no item.
fn stored(client: &Client, user_id: &str) -> Option<Stored> {
    client.store.state().balance(&user(user_id))
}

fn record_count(client: &Client) -> usize {
    client.store.state().records.len()
}

/// The requests of the attempts to write, by the order in which they were built.
fn requests(client: &Client) -> Vec<u64> {
    client.store.state().writes.iter().map(|attempt| attempt.batch).collect()
}

async fn balance(client: &Client) -> Result<String, ErrorCode> {
    balance_until(client, NEVER).await
}

/// A read that is cancelled after a while.
async fn balance_until(client: &Client, patience: Duration) -> Result<String, ErrorCode> {
    let (sender, receiver) = oneshot::channel();
    let number = client.next_call();
    let recipient = |outcome: Result<Balance, BalanceError>| {
        drop(sender.send(outcome.map(|balance| balance.balance)));
    };
    client.ledger.get_balance(number, user("user-1"), recipient).map_err(|error| error.code)?;
    client.ledger.flush();
    let balance = unless_cancelled(client, number, receiver, patience).await;
    balance.map(|balance| balance.to_string()).map_err(|error| error.code)
}

async fn transact(client: &Client, transaction: Transaction) -> Result<(), ErrorCode> {
    transact_until(client, transaction, NEVER).await
}

/// A transaction that is cancelled after a while.
async fn transact_until(
    client: &Client,
    transaction: Transaction,
    patience: Duration,
) -> Result<(), ErrorCode> {
    let (sender, receiver) = oneshot::channel();
    let number = client.next_call();
    let recipient = |outcome: Result<(), BalanceError>| drop(sender.send(outcome));
    client.ledger.transact(number, transaction, recipient).map_err(|error| error.code)?;
    client.ledger.flush();
    let outcome = unless_cancelled(client, number, receiver, patience).await;
    outcome.map_err(|error| error.code)
}

/// Longer than any call may take.
const NEVER: Duration = Duration::from_hours(1);

async fn unless_cancelled<T>(
    client: &Client,
    number: u64,
    mut receiver: oneshot::Receiver<T>,
    patience: Duration,
) -> T {
    tokio::select! {
        answer = &mut receiver => return answer.unwrap(),
        () = sleep(patience) => cancel(client, number),
    }
    receiver.await.unwrap()
}

/// Whatever it is: a number belongs to one call.
fn cancel(client: &Client, number: u64) {
    client.ledger.cancel(number);
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
    let store = FaultyStore::with_default_balance([], 0);
    let nothing = DefaultBalance::validate(&Value::Number(0.0)).unwrap();
    let ledger = Client::with_default_balance(store, &nothing);
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
    assert_eq!(stored(&ledger, "user-2"), Some(Stored::Number(107)));
    assert_eq!(balance(&ledger).await, Ok("100".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_faults_is_one_request() {
    let ledger = ledger([]);
    transact(&ledger, credit("key-1", 50)).await.unwrap();
    balance(&ledger).await.unwrap();
    let state = ledger.store.state();
    assert_eq!((state.writes.len(), state.reads.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_record_carries_the_time_in_utc_with_milliseconds() {
    let ledger = ledger([]);
    transact(&ledger, credit("key-1", 50)).await.unwrap();
    let timestamp = ledger.store.state().records["key-1"].timestamp.clone();
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
    let state = ledger.store.state();
    assert_ne!(state.records["key-1"].call_id, state.records["key-2"].call_id);
}

// Refusals.

#[tokio::test(start_paused = true)]
async fn the_same_request_again_is_a_duplicate_and_moves_nothing() {
    let ledger = ledger([]);
    transact(&ledger, credit("key-1", 50)).await.unwrap();
    let again = transact(&ledger, credit("key-1", 50)).await;
    assert_eq!(again, Err(ErrorCode::DuplicateTransaction));
    assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(150)));
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
    assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(150)));
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
    assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(0)));
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
    ledger.store.state().database.set_balance(&user("user-1"), StoredBalance::Corrupt);
    assert_eq!(balance(&ledger).await, Err(ErrorCode::CorruptBalance));
    assert_eq!(transact(&ledger, credit("key-1", 1)).await, Err(ErrorCode::CorruptBalance));
    assert_eq!(transact(&ledger, debit("key-2", 1)).await, Err(ErrorCode::CorruptBalance));
    assert_eq!(record_count(&ledger), 0);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_not_tried_again() {
    let ledger = ledger([]);
    transact(&ledger, debit("key-1", 101)).await.unwrap_err();
    assert_eq!(ledger.store.state().writes.len(), 1);
}

// Faults.

#[tokio::test(start_paused = true)]
async fn what_was_not_taken_is_sent_again_in_a_new_request() {
    let ledger = ledger([Event::Fail(not_taken()), Event::Fail(contended())]);
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Ok(()));
    assert_eq!(requests(&ledger), [1, 2, 3]);
    let state = ledger.store.state();
    assert!(state.writes.iter().all(|attempt| attempt.keys == ["key-1"]));
}

#[tokio::test(start_paused = true)]
async fn whoever_came_while_a_request_was_not_taken_travels_with_it_next() {
    let ledger = ledger([Event::Fail(not_taken())]);
    let later = async {
        sleep(LATENCY / 2).await;
        transact(&ledger, credit("key-2", 50)).await
    };
    let outcomes = tokio::join!(transact(&ledger, credit("key-1", 50)), later);
    assert_eq!(outcomes, (Ok(()), Ok(())));
    let state = ledger.store.state();
    let keys: Vec<Vec<String>> = state.writes.iter().map(|it| it.keys.clone()).collect();
    assert_eq!(keys, [vec!["key-1"], vec!["key-1", "key-2"]]);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_answered_is_sent_again_as_the_same_request() {
    let script = [Event::LoseRequest, Event::Fail(unanswered()), Event::Fail(not_taken())];
    let ledger = ledger(script);
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Ok(()));
    assert_eq!(requests(&ledger), [1, 1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_a_success_and_not_a_duplicate() {
    let ledger = ledger([Event::LoseAnswer]);
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Ok(()));
    assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(150)));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_then_a_fault_is_a_success_all_the_same() {
    let ledger = ledger([Event::LoseAnswer, Event::Fail(not_taken()), Event::LoseRequest]);
    assert_eq!(transact(&ledger, debit("key-1", 100)).await, Ok(()));
    assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(0)));
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_record_settles_an_unanswered_attempt() {
    let ledger = ledger([]);
    transact(&ledger, credit("key-1", 50)).await.unwrap();
    ledger.store.state().script.push_back(Event::LoseRequest);
    let again = transact(&ledger, credit("key-1", 50)).await;
    assert_eq!(again, Err(ErrorCode::DuplicateTransaction));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_an_unanswered_attempt_ends_no_epoch() {
    let ledger = ledger([Event::Fail(not_taken())]);
    let refused = transact(&ledger, debit("key-1", 101)).await;
    assert_eq!(refused, Err(ErrorCode::InsufficientBalance));
    assert_eq!(ledger.store.state().epoch_attempts, 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_an_unanswered_attempt_is_final_once_its_epoch_is_over() {
    let ledger = ledger([Event::ArriveLate]);
    let refused = transact(&ledger, debit("key-1", 101)).await;
    assert_eq!(refused, Err(ErrorCode::InsufficientBalance));
    // Now the balance would cover the debit that is still on its way.
    transact(&ledger, credit("key-2", 50)).await.unwrap();
    assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(150)));
    assert_eq!(record_count(&ledger), 1);
}

#[tokio::test(start_paused = true)]
async fn an_epoch_that_is_over_holds_off_no_later_call() {
    let ledger = ledger([Event::LoseRequest]);
    transact(&ledger, debit("key-1", 101)).await.unwrap_err();
    transact(&ledger, credit("key-2", 1)).await.unwrap();
    assert_eq!(transact(&ledger, debit("key-1", 101)).await, Ok(()));
    assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(0)));
}

#[tokio::test(start_paused = true)]
async fn an_epoch_whose_end_went_unanswered_is_found_over() {
    let ledger = ledger([Event::LoseRequest, Event::Pass, Event::LoseAnswer]);
    let refused = transact(&ledger, debit("key-1", 101)).await;
    assert_eq!(refused, Err(ErrorCode::InsufficientBalance));
}

/// A debit of 101 whose first attempt is lost and whose second is refused, so that its
/// epoch has to end, while another call makes the balance 150.
async fn debit_overtaken_by_a_credit(end: Event) -> (Client, Result<(), ErrorCode>) {
    let ledger = ledger([Event::LoseRequest, Event::Pass, end]);
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
async fn once_its_epoch_is_over_a_call_passes_if_the_balance_has_grown_since() {
    for end in [Event::LoseRequest, Event::LoseAnswer] {
        let (ledger, outcome) = debit_overtaken_by_a_credit(end).await;
        assert_eq!(outcome, Ok(()));
        assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(49)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_epoch_that_is_over_has_to_end_no_more() {
    let ledger = ledger([Event::LoseRequest, Event::Pass, Event::Pass]);
    transact(&ledger, debit("key-1", 101)).await.unwrap_err();
    ledger.store.state().script.push_back(Event::LoseRequest);
    let refused = transact(&ledger, debit("key-2", 101)).await;
    assert_eq!(refused, Err(ErrorCode::InsufficientBalance));
    assert_eq!(ledger.store.state().epoch_attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn an_amount_out_of_range_without_an_unanswered_attempt_ends_no_epoch() {
    let ledger = ledger([Event::Fail(out_of_range())]);
    let refused = transact(&ledger, credit("key-1", 50)).await;
    assert_eq!(refused, Err(ErrorCode::AmountOutOfRange));
    assert_eq!(ledger.store.state().epoch_attempts, 0);
}

#[tokio::test(start_paused = true)]
async fn an_amount_out_of_range_after_an_unanswered_attempt_is_final_once_its_epoch_is_over() {
    let ledger = ledger([
        Event::ArriveLate,
        Event::Fail(out_of_range()),
        Event::Pass,
        Event::Fail(out_of_range()),
    ]);
    let refused = transact(&ledger, debit("key-1", 101)).await;
    assert_eq!(refused, Err(ErrorCode::AmountOutOfRange));
    assert_eq!(ledger.store.state().epoch_attempts, 1);
    // Now the balance would cover the debit that is still on its way.
    transact(&ledger, credit("key-2", 50)).await.unwrap();
    assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(150)));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_took_effect_after_all_beats_an_amount_out_of_range() {
    let ledger = ledger([Event::LoseAnswer, Event::Fail(out_of_range())]);
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Ok(()));
    assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(150)));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_took_effect_after_all_is_a_success_for_all_its_members() {
    // The answer is lost, a later attempt is rejected, the end of the epoch meets the first record, and then
    // the permissions are gone.
    let script =
        [Event::LoseAnswer, Event::Fail(out_of_range()), Event::Pass, Event::Fail(denied())];
    let ledger = ledger(script);
    let receivers = [credit("key-1", 1), credit("key-2", 1)].map(|call| ledger.gather(call).1);
    ledger.ledger.flush();
    for receiver in receivers {
        assert_eq!(receiver.await.unwrap(), Ok(()));
    }
    assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(102)));
}

#[tokio::test(start_paused = true)]
async fn a_missing_answer_holds_nobody_else_up() {
    let ledger = ledger([Event::LoseRequest, Event::LoseRequest]);
    let start = Instant::now();
    let later = async {
        // By then the second attempt of the first call has left, and takes until the tenth second.
        sleep(DEADLINES.attempt + Duration::from_millis(100)).await;
        transact(&ledger, credit("key-2", 50)).await.map(|()| start.elapsed())
    };
    let (first, second) = tokio::join!(transact(&ledger, credit("key-1", 50)), later);
    assert_eq!(first, Ok(()));
    assert!(second.unwrap() < DEADLINES.attempt * 2);
}

#[tokio::test(start_paused = true)]
async fn an_epoch_that_cannot_be_ended_leaves_the_outcome_unknown() {
    let mut script = forever(Event::Fail(not_taken()));
    script.splice(0..1, [Event::LoseRequest, Event::Pass]);
    let start = Instant::now();
    let ledger = ledger(script);
    assert_eq!(transact(&ledger, debit("key-1", 101)).await, Err(ErrorCode::OutcomeUnknown));
    assert!(start.elapsed() <= DEADLINES.call + Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_arrives_late_takes_effect_once() {
    let ledger = ledger([Event::ArriveLate]);
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Ok(()));
    assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(150)));
}

#[tokio::test(start_paused = true)]
async fn a_final_fault_ends_the_call_at_once() {
    let ledger = ledger(forever(Event::Fail(denied())));
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Err(ErrorCode::AccessDenied));
    assert_eq!(balance(&ledger).await, Err(ErrorCode::AccessDenied));
    let state = ledger.store.state();
    assert_eq!((state.writes.len(), state.reads.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_final_fault_does_not_settle_an_unanswered_attempt() {
    let ledger = ledger([Event::LoseAnswer, Event::Fail(denied())]);
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Err(ErrorCode::OutcomeUnknown));
    assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(150)));
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
    assert_eq!(ledger.store.state().reads.len(), 4);
}

// Deadlines.

#[tokio::test(start_paused = true)]
async fn a_transaction_that_is_never_taken_did_not_happen() {
    let start = Instant::now();
    let ledger = ledger(forever(Event::Fail(not_taken())));
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Err(ErrorCode::NothingHappened));
    assert!(start.elapsed() <= DEADLINES.call + Duration::from_millis(1));
    assert!(start.elapsed() >= DEADLINES.call);
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
    let state = ledger.store.state();
    assert!(state.writes.len() >= 5);
    for attempt in &state.writes {
        let left = (start + DEADLINES.call).duration_since(attempt.at);
        assert_eq!(attempt.limit, DEADLINES.attempt.min(left));
    }
}

/// The pauses between the attempts of a call that meets these faults.
async fn pauses_after(fault: Fault, count: usize) -> Vec<Duration> {
    let ledger = ledger(vec![Event::Fail(fault); count]);
    transact(&ledger, credit("key-1", 50)).await.unwrap();
    let state = ledger.store.state();
    let gap = |pair: &[SeenAttempt]| pair[1].at.duration_since(pair[0].at).saturating_sub(LATENCY);
    state.writes.windows(2).map(gap).collect()
}

/// The timer counts in whole milliseconds and rounds up.
fn assert_drawn_below(pauses: &[Duration], ceiling: impl Fn(u32) -> Duration) {
    for (faults, pause) in (0..).zip(pauses) {
        assert!(*pause <= ceiling(faults) + Duration::from_millis(1), "{pauses:?}");
    }
    let first = pauses[0];
    assert!(pauses.iter().any(|pause| *pause != first), "no jitter: {pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn pauses_are_drawn_with_jitter() {
    for fault in [not_taken(), unanswered()] {
        let pauses = pauses_after(fault, 8).await;
        assert_eq!(pauses.len(), 8);
        assert_drawn_below(&pauses, |faults| backoff::pause(faults, 1.0));
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_after_conflicts_grow_shorter() {
    let pauses = pauses_after(contended(), 20).await;
    assert_eq!(pauses.len(), 20);
    assert_drawn_below(&pauses, |faults| backoff::pause_contended(faults, None, 1.0));
}

// Crowds.

#[tokio::test(start_paused = true)]
async fn calls_of_one_flush_leave_together() {
    let ledger = ledger([]);
    let receivers: Vec<_> =
        (0..10).map(|number| ledger.gather(credit(&format!("key-{number}"), 1)).1).collect();
    ledger.ledger.flush();
    for receiver in receivers {
        assert_eq!(receiver.await.unwrap(), Ok(()));
    }
    let state = ledger.store.state();
    assert_eq!(state.writes.len(), 1);
    assert_eq!(state.writes[0].keys.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_before_the_flush() {
    let ledger = ledger([]);
    let (_, mut receiver) = ledger.gather(credit("key-1", 1));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(ledger.store.state().writes.len(), 0);
    assert!(receiver.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn each_call_of_a_mixed_answer_is_told_what_applies_to_it() {
    let ledger = ledger([]);
    transact(&ledger, credit("key-1", 50)).await.unwrap();
    let calls =
        [credit("key-1", 50), debit("key-2", 1000), debit("key-3", 150), credit("key-1", 7)];
    let receivers = calls.map(|call| ledger.gather(call).1);
    ledger.ledger.flush();
    let mut outcomes = Vec::new();
    for receiver in receivers {
        outcomes.push(receiver.await.unwrap());
    }
    assert_eq!(
        outcomes,
        [
            Err(ErrorCode::DuplicateTransaction),
            Err(ErrorCode::InsufficientBalance),
            Ok(()),
            Err(ErrorCode::IdempotentKeyReused),
        ]
    );
    assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(0)));
}

#[tokio::test(start_paused = true)]
async fn the_65537th_call_is_refused_at_once_and_sends_nothing() {
    let ledger = Arc::new(ledger(forever(Event::LoseRequest)));
    let answered = Arc::new(AtomicUsize::new(0));
    for number in 0..65_536 {
        let answered = Arc::clone(&answered);
        let count = move |_| {
            answered.fetch_add(1, Ordering::Relaxed);
        };
        let user_id = user(&format!("user-{}", number % 8));
        ledger.ledger.get_balance(number, user_id, count).unwrap();
    }
    ledger.ledger.flush();
    let start = Instant::now();
    assert_eq!(balance(&ledger).await, Err(ErrorCode::TooManyCalls));
    assert_eq!(transact(&ledger, credit("key-1", 1)).await, Err(ErrorCode::TooManyCalls));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(ledger.store.state().writes.len(), 0);
    // Calls that have been answered give their places back.
    sleep(DEADLINES.call + LATENCY).await;
    assert_eq!(answered.load(Ordering::Relaxed), 65_536);
    ledger.store.state().script.clear();
    assert_eq!(transact(&ledger, credit("key-1", 1)).await, Ok(()));
}

// Ends before the end.

const ONE_SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_call_cancelled_before_its_departure_sends_nothing() {
    let ledger = ledger([]);
    let (number, receiver) = ledger.gather(credit("key-1", 50));
    cancel(&ledger, number);
    assert_eq!(receiver.await.unwrap(), Err(ErrorCode::NothingHappened));
    ledger.ledger.flush();
    sleep(ONE_SECOND).await;
    assert_eq!(ledger.store.state().writes.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_cancelled_during_an_attempt_has_an_unknown_outcome() {
    let start = Instant::now();
    let ledger = ledger([Event::LoseAnswer]);
    let outcome = transact_until(&ledger, credit("key-1", 50), ONE_SECOND).await;
    assert_eq!(outcome, Err(ErrorCode::OutcomeUnknown));
    assert!(start.elapsed() <= ONE_SECOND + Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn a_transaction_cancelled_while_it_waits_for_its_lane_did_nothing() {
    let ledger = ledger([Event::LoseRequest]);
    let second = async {
        sleep(LATENCY).await;
        transact_until(&ledger, credit("key-2", 50), ONE_SECOND).await
    };
    let outcomes = tokio::join!(transact(&ledger, credit("key-1", 50)), second);
    assert_eq!(outcomes, (Ok(()), Err(ErrorCode::NothingHappened)));
    assert_eq!(stored(&ledger, "user-1"), Some(Stored::Number(150)));
}

#[tokio::test(start_paused = true)]
async fn a_transaction_cancelled_between_attempts_is_uncertain_only_after_an_unanswered_one() {
    let answers = [
        (not_taken(), Err(ErrorCode::NothingHappened)),
        (unanswered(), Err(ErrorCode::OutcomeUnknown)),
    ];
    for (fault, expected) in answers {
        let ledger = ledger(forever(Event::Fail(fault)));
        // By then the pauses are far longer than the attempts; the seed makes it one of them.
        fastrand::seed(7);
        let patience = Duration::from_secs(10);
        assert_eq!(transact_until(&ledger, credit("key-1", 50), patience).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_read_did_nothing() {
    let start = Instant::now();
    let ledger = ledger([Event::LoseRequest]);
    let outcome = balance_until(&ledger, ONE_SECOND).await;
    assert_eq!(outcome, Err(ErrorCode::NothingHappened));
    assert!(start.elapsed() <= ONE_SECOND + Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_that_comes_after_the_answer_changes_nothing() {
    let ledger = ledger([]);
    let outcome = transact_until(&ledger, credit("key-1", 50), ONE_SECOND).await;
    assert_eq!(outcome, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn cancelling_a_call_that_nobody_knows_changes_nothing() {
    let ledger = ledger([]);
    cancel(&ledger, 1_000);
    assert_eq!(transact(&ledger, credit("key-1", 50)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_without_a_dispatcher_answers_all_the_same_and_has_the_answers_fetched() {
    // An answer is told, and waits until somebody is sent for it.
    let told = Arc::new(Mutex::new(Vec::new()));
    let fetched = Arc::new(Mutex::new(Vec::new()));
    let tell = {
        let told = Arc::clone(&told);
        move |outcome: Result<(), BalanceError>| {
            told.lock().unwrap().push(outcome.map_err(|error| error.code));
        }
    };
    let (ledger, dispatcher) = Ledger::new(
        Arc::new(FaultyStore::new([])),
        DefaultBalance::default().as_decimal(),
        DEADLINES,
        {
            let fetched = Arc::clone(&fetched);
            Arc::new(move || fetched.lock().unwrap().append(&mut told.lock().unwrap()))
        },
    );
    drop(dispatcher);
    ledger.transact(1, credit("key-1", 50), tell).unwrap();
    ledger.flush();
    assert_eq!(*fetched.lock().unwrap(), [Err(ErrorCode::InternalError)]);
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_the_calls_under_way_and_refuses_new_ones() {
    let ledger = ledger([Event::LoseRequest]);
    let call = transact(&ledger, credit("key-1", 50));
    let closing = async {
        sleep(LATENCY).await;
        ledger.ledger.close().await;
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
        2 => Just(Event::Fail(contended())),
        1 => Just(Event::Fail(out_of_range())),
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
fn run(script: Vec<Event>, calls: Vec<(u64, Transaction)>) -> (Arc<FaultyStore>, Vec<Told>) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let ledger = Arc::new(ledger(script));
        let mut under_way = JoinSet::new();
        for (delay, transaction) in calls {
            let ledger = Arc::clone(&ledger);
            under_way.spawn(async move {
                sleep(Duration::from_millis(delay)).await;
                let outcome = transact(&ledger, transaction.clone()).await;
                (transaction, outcome)
            });
        }
        let told = under_way.join_all().await;
        (Arc::clone(&ledger.store), told)
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
        let (store, told) = run(script, calls);
        let mut by_key: BTreeMap<String, Vec<Told>> = BTreeMap::new();
        for told in told {
            by_key.entry(told.0.idempotent_key.as_str().to_owned()).or_default().push(told);
        }
        let state = store.state();
        for (key, told) in &by_key {
            check_key(state.records.get(key).map(Arc::as_ref), told)?;
        }
        for (user_id, balance) in state.balances() {
            let records = state.records.values();
            let moved: i64 = records
                .filter(|record| record.transaction.user_id == user_id)
                .map(|record| movement_of(&record.transaction))
                .sum();
            prop_assert_eq!(balance, Stored::Number(100 + moved));
            prop_assert!(100 + moved >= 0);
        }
    }
}
