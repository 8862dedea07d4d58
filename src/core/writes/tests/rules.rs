//! Each rule by an example. The calls are named after their keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::{
    Action, Completion, Config, MAX_ACTIONS, MAX_UNCERTAIN, PendingWrite, Replies, WriteAttempt,
    WriteQueue, is_too_late,
};
use crate::core::backoff;
use crate::core::epoch::Epoch;
use crate::core::group::Group;
use crate::core::indefinite::{Ending, Operation};
use crate::core::outcome::Written;
use crate::error::{BalanceError, ErrorCode};
use crate::money::{Amount, Decimal, StoredBalance};
use crate::store::{
    CallId, Closing, Entry, EntryState, EpochAnswer, EpochEnding, ExistingRecord, Fault, HoldState,
    HoldStatus, PlaceInGroup, Reason, Record, Refusal, RefusedBalance, Role, Write, WriteAnswer,
};
use crate::transaction::{IdempotentKey, Transaction, UserId};
use crate::value::Value;

/// Of one user.
const MAX_RECORDS: usize = MAX_ACTIONS - 1;

const CALL_TIMEOUT: Duration = Duration::from_secs(25);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const LATENCY: Duration = Duration::from_millis(5);
/// The longest pause after a fault.
const PAUSE: Duration = Duration::from_secs(1);

type Told = Vec<(&'static str, Result<(), ErrorCode>)>;

use EntryState::{Free, Unclear};
use ErrorCode::{
    AccessDenied, CorruptBalance, DuplicateTransaction, IdempotentKeyReused, InsufficientBalance,
    InternalError, NothingHappened, OutcomeUnknown, ServiceError,
};

/// The queue, the time, and all calls so far.
struct Scene {
    queue: WriteQueue<&'static str>,
    now: Instant,
    epoch: Epoch,
    numbers: HashMap<&'static str, u64>,
    /// Of each call the first.
    records: HashMap<&'static str, Arc<Record>>,
    writes: HashMap<u64, Arc<Write>>,
}

impl Scene {
    fn new() -> Self {
        let config = Config {
            ending: Ending { operation: Operation::Transact, call_timeout: CALL_TIMEOUT },
            default_balance: decimal("100"),
            attempt_timeout: ATTEMPT_TIMEOUT,
        };
        Self {
            queue: WriteQueue::new(config),
            now: Instant::now(),
            epoch: epoch("1000"),
            numbers: HashMap::new(),
            records: HashMap::new(),
            writes: HashMap::new(),
        }
    }

    fn credit(&mut self, name: &'static str, amount: f64) {
        self.join(name, name, amount, "credit");
    }

    fn debit(&mut self, name: &'static str, amount: f64) {
        self.join(name, name, amount, "debit");
    }

    fn join(&mut self, name: &'static str, key: &str, amount: f64, transaction_type: &str) {
        let sign = if transaction_type == "debit" { -1.0 } else { 1.0 };
        self.group(name, &[(key, "user-1", sign * amount)]);
    }

    /// A call for transactions: keys, users, amounts, which are negative for debits.
    fn group(&mut self, name: &'static str, members: &[(&str, &str, f64)]) {
        let text = |text: &str| Value::Text(text.to_owned());
        let (call_id, size) = (CallId::unique(), members.len());
        let record = |(index, (key, user, sum)): (usize, &(&str, &str, f64))| {
            let amount = Value::Number(sum.abs());
            let kind = text(if *sum < 0.0 { "debit" } else { "credit" });
            Arc::new(Record {
                transaction: Transaction::validate(text(key), text(user), &amount, &kind).unwrap(),
                timestamp: "2024-05-06T07:08:09.010Z".into(),
                call_id,
                place: (size > 1).then_some(PlaceInGroup { index, size }),
                role: Role::Transaction,
            })
        };
        let records: Vec<Arc<Record>> = members.iter().enumerate().map(record).collect();
        let number = u64::try_from(self.numbers.len()).unwrap();
        self.numbers.insert(name, number);
        self.records.insert(name, Arc::clone(&records[0]));
        let deadline = self.now + CALL_TIMEOUT;
        let group = Arc::new(Group::new(records));
        self.queue.push(Box::new(PendingWrite { number, group, deadline, reply: name }));
    }

    fn next(&mut self) -> Option<WriteAttempt> {
        if self.queue.next_timeout(self.now).is_some_and(|at| at <= self.now) {
            assert_eq!(told(self.queue.on_timeout(self.now)), [], "a deadline was missed");
        }
        let attempt = self.queue.next_attempt(self.now, self.epoch)?;
        if let Action::Write { write, .. } = &attempt.action {
            self.writes.insert(attempt.batch, Arc::clone(write));
        }
        Some(attempt)
    }

    /// What an attempt is about, whether it writes or ends an epoch.
    fn write_of(&self, attempt: &WriteAttempt) -> &Write {
        &self.writes[&attempt.batch]
    }

    fn records_of(&self, attempt: &WriteAttempt) -> Vec<&Arc<Record>> {
        let entries = self.write_of(attempt).entries.iter();
        entries
            .map(|entry| match entry {
                Entry::Record(record) => record,
                Entry::Closing(_) | Entry::FreeKey(_) => panic!("no record"),
            })
            .collect()
    }

    fn epoch_of(&self, attempt: &WriteAttempt) -> Epoch {
        self.write_of(attempt).balances[0].epoch
    }

    fn keys_of(&self, attempt: &WriteAttempt) -> Vec<&str> {
        self.write_of(attempt).entries.iter().map(|entry| entry.key().as_str()).collect()
    }

    /// The next request, which is sent.
    fn send(&mut self) -> WriteAttempt {
        let attempt = self.connect();
        assert!(attempt.attempt.gate.pass());
        attempt
    }

    /// The next request, which has no connection yet.
    fn connect(&mut self) -> WriteAttempt {
        self.next().expect("something is to be sent")
    }

    fn sends(&mut self, keys: &[&str]) -> WriteAttempt {
        let attempt = self.send();
        assert_eq!(self.keys_of(&attempt), keys);
        attempt
    }

    #[track_caller]
    fn stays(&mut self) {
        if let Some(attempt) = self.next() {
            panic!("{:?} left", self.keys_of(&attempt));
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "an attempt is brought back once")]
    fn complete(&mut self, attempt: WriteAttempt, completion: Completion) -> Told {
        self.now += LATENCY;
        told(self.queue.on_completed(attempt.batch, completion, self.now, 1.0))
    }

    fn commit(&mut self, attempt: WriteAttempt) -> Told {
        self.complete(attempt, Completion::Write(Ok(WriteAnswer::Committed)))
    }

    fn refuse(
        &mut self,
        attempt: WriteAttempt,
        records: impl IntoIterator<Item = EntryState>,
        balance: impl Into<Option<StoredBalance>>,
    ) -> Told {
        self.refuse_in(attempt, records, balance, None)
    }

    /// A refusal by a balance that has seen an epoch.
    fn refuse_in(
        &mut self,
        attempt: WriteAttempt,
        records: impl IntoIterator<Item = EntryState>,
        balance: impl Into<Option<StoredBalance>>,
        epoch: Option<Epoch>,
    ) -> Told {
        let refused = balance.into().map(|balance| RefusedBalance {
            balance,
            held: StoredBalance::Absent,
            epoch,
        });
        self.refuse_all(attempt, records, [refused])
    }

    /// A refusal by some of the balances.
    fn refuse_all(
        &mut self,
        attempt: WriteAttempt,
        records: impl IntoIterator<Item = EntryState>,
        balances: impl IntoIterator<Item = Option<RefusedBalance>>,
    ) -> Told {
        let records = records.into_iter().collect();
        let refusal = Refusal { entries: records, balances: balances.into_iter().collect() };
        self.complete(attempt, Completion::Write(Ok(WriteAnswer::Refused(refusal))))
    }

    fn fail(&mut self, attempt: WriteAttempt, fault: Fault) -> Told {
        let completion = match attempt.action {
            Action::Write { .. } => Completion::Write(Err(fault)),
            Action::EndEpoch(_) => Completion::EndEpoch(Err(fault)),
        };
        self.complete(attempt, completion)
    }

    fn end_epoch(&mut self, attempt: WriteAttempt, answer: EpochAnswer) -> Told {
        assert!(matches!(attempt.action, Action::EndEpoch(_)), "{:?}", attempt.action);
        self.complete(attempt, Completion::EndEpoch(Ok(answer)))
    }

    /// The next request goes unanswered.
    fn go_unanswered(&mut self) {
        let attempt = self.send();
        assert_eq!(self.fail(attempt, unanswered()), []);
    }

    /// The next request goes unanswered, and its repetition is ready.
    fn repeat_unanswered(&mut self) -> WriteAttempt {
        self.go_unanswered();
        self.now += PAUSE;
        self.send()
    }

    /// A debit of 50 goes unanswered, and its repetition finds a balance of 20.
    fn doubt(&mut self) -> WriteAttempt {
        self.debit("a", 50.0);
        let again = self.repeat_unanswered();
        assert_eq!(self.refuse(again, [Free], balance("20")), []);
        self.send()
    }

    fn cancel(&mut self, name: &'static str) -> Option<(&'static str, Result<(), ErrorCode>)> {
        let reply = self.queue.cancel(self.numbers[name], self.now);
        told(reply.into_iter().collect()).pop()
    }

    fn expire(&mut self) -> Told {
        self.now += CALL_TIMEOUT;
        told(self.queue.on_timeout(self.now))
    }

    /// The record of a call, as it is found under its key.
    fn found(&self, name: &str) -> ExistingRecord {
        ExistingRecord::from(&*self.records[name])
    }

    /// The same, written by another call.
    fn found_twin(&self, name: &str) -> ExistingRecord {
        ExistingRecord { call_id: Some(CallId::unique().to_string()), ..self.found(name) }
    }

    fn twin(&self, name: &str) -> EntryState {
        EntryState::Taken(self.found_twin(name))
    }
}

/// In the words of `transact`.
fn told(replies: Replies<&'static str>) -> Told {
    let outcome = |outcome: Result<Written, BalanceError>| match outcome {
        Ok(Written::Recorded) => Ok(()),
        Ok(Written::Replayed(_)) => Err(DuplicateTransaction),
        Err(error) => Err(error.code),
    };
    replies.into_iter().map(|(name, it)| (name, outcome(it))).collect()
}

fn user() -> UserId {
    UserId::validate_for_transaction(Value::Text("user-1".to_owned())).unwrap()
}

fn epoch(text: &str) -> Epoch {
    Epoch::parse(text).unwrap()
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn balance(text: &str) -> StoredBalance {
    StoredBalance::Number(decimal(text))
}

fn reason() -> Reason {
    Reason { summary: "it rained".to_owned(), cause: None }
}

fn unanswered() -> Fault {
    Fault::Unanswered(reason())
}

fn rejected() -> Fault {
    Fault::Rejected(BalanceError::new(ServiceError, "no"))
}

fn forbidden() -> Fault {
    Fault::Final(BalanceError::new(AccessDenied, "no"))
}

#[test]
fn a_lone_call_leaves_at_once() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let attempt = scene.sends(&["a"]);
    assert!(matches!(attempt.action, Action::Write { .. }));
    assert_eq!(attempt.attempt.until, scene.now + ATTEMPT_TIMEOUT);
    assert_eq!(scene.commit(attempt), [("a", Ok(()))]);
    assert!(scene.queue.is_empty());
}

#[test]
fn those_who_come_meanwhile_leave_together() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let attempt = scene.send();
    scene.credit("b", 1.0);
    scene.debit("c", 1.0);
    scene.stays();
    scene.commit(attempt);
    let attempt = scene.sends(&["b", "c"]);
    assert_eq!(scene.commit(attempt), [("b", Ok(())), ("c", Ok(()))]);
}

#[test]
fn at_most_99_travel_together() {
    let mut scene = Scene::new();
    let names: Vec<&'static str> =
        (0..150).map(|number| &*Box::leak(format!("k{number}").into_boxed_str())).collect();
    for name in &names {
        scene.credit(name, 1.0);
    }
    let attempt = scene.sends(&names[..MAX_RECORDS]);
    scene.commit(attempt);
    scene.sends(&names[MAX_RECORDS..]);
}

#[test]
fn of_calls_with_one_key_one_is_sent_and_the_others_are_answered_by_it() {
    let mut scene = Scene::new();
    scene.join("a", "key", 1.0, "credit");
    scene.join("twin of a", "key", 1.0, "credit");
    scene.join("other than a", "key", 2.0, "credit");
    scene.credit("b", 1.0);
    let attempt = scene.sends(&["key", "b"]);
    scene.join("late twin of a", "key", 1.0, "credit");
    let expected = [
        ("a", Ok(())),
        ("twin of a", Err(DuplicateTransaction)),
        ("other than a", Err(IdempotentKeyReused)),
        ("late twin of a", Err(DuplicateTransaction)),
        ("b", Ok(())),
    ];
    assert_eq!(scene.commit(attempt), expected);
    assert!(scene.queue.is_empty());
}

#[test]
fn of_calls_with_one_key_those_are_refused_that_were_there() {
    let mut scene = Scene::new();
    scene.join("a", "key", 30.0, "debit");
    scene.join("twin of a", "key", 30.0, "debit");
    scene.join("smaller than a", "key", 5.0, "debit");
    let attempt = scene.sends(&["key"]);
    scene.join("late twin of a", "key", 30.0, "debit");
    let answers = scene.refuse(attempt, [Free], balance("20"));
    assert_eq!(answers, [("a", Err(InsufficientBalance)), ("twin of a", Err(InsufficientBalance))]);
    let attempt = scene.sends(&["key"]);
    assert_eq!(
        scene.records_of(&attempt)[0].transaction,
        scene.records["smaller than a"].transaction
    );
}

#[test]
fn a_call_takes_the_place_of_one_with_its_key_that_has_left() {
    let mut scene = Scene::new();
    scene.credit("first", 1.0);
    let first = scene.send();
    scene.join("a", "key", 1.0, "credit");
    scene.join("twin of a", "key", 1.0, "credit");
    assert_eq!(scene.cancel("a"), Some(("a", Err(NothingHappened))));
    scene.commit(first);
    let attempt = scene.sends(&["key"]);
    assert_eq!(scene.commit(attempt), [("twin of a", Ok(()))]);
}

#[test]
fn a_call_waits_for_an_uncertain_request_with_its_key() {
    let mut scene = Scene::new();
    scene.join("a", "key", 1.0, "credit");
    scene.go_unanswered();
    scene.join("twin of a", "key", 1.0, "credit");
    scene.stays();
    scene.now += PAUSE;
    let again = scene.sends(&["key"]);
    assert_eq!(scene.commit(again), [("a", Ok(())), ("twin of a", Err(DuplicateTransaction))]);
}

#[test]
fn a_sum_that_dynamodb_cannot_hold_travels_apart() {
    let mut scene = Scene::new();
    scene.credit("a", 1e38);
    scene.credit("b", 1.0);
    scene.credit("c", 1e38);
    let attempt = scene.sends(&["a"]);
    scene.commit(attempt);
    // Nobody overtakes whoever has to wait.
    scene.sends(&["b"]);
}

#[test]
fn a_debit_that_is_not_covered_alone_is_refused_and_the_others_go_on() {
    let mut scene = Scene::new();
    scene.debit("a", 30.0);
    scene.debit("b", 20.0);
    let attempt = scene.send();
    let answers = scene.refuse(attempt, [Free, Free], balance("20"));
    assert_eq!(answers, [("a", Err(InsufficientBalance))]);
    scene.sends(&["b"]);
}

#[test]
fn of_those_not_covered_together_as_many_go_on_as_fit_in_order_of_arrival() {
    let mut scene = Scene::new();
    for (name, amount) in [("a", 15.0), ("b", 20.0), ("c", 5.0)] {
        scene.debit(name, amount);
    }
    let attempt = scene.send();
    assert_eq!(scene.refuse(attempt, [Free, Free, Free], balance("20")), []);
    let attempt = scene.sends(&["a", "c"]);
    scene.stays();
    scene.commit(attempt);
    scene.sends(&["b"]);
}

#[test]
fn credits_are_ordered_first() {
    let mut scene = Scene::new();
    for (name, amount) in [("a", 15.0), ("b", 20.0), ("c", 15.0)] {
        scene.debit(name, amount);
    }
    scene.credit("d", 15.0);
    let attempt = scene.send();
    assert_eq!(scene.refuse(attempt, [Free, Free, Free, Free], balance("20")), []);
    // Of the others the next one is not covered together with them.
    scene.sends(&["d", "a"]);
}

#[test]
fn an_absent_balance_counts_as_the_default_one() {
    let mut scene = Scene::new();
    scene.debit("a", 101.0);
    scene.debit("b", 100.0);
    let attempt = scene.send();
    let answers = scene.refuse(attempt, [Free, Free], StoredBalance::Absent);
    assert_eq!(answers, [("a", Err(InsufficientBalance))]);
    scene.sends(&["b"]);
}

#[test]
fn a_corrupt_balance_refuses_all() {
    let mut scene = Scene::new();
    scene.debit("a", 1.0);
    scene.credit("b", 1.0);
    let attempt = scene.send();
    let answers = scene.refuse(attempt, [Free, Free], StoredBalance::Corrupt);
    // The credit goes first.
    assert_eq!(answers, [("b", Err(CorruptBalance)), ("a", Err(CorruptBalance))]);
    assert!(scene.queue.is_empty());
}

#[test]
fn a_duplicate_is_answered_and_the_others_go_on() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    scene.credit("b", 1.0);
    scene.credit("c", 1.0);
    let attempt = scene.send();
    let records = [Free, scene.twin("b"), Free];
    let answers = scene.refuse(attempt, records, None);
    assert_eq!(answers, [("b", Err(DuplicateTransaction))]);
    scene.sends(&["a", "c"]);
}

#[test]
fn a_duplicate_is_told_before_an_insufficient_balance() {
    let mut scene = Scene::new();
    scene.debit("a", 30.0);
    let attempt = scene.send();
    let records = [scene.twin("a")];
    let answers = scene.refuse(attempt, records, balance("20"));
    assert_eq!(answers, [("a", Err(DuplicateTransaction))]);
}

#[test]
fn a_call_whose_record_was_in_conflict_is_not_refused_yet() {
    let mut scene = Scene::new();
    scene.debit("a", 30.0);
    scene.debit("b", 30.0);
    let attempt = scene.send();
    let answers = scene.refuse(attempt, [Unclear, Free], balance("20"));
    assert_eq!(answers, [("b", Err(InsufficientBalance))]);
    scene.sends(&["a"]);
}

#[test]
fn with_one_record_of_the_batch_found_all_of_it_was_written() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    scene.credit("b", 1.0);
    let again = scene.repeat_unanswered();
    let records = [Unclear, EntryState::Taken(scene.found("b"))];
    assert_eq!(scene.refuse(again, records, None), [("a", Ok(())), ("b", Ok(()))]);
}

#[test]
fn a_rejected_batch_is_halved_until_the_culprit_stands_alone() {
    let mut scene = Scene::new();
    for name in ["a", "b", "culprit", "d"] {
        scene.credit(name, 1.0);
    }
    let attempt = scene.sends(&["a", "b", "culprit", "d"]);
    assert_eq!(scene.fail(attempt, rejected()), []);
    let attempt = scene.sends(&["a", "b"]);
    assert_eq!(scene.commit(attempt), [("a", Ok(())), ("b", Ok(()))]);
    let attempt = scene.sends(&["culprit", "d"]);
    assert_eq!(scene.fail(attempt, rejected()), []);
    let attempt = scene.sends(&["culprit"]);
    assert_eq!(scene.fail(attempt, rejected()), [("culprit", Err(ServiceError))]);
    let attempt = scene.sends(&["d"]);
    assert_eq!(scene.commit(attempt), [("d", Ok(()))]);
}

#[test]
fn with_members_that_have_left_those_who_stay_were_not_rejected_alone() {
    let mut scene = Scene::new();
    scene.credit("culprit", 1.0);
    scene.credit("b", 1.0);
    let attempt = scene.send();
    scene.cancel("culprit");
    assert_eq!(scene.fail(attempt, rejected()), []);
    scene.sends(&["b"]);
}

#[test]
fn a_balance_that_refuses_what_it_covers_is_an_error_of_the_service() {
    let mut scene = Scene::new();
    scene.debit("a", 1.0);
    scene.debit("b", 1.0);
    let attempt = scene.send();
    assert_eq!(scene.refuse(attempt, [Free, Free], balance("20")), []);
    let attempt = scene.sends(&["a"]);
    assert_eq!(scene.refuse(attempt, [Free], balance("20")), [("a", Err(ServiceError))]);
    scene.sends(&["b"]);
}

#[test]
fn after_a_conflict_all_pause_and_leave_with_those_who_have_come_since() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let attempt = scene.send();
    scene.credit("b", 1.0);
    assert_eq!(scene.fail(attempt, Fault::Contended(reason())), []);
    scene.stays();
    let pause_ends = scene.queue.next_timeout(scene.now).unwrap();
    assert_eq!(pause_ends, scene.now + backoff::pause_contended(0, None, 1.0));
    scene.credit("c", 1.0);
    scene.now = pause_ends;
    scene.sends(&["a", "b", "c"]);
}

#[test]
fn a_new_lane_sleeps() {
    assert_eq!(Scene::new().queue.next_timeout(Instant::now()), None);
}

#[test]
fn an_uncertain_batch_is_repeated_unchanged_beside_the_lane() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let attempt = scene.send();
    let action = attempt.action.clone();
    scene.credit("b", 1.0);
    scene.fail(attempt, unanswered());
    scene.sends(&["b"]);
    scene.stays();
    scene.now += PAUSE;
    let again = scene.sends(&["a"]);
    assert_eq!(again.action, action);
    assert_eq!(scene.commit(again), [("a", Ok(()))]);
}

#[test]
fn with_four_uncertain_batches_the_others_wait() {
    let mut scene = Scene::new();
    for name in ["a", "b", "c", "d"] {
        scene.credit(name, 1.0);
        scene.go_unanswered();
    }
    assert_eq!(scene.queue.batches.len(), MAX_UNCERTAIN);
    scene.credit("e", 1.0);
    scene.stays();
    scene.now += PAUSE;
    let again = scene.sends(&["a"]);
    scene.commit(again);
    scene.sends(&["b"]);
    scene.sends(&["c"]);
    scene.sends(&["d"]);
    scene.sends(&["e"]);
}

#[test]
fn those_who_go_on_wait_for_the_request_that_is_under_way() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    scene.credit("b", 1.0);
    let again = scene.repeat_unanswered();
    scene.credit("c", 1.0);
    let other = scene.sends(&["c"]);
    let records = [scene.twin("a"), Free];
    scene.refuse(again, records, None);
    scene.stays();
    scene.commit(other);
    scene.sends(&["b"]);
}

#[test]
fn a_call_that_waits_at_its_deadline_has_not_happened() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let _under_way = scene.send();
    scene.credit("b", 1.0);
    assert_eq!(scene.expire(), [("a", Err(OutcomeUnknown)), ("b", Err(NothingHappened))]);
}

#[test]
fn a_call_under_way_at_its_deadline_is_unknown() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let attempt = scene.send();
    assert_eq!(scene.expire(), [("a", Err(OutcomeUnknown))]);
    assert_eq!(scene.commit(attempt), []);
    assert!(scene.queue.is_empty());
}

#[test]
fn a_call_uncertain_at_its_deadline_is_unknown() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    scene.go_unanswered();
    assert_eq!(scene.expire(), [("a", Err(OutcomeUnknown))]);
    assert!(scene.queue.is_empty());
}

#[test]
fn an_attempt_ends_with_the_last_of_its_deadlines() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let deadline = scene.now + CALL_TIMEOUT;
    scene.now = deadline.checked_sub(LATENCY).unwrap();
    assert_eq!(scene.send().attempt.until, deadline);
}

#[test]
fn whoever_leaves_before_the_first_attempt_is_no_part_of_it() {
    let mut scene = Scene::new();
    for name in ["a", "b", "c"] {
        scene.debit(name, 10.0);
    }
    let attempt = scene.send();
    scene.refuse(attempt, [Free, Free, Free], balance("20"));
    assert_eq!(scene.cancel("a"), Some(("a", Err(NothingHappened))));
    scene.sends(&["b", "c"]);
}

#[test]
fn whoever_leaves_an_uncertain_batch_stays_part_of_the_request() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    scene.credit("b", 1.0);
    scene.go_unanswered();
    assert_eq!(scene.cancel("a"), Some(("a", Err(OutcomeUnknown))));
    scene.now += PAUSE;
    let again = scene.sends(&["a", "b"]);
    assert_eq!(scene.commit(again), [("b", Ok(()))]);
}

#[test]
fn a_refusal_after_an_unanswered_attempt_is_told_once_its_epoch_is_over() {
    let mut scene = Scene::new();
    let end = scene.doubt();
    let undone = Some(Entry::Record(Arc::clone(&scene.records["a"])));
    assert_eq!(
        end.action,
        Action::EndEpoch(EpochEnding { user_id: user(), epoch: scene.epoch, undone })
    );
    assert_eq!(scene.end_epoch(end, EpochAnswer::Ended), []);
    let again = scene.sends(&["a"]);
    assert_eq!(scene.epoch_of(&again), scene.epoch.next());
    assert_eq!(scene.refuse(again, [Free], balance("20")), [("a", Err(InsufficientBalance))]);
}

#[test]
fn a_balance_that_has_seen_a_later_epoch_refuses_for_good() {
    let mut scene = Scene::new();
    scene.debit("a", 50.0);
    scene.debit("b", 10.0);
    let again = scene.repeat_unanswered();
    let later = Some(epoch("6000"));
    let answers = scene.refuse_in(again, [Free, Free], balance("20"), later);
    assert_eq!(answers, [("a", Err(InsufficientBalance))]);
    let next = scene.sends(&["b"]);
    assert_eq!(Some(scene.epoch_of(&next)), later);
}

#[test]
fn who_is_refused_for_the_epoch_alone_goes_again_in_a_later_one() {
    let mut scene = Scene::new();
    scene.debit("a", 10.0);
    let attempt = scene.send();
    let later = Some(epoch("6000"));
    assert_eq!(scene.refuse_in(attempt, [Free], balance("20"), later), []);
    let again = scene.sends(&["a"]);
    assert_eq!(Some(scene.epoch_of(&again)), later);
    assert_eq!(scene.commit(again), [("a", Ok(()))]);
}

#[test]
fn a_repetition_keeps_its_epoch() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    scene.go_unanswered();
    let first = scene.epoch;
    scene.epoch = epoch("6000");
    scene.now += PAUSE;
    let attempt = scene.send();
    assert_eq!(scene.epoch_of(&attempt), first);
}

#[test]
fn an_end_of_an_epoch_that_comes_too_late_tells_of_the_success() {
    let mut scene = Scene::new();
    scene.debit("a", 50.0);
    scene.debit("b", 1.0);
    let again = scene.repeat_unanswered();
    assert_eq!(scene.refuse(again, [Free, Free], balance("20")), []);
    let end = scene.send();
    let found = scene.found("a");
    let answers = scene.end_epoch(end, EpochAnswer::KeyTaken(found));
    assert_eq!(answers, [("a", Ok(())), ("b", Ok(()))]);
}

#[test]
fn an_end_of_an_epoch_that_finds_a_duplicate_is_not_needed() {
    let mut scene = Scene::new();
    scene.debit("a", 50.0);
    scene.debit("b", 1.0);
    let again = scene.repeat_unanswered();
    scene.refuse(again, [Free, Free], balance("20"));
    let end = scene.send();
    let found = scene.found_twin("a");
    let answers = scene.end_epoch(end, EpochAnswer::KeyTaken(found));
    assert_eq!(answers, [("a", Err(DuplicateTransaction))]);
    let attempt = scene.sends(&["b"]);
    assert!(matches!(attempt.action, Action::Write { .. }));
}

#[test]
fn an_end_of_an_epoch_whose_answer_is_lost_is_repeated() {
    let mut scene = Scene::new();
    let end = scene.doubt();
    let action = end.action.clone();
    assert_eq!(scene.fail(end, unanswered()), []);
    scene.now += PAUSE;
    assert_eq!(scene.send().action, action);
}

#[test]
fn while_its_epoch_cannot_be_ended_the_outcome_is_unknown() {
    let mut scene = Scene::new();
    let end = scene.doubt();
    assert_eq!(scene.fail(end, forbidden()), [("a", Err(OutcomeUnknown))]);
}

/// A debit of 50 is given up while it is on its way, and its caller asks again.
fn ask_again_after_leaving(scene: &mut Scene) -> WriteAttempt {
    scene.join("a", "key", 50.0, "debit");
    let attempt = scene.send();
    assert_eq!(scene.cancel("a"), Some(("a", Err(OutcomeUnknown))));
    assert_eq!(scene.fail(attempt, unanswered()), []);
    assert!(scene.queue.is_empty());
    scene.join("a again", "key", 50.0, "debit");
    scene.sends(&["key"])
}

#[test]
fn a_refusal_is_not_told_while_an_earlier_request_with_its_key_may_arrive() {
    let mut scene = Scene::new();
    let attempt = ask_again_after_leaving(&mut scene);
    assert_eq!(scene.refuse(attempt, [Free], balance("20")), []);
    let end = scene.send();
    assert_eq!(
        end.action,
        Action::EndEpoch(EpochEnding { user_id: user(), epoch: scene.epoch, undone: None })
    );
    assert_eq!(scene.end_epoch(end, EpochAnswer::Ended), []);
    let again = scene.sends(&["key"]);
    let answers = scene.refuse_in(again, [Free], balance("20"), Some(scene.epoch.next()));
    assert_eq!(answers, [("a again", Err(InsufficientBalance))]);
}

#[test]
fn a_refusal_is_told_at_once_if_the_earlier_request_is_of_an_epoch_that_is_over() {
    let mut scene = Scene::new();
    let attempt = ask_again_after_leaving(&mut scene);
    let answers = scene.refuse_in(attempt, [Free], balance("20"), Some(epoch("6000")));
    assert_eq!(answers, [("a again", Err(InsufficientBalance))]);
}

#[test]
fn nobody_is_told_that_nothing_happened_while_an_earlier_request_with_its_key_may_arrive() {
    let mut scene = Scene::new();
    let attempt = ask_again_after_leaving(&mut scene);
    assert_eq!(scene.fail(attempt, Fault::NotTaken(reason())), []);
    assert_eq!(scene.cancel("a again"), Some(("a again", Err(OutcomeUnknown))));
}

#[test]
fn another_key_is_refused_at_once_whatever_may_arrive() {
    let mut scene = Scene::new();
    let attempt = ask_again_after_leaving(&mut scene);
    scene.commit(attempt);
    scene.debit("b", 50.0);
    let attempt = scene.send();
    assert_eq!(scene.refuse(attempt, [Free], balance("20")), [("b", Err(InsufficientBalance))]);
}

#[test]
fn an_attempt_that_was_not_sent_is_called_back_as_its_caller_leaves() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    scene.credit("b", 1.0);
    let attempt = scene.connect();
    assert_eq!(scene.cancel("a"), Some(("a", Err(NothingHappened))));
    assert!(!attempt.attempt.gate.pass());
    assert_eq!(scene.fail(attempt, Fault::NotTaken(reason())), []);
    scene.sends(&["b"]);
}

#[test]
fn with_a_taken_key_no_epoch_has_to_end() {
    let mut scene = Scene::new();
    scene.debit("a", 50.0);
    scene.debit("b", 1.0);
    let again = scene.repeat_unanswered();
    let records = [Free, scene.twin("b")];
    let answers = scene.refuse(again, records, balance("20"));
    let expected = [("a", Err(InsufficientBalance)), ("b", Err(DuplicateTransaction))];
    assert_eq!(answers, expected);
    assert!(scene.queue.is_empty());
}

#[test]
fn a_rejection_after_an_unanswered_attempt_is_told_once_its_epoch_is_over() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let again = scene.repeat_unanswered();
    assert_eq!(scene.fail(again, rejected()), []);
    let end = scene.send();
    assert_eq!(scene.end_epoch(end, EpochAnswer::Ended), []);
    let again = scene.sends(&["a"]);
    assert_eq!(scene.fail(again, rejected()), [("a", Err(ServiceError))]);
}

#[test]
fn a_final_fault_is_told_to_all() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    scene.credit("b", 1.0);
    let attempt = scene.send();
    let answers = scene.fail(attempt, forbidden());
    assert_eq!(answers, [("a", Err(AccessDenied)), ("b", Err(AccessDenied))]);
}

#[test]
fn a_final_fault_after_an_unanswered_attempt_leaves_the_outcome_unknown() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let again = scene.repeat_unanswered();
    assert_eq!(scene.fail(again, forbidden()), [("a", Err(OutcomeUnknown))]);
}

#[test]
fn a_call_that_is_cancelled_while_it_waits_has_not_happened() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let _under_way = scene.send();
    scene.credit("b", 1.0);
    assert_eq!(scene.cancel("b"), Some(("b", Err(NothingHappened))));
    assert_eq!(scene.cancel("a"), Some(("a", Err(OutcomeUnknown))));
}

#[test]
fn an_answered_call_cannot_be_cancelled() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let attempt = scene.send();
    scene.commit(attempt);
    assert_eq!(scene.cancel("a"), None);
}

#[test]
fn a_call_that_gets_lost_inside_is_answered() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let attempt = scene.send();
    let why = BalanceError::new(InternalError, "lost");
    assert_eq!(
        told(scene.queue.on_lost(attempt.batch, &why, scene.now)),
        [("a", Err(InternalError))]
    );
    assert!(scene.queue.is_empty());
}

// Groups.

fn refusing(number: &str) -> RefusedBalance {
    RefusedBalance { balance: balance(number), held: StoredBalance::Absent, epoch: None }
}

#[test]
fn a_group_is_sent_whole_with_a_balance_for_each_user() {
    let mut scene = Scene::new();
    scene.group("sale", &[("pay", "buyer", -5.0), ("sell", "seller", 4.0), ("fee", "shop", 1.0)]);
    let attempt = scene.sends(&["pay", "sell", "fee"]);
    assert_eq!(scene.write_of(&attempt).balances.len(), 3);
    assert_eq!(scene.commit(attempt), [("sale", Ok(()))]);
    assert!(scene.queue.is_empty());
}

#[test]
fn nineteen_sales_on_one_platform_go_to_one_request() {
    let mut scene = Scene::new();
    scene.group("first", &[("first", "shop", 1.0)]);
    let first = scene.send();
    for number in 0..40 {
        let name: &'static str = Box::leak(format!("sale-{number}").into_boxed_str());
        let part = |what: &str| format!("{name}-{what}");
        let (pay, sell, fee) = (part("pay"), part("sell"), part("fee"));
        let (buyer, seller) = (part("buyer"), part("seller"));
        scene.group(name, &[(&pay, &buyer, -5.0), (&sell, &seller, 4.0), (&fee, "shop", 1.0)]);
    }
    scene.commit(first);
    let attempt = scene.send();
    assert_eq!(scene.records_of(&attempt).len(), 19 * 3);
    assert_eq!(scene.write_of(&attempt).balances.len(), 19 * 2 + 1);
    scene.stays();
}

#[test]
fn opposite_transfers_between_two_empty_accounts_are_both_refused() {
    let mut scene = Scene::new();
    scene.group("there", &[("a-out", "a", -100.0), ("b-in", "b", 100.0)]);
    scene.group("back", &[("b-out", "b", -100.0), ("a-in", "a", 100.0)]);
    let together = scene.sends(&["a-out", "b-in", "b-out", "a-in"]);
    // b would have what it needs from a.
    let answers = scene.refuse_all(together, [Free, Free, Free, Free], [Some(refusing("0")), None]);
    assert_eq!(answers, [("there", Err(InsufficientBalance))]);
    let alone = scene.sends(&["b-out", "a-in"]);
    let answers = scene.refuse_all(alone, [Free, Free], [Some(refusing("0")), None]);
    assert_eq!(answers, [("back", Err(InsufficientBalance))]);
    assert!(scene.queue.is_empty());
}

#[test]
fn what_asks_nothing_of_a_balance_goes_first() {
    let mut scene = Scene::new();
    scene.debit("debit", 5.0);
    scene.group("transfer", &[("out", "user-2", -1.0), ("in", "user-1", 1.0)]);
    scene.credit("credit", 5.0);
    scene.sends(&["credit", "debit", "out", "in"]);
}

#[test]
fn a_group_waits_for_each_of_its_users_and_nobody_overtakes_it() {
    let mut scene = Scene::new();
    scene.group("of b", &[("b1", "b", 1.0)]);
    let busy = scene.sends(&["b1"]);
    scene.group("transfer", &[("out", "a", -1.0), ("in", "b", 1.0)]);
    scene.group("of a", &[("a1", "a", 1.0)]);
    // a is free, but the transfer is ahead.
    scene.stays();
    scene.commit(busy);
    scene.sends(&["a1", "out", "in"]);
}

#[test]
fn a_group_that_is_behind_others_leaves_with_them() {
    let mut scene = Scene::new();
    scene.group("of a", &[("a1", "a", -1.0)]);
    scene.group("of b", &[("b1", "b", -1.0)]);
    scene.group("transfer", &[("out", "a", -1.0), ("in", "b", 1.0)]);
    scene.sends(&["a1", "b1", "out", "in"]);
}

#[test]
fn groups_that_share_a_key_wait_for_each_other() {
    let mut scene = Scene::new();
    scene.group("first", &[("x", "a", 1.0), ("y", "b", 1.0)]);
    scene.group("second", &[("y", "b", 1.0), ("z", "c", 1.0)]);
    let first = scene.sends(&["x", "y"]);
    scene.stays();
    scene.commit(first);
    let second = scene.sends(&["y", "z"]);
    let taken = EntryState::Taken(scene.found("first"));
    let answers = scene.refuse_all(second, [taken, Free], [None, None]);
    assert_eq!(answers, [("second", Err(IdempotentKeyReused))]);
    assert!(scene.queue.is_empty());
}

#[test]
fn a_group_whose_content_is_rejected_is_found_by_halving() {
    let mut scene = Scene::new();
    scene.credit("first", 1.0);
    let first = scene.send();
    for name in ["a", "b", "c", "d"] {
        scene.group(name, &[(name, "user-1", 1.0), (&format!("{name}-2"), "user-2", 1.0)]);
    }
    scene.commit(first);
    let all = scene.send();
    assert_eq!(scene.records_of(&all).len(), 8);
    assert_eq!(scene.fail(all, rejected()), []);
    let half = scene.sends(&["a", "a-2", "b", "b-2"]);
    assert_eq!(scene.fail(half, rejected()), []);
    let alone = scene.sends(&["a", "a-2"]);
    assert_eq!(scene.fail(alone, rejected()), [("a", Err(ServiceError))]);
}

#[test]
fn where_nobody_of_several_users_gets_any_further_half_as_many_leave() {
    let mut scene = Scene::new();
    scene.credit("first", 1.0);
    let first = scene.send();
    for name in ["a", "b", "c", "d"] {
        scene.group(name, &[(name, "user-1", -5.0), (&format!("{name}-2"), "user-2", 5.0)]);
    }
    scene.commit(first);
    let all = scene.send();
    assert_eq!(scene.refuse_all(all, vec![Free; 8], [Some(refusing("9")), None]), []);
    // The balance pays for one of them.
    scene.sends(&["a", "a-2"]);
}

#[test]
fn the_end_of_an_epoch_on_one_balance_excludes_the_whole_request() {
    let mut scene = Scene::new();
    scene.group("transfer", &[("out", "a", -50.0), ("in", "b", 50.0)]);
    let again = scene.repeat_unanswered();
    assert_eq!(scene.refuse_all(again, [Free, Free], [Some(refusing("20")), None]), []);
    let end = scene.send();
    let Action::EndEpoch(ending) = &end.action else { panic!("{:?}", end.action) };
    assert_eq!(ending.user_id.as_str(), "a");
    assert!(ending.undone.is_some());
    assert_eq!(scene.end_epoch(end, EpochAnswer::Ended), []);
    let last = scene.sends(&["out", "in"]);
    let answers = scene.refuse_all(last, [Free, Free], [Some(refusing("20")), None]);
    assert_eq!(answers, [("transfer", Err(InsufficientBalance))]);
}

#[test]
fn sums_of_one_balance_that_have_too_many_digits_do_not_travel_together() {
    let mut scene = Scene::new();
    scene.credit("first", 1.0);
    let first = scene.send();
    scene.credit("huge", 1e38);
    scene.credit("small", 1.0);
    scene.commit(first);
    let huge = scene.sends(&["huge"]);
    scene.commit(huge);
    scene.sends(&["small"]);
}

#[test]
fn the_last_chance_of_a_call_is_a_tenth_of_its_time_and_100_milliseconds_at_most() {
    let now = Instant::now();
    let milliseconds = Duration::from_millis;
    let is_late =
        |left: u64, of: u64| is_too_late(now + milliseconds(left), true, now, milliseconds(of));
    assert_eq!([is_late(19, 200), is_late(20, 200)], [true, false]);
    assert_eq!([is_late(99, 25_000), is_late(100, 25_000)], [true, false]);
    let has_not_failed = is_too_late(now + milliseconds(1), false, now, milliseconds(25_000));
    assert!(!has_not_failed, "as long as nothing went wrong there is time until the end");
}

#[test]
fn a_key_that_was_refused_for_good_is_in_doubt_no_longer() {
    let mut scene = Scene::new();
    scene.debit("a", 50.0);
    scene.go_unanswered();
    assert_eq!(scene.cancel("a"), Some(("a", Err(OutcomeUnknown))));
    scene.join("again", "a", 50.0, "debit");
    let attempt = scene.send();
    assert_eq!(scene.refuse(attempt, [Free], balance("20")), []);
    let end = scene.send();
    assert_eq!(scene.end_epoch(end, EpochAnswer::Ended), []);
    let attempt = scene.send();
    let refused = scene.refuse(attempt, [Free], balance("20"));
    assert_eq!(refused, [("again", Err(InsufficientBalance))]);
    scene.join("once more", "a", 50.0, "debit");
    assert_eq!(scene.cancel("once more"), Some(("once more", Err(NothingHappened))));
}

// Holds.

const HOLD: &str = "hold";

impl Scene {
    /// A call that captures all of a hold of 30, at a time, under a key with its own name.
    fn capture(&mut self, name: &'static str, now: &str) {
        self.capture_under(name, name, now);
    }

    fn capture_under(&mut self, key_text: &str, name: &'static str, now: &str) {
        let key = |text: &str| IdempotentKey::validate(Value::Text(text.to_owned())).unwrap();
        let amount = Amount::validate(&Value::Number(30.0)).unwrap();
        let closing = Closing {
            idempotent_key: key(key_text),
            call_id: CallId::unique(),
            hold: key(HOLD),
            user_id: user(),
            amount: amount.clone(),
            captured: Some(amount),
            rest: None,
            now: now.to_owned(),
            before: open_hold(),
        };
        let number = u64::try_from(self.numbers.len()).unwrap();
        self.numbers.insert(name, number);
        let group = Arc::new(Group::closing(closing, now));
        let deadline = self.now + CALL_TIMEOUT;
        self.queue.push(Box::new(PendingWrite { number, group, deadline, reply: name }));
    }
}

/// A hold of 30 that expires at 5.
fn open_hold() -> ExistingRecord {
    ExistingRecord {
        user_id: Some("user-1".to_owned()),
        amount: Some(decimal("30")),
        hold: Some(Box::new(HoldStatus::open(Some("5".to_owned())))),
        ..ExistingRecord::default()
    }
}

#[test]
fn a_hold_is_closed_together_with_what_others_do_to_the_balance() {
    let mut scene = Scene::new();
    scene.capture("capture", "3");
    scene.debit("debit", 10.0);
    let attempt = scene.sends(&[HOLD, "capture", "debit"]);
    let change = &scene.write_of(&attempt).balances[0].change;
    assert_eq!((change.sum(), change.held()), (&decimal("-10"), Some(&decimal("-30"))));
    assert_eq!(scene.commit(attempt), [("capture", Ok(())), ("debit", Ok(()))]);
}

#[test]
fn of_two_captures_of_a_hold_one_is_sent_and_both_are_answered() {
    let mut scene = Scene::new();
    scene.capture("one", "3");
    scene.capture("other", "3");
    let attempt = scene.sends(&[HOLD, "one"]);
    scene.stays();
    assert_eq!(scene.commit(attempt), [("one", Ok(()))]);
    let attempt = scene.sends(&[HOLD, "other"]);
    let closed = HoldStatus {
        state: HoldState::Captured,
        closed_by: Some("one".to_owned()),
        ..HoldStatus::open(None)
    };
    let found = ExistingRecord { hold: Some(Box::new(closed)), ..open_hold() };
    let answers = scene.refuse(attempt, [EntryState::Taken(found), Free], None);
    assert_eq!(answers, [("other", Err(ErrorCode::HoldCaptured))]);
}

#[test]
fn that_a_hold_was_missing_is_not_told_to_who_has_come_since() {
    let mut scene = Scene::new();
    scene.capture("capture", "3");
    let attempt = scene.sends(&[HOLD, "capture"]);
    scene.capture_under("capture", "again", "3");
    let answers = scene.refuse(attempt, [EntryState::Missing, Free], None);
    assert_eq!(answers, [("capture", Err(ErrorCode::HoldNotFound))]);
    let attempt = scene.sends(&[HOLD, "capture"]);
    assert_eq!(scene.commit(attempt), [("again", Ok(()))]);
}

#[test]
fn that_a_hold_has_expired_is_told_once_no_earlier_capture_can_arrive_any_more() {
    let mut scene = Scene::new();
    scene.capture("capture", "3");
    scene.go_unanswered();
    assert_eq!(scene.cancel("capture"), Some(("capture", Err(OutcomeUnknown))));
    scene.capture("late", "7");
    let attempt = scene.sends(&[HOLD, "late"]);
    let expired = || [EntryState::Taken(open_hold()), Free];
    assert_eq!(scene.refuse(attempt, expired(), None), []);
    let end = scene.send();
    assert_eq!(scene.end_epoch(end, EpochAnswer::Ended), []);
    let attempt = scene.sends(&[HOLD, "late"]);
    let answers = scene.refuse(attempt, expired(), None);
    assert_eq!(answers, [("late", Err(ErrorCode::HoldExpired))]);
}

#[test]
fn a_lost_answer_to_a_capture_is_a_success() {
    let mut scene = Scene::new();
    scene.capture("capture", "3");
    let again = scene.repeat_unanswered();
    let Action::Write { write, .. } = &again.action else { panic!("not a write") };
    let left = write.entries[0].left().unwrap();
    let answers = scene.refuse(again, [EntryState::Taken(left), Free], None);
    assert_eq!(answers, [("capture", Ok(()))]);
}

#[test]
fn a_full_capture_says_nothing_of_an_earlier_request_under_its_key() {
    let mut scene = Scene::new();
    scene.join("debit", "key", 50.0, "debit");
    scene.go_unanswered();
    assert_eq!(scene.cancel("debit"), Some(("debit", Err(OutcomeUnknown))));
    scene.capture("key", "3");
    let attempt = scene.sends(&[HOLD, "key"]);
    assert_eq!(scene.commit(attempt), [("key", Ok(()))]);
    scene.join("again", "key", 50.0, "debit");
    assert_eq!(scene.cancel("again"), Some(("again", Err(OutcomeUnknown))));
}
