//! Each rule by an example. The calls are named after their keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::{
    Answers, Errand, Lane, MOST_MEMBERS, MOST_UNCERTAIN, Member, Outcome, Task, Terms,
};
use crate::ending::{Ending, Operation};
use crate::error::{BalanceError, ErrorCode};
use crate::money::{Decimal, StoredBalance};
use crate::store::{
    CallId, ExistingRecord, Fault, FenceAnswer, Reason, Record, RecordState, Refusal,
    RefusedBalance, WriteAnswer,
};
use crate::transaction::Transaction;
use crate::value::Value;

const CALL_TIMEOUT: Duration = Duration::from_secs(25);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const LATENCY: Duration = Duration::from_millis(5);
/// The longest pause after a fault.
const PAUSE: Duration = Duration::from_secs(1);

type Written = Vec<Arc<Record>>;
type Told = Vec<(&'static str, Result<(), ErrorCode>)>;

use ErrorCode::{
    AccessDenied, CorruptBalance, DuplicateTransaction, InsufficientBalance, InternalError,
    NothingHappened, OutcomeUnknown, ServiceError,
};
use RecordState::{Free, Unclear};

/// A lane, the time, and all calls so far.
struct Scene {
    lane: Lane<&'static str, (CallId, Written)>,
    now: Instant,
    numbers: HashMap<&'static str, u64>,
    records: HashMap<&'static str, Arc<Record>>,
}

impl Scene {
    fn new() -> Self {
        let terms = Terms {
            ending: Ending { operation: Operation::Transact, call_timeout: CALL_TIMEOUT },
            default_balance: decimal("100"),
            attempt_timeout: ATTEMPT_TIMEOUT,
        };
        Self {
            lane: Lane::new(Arc::new(terms)),
            now: Instant::now(),
            numbers: HashMap::new(),
            records: HashMap::new(),
        }
    }

    fn credit(&mut self, name: &'static str, amount: f64) {
        self.join(name, name, amount, "credit");
    }

    fn debit(&mut self, name: &'static str, amount: f64) {
        self.join(name, name, amount, "debit");
    }

    fn join(&mut self, name: &'static str, key: &str, amount: f64, transaction_type: &str) {
        let text = |text: &str| Value::Text(text.to_owned());
        let transaction = Transaction::validate(
            text(key),
            text("user-1"),
            &Value::Number(amount),
            &text(transaction_type),
        );
        let record = Arc::new(Record {
            transaction: transaction.unwrap(),
            timestamp: "2024-05-06T07:08:09.010Z".to_owned(),
            call_id: CallId::unique(),
        });
        let number = u64::try_from(self.numbers.len()).unwrap();
        self.numbers.insert(name, number);
        self.records.insert(name, Arc::clone(&record));
        let deadline = self.now + CALL_TIMEOUT;
        self.lane.join(Member { number, record, deadline, ticket: name });
    }

    fn next(&mut self) -> Option<Errand<(CallId, Written)>> {
        self.lane.depart(self.now, |id, records| (id, records.to_vec()))
    }

    fn depart(&mut self) -> Errand<(CallId, Written)> {
        self.next().expect("something is to be sent")
    }

    fn departs(&mut self, keys: &[&str]) -> Errand<(CallId, Written)> {
        let errand = self.depart();
        assert_eq!(keys_of(&errand), keys);
        errand
    }

    #[track_caller]
    fn stays(&mut self) {
        if let Some(errand) = self.next() {
            panic!("{:?} left", keys_of(&errand));
        }
    }

    fn arrive(&mut self, errand: Errand<(CallId, Written)>, outcome: Outcome) -> Told {
        self.now += LATENCY;
        told(self.lane.arrive(errand.batch, errand.request, outcome, self.now, 1.0))
    }

    fn commit(&mut self, errand: Errand<(CallId, Written)>) -> Told {
        self.arrive(errand, Outcome::Write(Ok(WriteAnswer::Committed)))
    }

    fn refuse(
        &mut self,
        errand: Errand<(CallId, Written)>,
        records: impl IntoIterator<Item = RecordState>,
        balance: impl Into<Option<StoredBalance>>,
    ) -> Told {
        let balance = balance.into().map(|balance| RefusedBalance { balance, fences: Vec::new() });
        let refusal = Refusal { records: records.into_iter().collect(), balance };
        assert_eq!(refusal.records.len(), errand.request.1.len());
        self.arrive(errand, Outcome::Write(Ok(WriteAnswer::Refused(refusal))))
    }

    fn fail(&mut self, errand: Errand<(CallId, Written)>, fault: Fault) -> Told {
        let outcome = match errand.task {
            Task::Write => Outcome::Write(Err(fault)),
            Task::Fence(_) => Outcome::Fence(Err(fault)),
        };
        self.arrive(errand, outcome)
    }

    fn answer_fence(&mut self, errand: Errand<(CallId, Written)>, answer: FenceAnswer) -> Told {
        assert!(matches!(errand.task, Task::Fence(_)), "{:?}", errand.task);
        self.arrive(errand, Outcome::Fence(Ok(answer)))
    }

    /// The next request goes unanswered.
    fn go_unanswered(&mut self) {
        let errand = self.depart();
        assert_eq!(self.fail(errand, unanswered()), []);
    }

    /// The next request goes unanswered, and its repetition is ready.
    fn repeat_unanswered(&mut self) -> Errand<(CallId, Written)> {
        self.go_unanswered();
        self.now += PAUSE;
        self.depart()
    }

    /// A debit of 50 goes unanswered, and its repetition finds a balance of 20.
    fn doubt(&mut self) -> Errand<(CallId, Written)> {
        self.debit("a", 50.0);
        let again = self.repeat_unanswered();
        assert_eq!(self.refuse(again, [Free], balance("20")), []);
        self.depart()
    }

    fn cancel(&mut self, name: &'static str) -> Option<(&'static str, Result<(), ErrorCode>)> {
        told(self.lane.cancel(self.numbers[name]).into_iter().collect()).pop()
    }

    fn expire(&mut self) -> Told {
        self.now += CALL_TIMEOUT;
        told(self.lane.expire(self.now))
    }

    /// The record of a call, as it is found under its key.
    fn found(&self, name: &str) -> ExistingRecord {
        let Record { transaction, call_id, .. } = &*self.records[name];
        ExistingRecord {
            user_id: Some("user-1".to_owned()),
            amount: Some(transaction.amount.as_decimal().clone()),
            transaction_type: Some(transaction.transaction_type.as_str().to_owned()),
            call_id: Some(call_id.to_string()),
        }
    }

    /// The same, written by another call.
    fn found_twin(&self, name: &str) -> ExistingRecord {
        ExistingRecord { call_id: Some(CallId::unique().to_string()), ..self.found(name) }
    }

    fn twin(&self, name: &str) -> RecordState {
        RecordState::Taken(self.found_twin(name))
    }
}

fn told(answers: Answers<&'static str>) -> Told {
    answers.into_iter().map(|(name, it)| (name, it.map_err(|error| error.code))).collect()
}

fn keys_of(errand: &Errand<(CallId, Written)>) -> Vec<&str> {
    errand.request.1.iter().map(|it| it.transaction.idempotent_key.as_str()).collect()
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
    let errand = scene.departs(&["a"]);
    assert_eq!(errand.task, Task::Write);
    assert_eq!(errand.until, scene.now + ATTEMPT_TIMEOUT);
    assert_eq!(scene.commit(errand), [("a", Ok(()))]);
    assert!(scene.lane.is_empty());
}

#[test]
fn those_who_come_meanwhile_leave_together() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let errand = scene.depart();
    scene.credit("b", 1.0);
    scene.debit("c", 1.0);
    scene.stays();
    scene.commit(errand);
    let errand = scene.departs(&["b", "c"]);
    assert_eq!(scene.commit(errand), [("b", Ok(())), ("c", Ok(()))]);
}

#[test]
fn at_most_99_travel_together() {
    let mut scene = Scene::new();
    let names: Vec<&'static str> =
        (0..150).map(|number| &*Box::leak(format!("k{number}").into_boxed_str())).collect();
    for name in &names {
        scene.credit(name, 1.0);
    }
    let errand = scene.departs(&names[..MOST_MEMBERS]);
    scene.commit(errand);
    scene.departs(&names[MOST_MEMBERS..]);
}

#[test]
fn two_calls_with_one_key_never_travel_together() {
    let mut scene = Scene::new();
    scene.join("a", "key", 1.0, "credit");
    scene.join("twin of a", "key", 1.0, "credit");
    scene.credit("b", 1.0);
    let errand = scene.departs(&["key", "b"]);
    assert_eq!(scene.commit(errand), [("a", Ok(())), ("b", Ok(()))]);
    let errand = scene.departs(&["key"]);
    let found = RecordState::Taken(scene.found("a"));
    let answers = scene.refuse(errand, [found], None);
    assert_eq!(answers, [("twin of a", Err(DuplicateTransaction))]);
}

#[test]
fn a_sum_that_dynamodb_cannot_hold_travels_apart() {
    let mut scene = Scene::new();
    scene.credit("a", 1e38);
    scene.credit("b", 1.0);
    scene.credit("c", 1e38);
    scene.departs(&["a", "c"]);
}

#[test]
fn a_debit_that_is_not_covered_alone_is_refused_and_the_others_go_on() {
    let mut scene = Scene::new();
    scene.debit("a", 30.0);
    scene.debit("b", 20.0);
    let errand = scene.depart();
    let answers = scene.refuse(errand, [Free, Free], balance("20"));
    assert_eq!(answers, [("a", Err(InsufficientBalance))]);
    scene.departs(&["b"]);
}

#[test]
fn of_those_not_covered_together_as_many_go_on_as_fit_in_order_of_arrival() {
    let mut scene = Scene::new();
    for (name, amount) in [("a", 15.0), ("b", 20.0), ("c", 5.0)] {
        scene.debit(name, amount);
    }
    let errand = scene.depart();
    assert_eq!(scene.refuse(errand, [Free, Free, Free], balance("20")), []);
    let errand = scene.departs(&["a", "c"]);
    scene.stays();
    scene.commit(errand);
    scene.departs(&["b"]);
}

#[test]
fn credits_are_ordered_first() {
    let mut scene = Scene::new();
    for (name, amount) in [("a", 15.0), ("b", 20.0), ("c", 15.0)] {
        scene.debit(name, amount);
    }
    scene.credit("d", 15.0);
    let errand = scene.depart();
    assert_eq!(scene.refuse(errand, [Free, Free, Free, Free], balance("20")), []);
    scene.departs(&["a", "b", "d"]);
}

#[test]
fn an_absent_balance_counts_as_the_default_one() {
    let mut scene = Scene::new();
    scene.debit("a", 101.0);
    scene.debit("b", 100.0);
    let errand = scene.depart();
    let answers = scene.refuse(errand, [Free, Free], StoredBalance::Absent);
    assert_eq!(answers, [("a", Err(InsufficientBalance))]);
    scene.departs(&["b"]);
}

#[test]
fn a_corrupt_balance_refuses_all() {
    let mut scene = Scene::new();
    scene.debit("a", 1.0);
    scene.credit("b", 1.0);
    let errand = scene.depart();
    let answers = scene.refuse(errand, [Free, Free], StoredBalance::Corrupt);
    assert_eq!(answers, [("a", Err(CorruptBalance)), ("b", Err(CorruptBalance))]);
    assert!(scene.lane.is_empty());
}

#[test]
fn a_duplicate_is_answered_and_the_others_go_on() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    scene.credit("b", 1.0);
    scene.credit("c", 1.0);
    let errand = scene.depart();
    let records = [Free, scene.twin("b"), Free];
    let answers = scene.refuse(errand, records, None);
    assert_eq!(answers, [("b", Err(DuplicateTransaction))]);
    scene.departs(&["a", "c"]);
}

#[test]
fn a_duplicate_is_told_before_an_insufficient_balance() {
    let mut scene = Scene::new();
    scene.debit("a", 30.0);
    let errand = scene.depart();
    let records = [scene.twin("a")];
    let answers = scene.refuse(errand, records, balance("20"));
    assert_eq!(answers, [("a", Err(DuplicateTransaction))]);
}

#[test]
fn a_call_whose_record_was_in_conflict_is_not_refused_yet() {
    let mut scene = Scene::new();
    scene.debit("a", 30.0);
    scene.debit("b", 30.0);
    let errand = scene.depart();
    let answers = scene.refuse(errand, [Unclear, Free], balance("20"));
    assert_eq!(answers, [("b", Err(InsufficientBalance))]);
    scene.departs(&["a"]);
}

#[test]
fn with_one_record_of_the_batch_found_all_of_it_was_written() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    scene.credit("b", 1.0);
    let again = scene.repeat_unanswered();
    let records = [Unclear, RecordState::Taken(scene.found("b"))];
    assert_eq!(scene.refuse(again, records, None), [("a", Ok(())), ("b", Ok(()))]);
}

#[test]
fn a_rejected_batch_is_halved_until_the_culprit_stands_alone() {
    let mut scene = Scene::new();
    for name in ["a", "b", "culprit", "d"] {
        scene.credit(name, 1.0);
    }
    let errand = scene.departs(&["a", "b", "culprit", "d"]);
    assert_eq!(scene.fail(errand, rejected()), []);
    let errand = scene.departs(&["a", "b"]);
    assert_eq!(scene.commit(errand), [("a", Ok(())), ("b", Ok(()))]);
    let errand = scene.departs(&["culprit", "d"]);
    assert_eq!(scene.fail(errand, rejected()), []);
    let errand = scene.departs(&["culprit"]);
    assert_eq!(scene.fail(errand, rejected()), [("culprit", Err(ServiceError))]);
    let errand = scene.departs(&["d"]);
    assert_eq!(scene.commit(errand), [("d", Ok(()))]);
}

#[test]
fn with_members_that_have_left_those_who_stay_were_not_rejected_alone() {
    let mut scene = Scene::new();
    scene.credit("culprit", 1.0);
    scene.credit("b", 1.0);
    let errand = scene.depart();
    scene.cancel("culprit");
    assert_eq!(scene.fail(errand, rejected()), []);
    scene.departs(&["b"]);
}

#[test]
fn a_balance_that_refuses_what_it_covers_is_an_error_of_the_service() {
    let mut scene = Scene::new();
    scene.debit("a", 1.0);
    scene.debit("b", 1.0);
    let errand = scene.depart();
    assert_eq!(scene.refuse(errand, [Free, Free], balance("20")), []);
    let errand = scene.departs(&["a"]);
    assert_eq!(scene.refuse(errand, [Free], balance("20")), [("a", Err(ServiceError))]);
    scene.departs(&["b"]);
}

#[test]
fn after_a_conflict_all_pause_and_leave_with_those_who_have_come_since() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let errand = scene.depart();
    scene.credit("b", 1.0);
    assert_eq!(scene.fail(errand, Fault::Contended(reason())), []);
    scene.stays();
    let pause_ends = scene.lane.wakes_at(scene.now).unwrap();
    assert_eq!(pause_ends, scene.now + Duration::from_millis(25));
    scene.credit("c", 1.0);
    scene.now = pause_ends;
    scene.departs(&["a", "b", "c"]);
}

#[test]
fn a_new_lane_sleeps() {
    assert_eq!(Scene::new().lane.wakes_at(Instant::now()), None);
}

#[test]
fn an_uncertain_batch_is_repeated_unchanged_beside_the_lane() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let errand = scene.depart();
    let (id, _) = errand.request;
    scene.credit("b", 1.0);
    scene.fail(errand, unanswered());
    scene.departs(&["b"]);
    scene.stays();
    scene.now += PAUSE;
    let again = scene.departs(&["a"]);
    assert_eq!(again.request.0, id);
    assert_eq!(scene.commit(again), [("a", Ok(()))]);
}

#[test]
fn with_four_uncertain_batches_the_others_wait() {
    let mut scene = Scene::new();
    for name in ["a", "b", "c", "d"] {
        scene.credit(name, 1.0);
        scene.go_unanswered();
    }
    assert_eq!(scene.lane.batches.len(), MOST_UNCERTAIN);
    scene.credit("e", 1.0);
    scene.stays();
    scene.now += PAUSE;
    let again = scene.departs(&["a"]);
    scene.commit(again);
    scene.departs(&["b"]);
    scene.departs(&["c"]);
    scene.departs(&["d"]);
    scene.departs(&["e"]);
}

#[test]
fn those_who_go_on_wait_for_the_request_that_is_under_way() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    scene.credit("b", 1.0);
    let again = scene.repeat_unanswered();
    scene.credit("c", 1.0);
    let other = scene.departs(&["c"]);
    let records = [scene.twin("a"), Free];
    scene.refuse(again, records, None);
    scene.stays();
    scene.commit(other);
    scene.departs(&["b"]);
}

#[test]
fn a_call_that_waits_at_its_deadline_has_not_happened() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let _under_way = scene.depart();
    scene.credit("b", 1.0);
    assert_eq!(scene.expire(), [("b", Err(NothingHappened)), ("a", Err(OutcomeUnknown))]);
}

#[test]
fn a_call_under_way_at_its_deadline_is_unknown() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let errand = scene.depart();
    assert_eq!(scene.expire(), [("a", Err(OutcomeUnknown))]);
    assert_eq!(scene.commit(errand), []);
    assert!(scene.lane.is_empty());
}

#[test]
fn a_call_uncertain_at_its_deadline_is_unknown() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    scene.go_unanswered();
    assert_eq!(scene.expire(), [("a", Err(OutcomeUnknown))]);
    assert!(scene.lane.is_empty());
}

#[test]
fn an_attempt_ends_with_the_last_of_its_deadlines() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let deadline = scene.now + CALL_TIMEOUT;
    scene.now = deadline.checked_sub(LATENCY).unwrap();
    assert_eq!(scene.depart().until, deadline);
}

#[test]
fn whoever_leaves_before_the_first_attempt_is_no_part_of_it() {
    let mut scene = Scene::new();
    for name in ["a", "b", "c"] {
        scene.debit(name, 10.0);
    }
    let errand = scene.depart();
    scene.refuse(errand, [Free, Free, Free], balance("20"));
    assert_eq!(scene.cancel("a"), Some(("a", Err(NothingHappened))));
    scene.departs(&["b"]);
}

#[test]
fn whoever_leaves_an_uncertain_batch_stays_part_of_the_request() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    scene.credit("b", 1.0);
    scene.go_unanswered();
    assert_eq!(scene.cancel("a"), Some(("a", Err(OutcomeUnknown))));
    scene.now += PAUSE;
    let again = scene.departs(&["a", "b"]);
    assert_eq!(scene.commit(again), [("b", Ok(()))]);
}

#[test]
fn a_refusal_after_an_unanswered_attempt_is_told_behind_a_fence() {
    let mut scene = Scene::new();
    let fence = scene.doubt();
    assert_eq!(fence.task, Task::Fence(Vec::new()));
    let answers = scene.answer_fence(fence, FenceAnswer::Fenced);
    assert_eq!(answers, [("a", Err(InsufficientBalance))]);
}

#[test]
fn a_fence_that_stood_already_is_a_fence() {
    let mut scene = Scene::new();
    let fence = scene.doubt();
    let standing = vec![CallId::unique(), fence.request.0];
    let answers = scene.answer_fence(fence, FenceAnswer::Outdated(standing));
    assert_eq!(answers, [("a", Err(InsufficientBalance))]);
}

#[test]
fn a_fence_is_put_up_again_beside_those_that_others_have_put_up() {
    let mut scene = Scene::new();
    let fence = scene.doubt();
    let others = vec![CallId::unique()];
    assert_eq!(scene.answer_fence(fence, FenceAnswer::Outdated(others.clone())), []);
    scene.now += PAUSE;
    assert_eq!(scene.depart().task, Task::Fence(others));
}

#[test]
fn a_fence_that_comes_too_late_tells_of_the_success() {
    let mut scene = Scene::new();
    scene.debit("a", 50.0);
    scene.credit("b", 1.0);
    let again = scene.repeat_unanswered();
    assert_eq!(scene.refuse(again, [Free, Free], balance("20")), []);
    let fence = scene.depart();
    let found = scene.found("a");
    let answers = scene.answer_fence(fence, FenceAnswer::KeyTaken(found));
    assert_eq!(answers, [("a", Ok(())), ("b", Ok(()))]);
}

#[test]
fn a_fence_that_finds_a_duplicate_is_not_needed() {
    let mut scene = Scene::new();
    scene.debit("a", 50.0);
    scene.credit("b", 1.0);
    let again = scene.repeat_unanswered();
    scene.refuse(again, [Free, Free], balance("20"));
    let fence = scene.depart();
    let found = scene.found_twin("a");
    let answers = scene.answer_fence(fence, FenceAnswer::KeyTaken(found));
    assert_eq!(answers, [("a", Err(DuplicateTransaction))]);
    assert_eq!(scene.departs(&["b"]).task, Task::Write);
}

#[test]
fn a_fence_whose_answer_is_lost_is_put_up_again() {
    let mut scene = Scene::new();
    let fence = scene.doubt();
    assert_eq!(scene.fail(fence, unanswered()), []);
    scene.now += PAUSE;
    assert_eq!(scene.depart().task, Task::Fence(Vec::new()));
}

#[test]
fn without_a_fence_the_outcome_is_unknown() {
    let mut scene = Scene::new();
    let fence = scene.doubt();
    assert_eq!(scene.fail(fence, forbidden()), [("a", Err(OutcomeUnknown))]);
}

#[test]
fn a_taken_key_needs_no_fence() {
    let mut scene = Scene::new();
    scene.debit("a", 50.0);
    scene.debit("b", 1.0);
    let again = scene.repeat_unanswered();
    let records = [Free, scene.twin("b")];
    let answers = scene.refuse(again, records, balance("20"));
    let expected = [("b", Err(DuplicateTransaction)), ("a", Err(InsufficientBalance))];
    assert_eq!(answers, expected);
    assert!(scene.lane.is_empty());
}

#[test]
fn a_rejection_after_an_unanswered_attempt_is_told_behind_a_fence() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let again = scene.repeat_unanswered();
    assert_eq!(scene.fail(again, rejected()), []);
    let fence = scene.depart();
    let answers = scene.answer_fence(fence, FenceAnswer::Fenced);
    assert_eq!(answers, [("a", Err(ServiceError))]);
}

#[test]
fn a_final_fault_is_told_to_all() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    scene.credit("b", 1.0);
    let errand = scene.depart();
    let answers = scene.fail(errand, forbidden());
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
    let _under_way = scene.depart();
    scene.credit("b", 1.0);
    assert_eq!(scene.cancel("b"), Some(("b", Err(NothingHappened))));
    assert_eq!(scene.cancel("a"), Some(("a", Err(OutcomeUnknown))));
}

#[test]
fn an_answered_call_cannot_be_cancelled() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let errand = scene.depart();
    scene.commit(errand);
    assert_eq!(scene.cancel("a"), None);
}

#[test]
fn a_call_that_gets_lost_inside_is_answered() {
    let mut scene = Scene::new();
    scene.credit("a", 1.0);
    let errand = scene.depart();
    let why = BalanceError::new(InternalError, "lost");
    assert_eq!(told(scene.lane.lose(errand.batch, &why)), [("a", Err(InternalError))]);
    assert!(scene.lane.is_empty());
}
