use std::sync::LazyLock;

use fastrand::Rng;

use super::*;
use crate::core::indefinite::Operation;
use crate::money::{Decimal, StoredBalance};
use crate::store::Account;
use crate::transaction::UserId;
use crate::value::Value;

mod histories;

const CALL: Duration = Duration::from_secs(25);
const ATTEMPT: Duration = Duration::from_secs(5);
const LONGEST: f64 = 1.0;

/// Who waits for an answer, by number.
type Ticket = u64;

fn reads() -> ReadQueue<Ticket> {
    let ending = Ending { operation: Operation::Read, call_timeout: CALL };
    ReadQueue::new(Config { ending, attempt_timeout: ATTEMPT })
}

/// The account of a user by number. Made once: the histories need many of them.
fn account(number: usize) -> ItemKey {
    static ACCOUNTS: LazyLock<Vec<ItemKey>> = LazyLock::new(|| {
        let name = |number: usize| Value::Text(format!("user-{number}"));
        let user_id = |number| UserId::validate_for_balance(name(number)).unwrap();
        (0..3000).map(|number| ItemKey::Account(user_id(number))).collect()
    });
    ACCOUNTS[number].clone()
}

/// What an account is after so many changes.
fn version(number: usize) -> Item {
    static VERSIONS: LazyLock<Vec<Item>> = LazyLock::new(|| {
        let number = |number: usize| Decimal::parse(&number.to_string()).unwrap();
        let numbers = (2..200).map(|version| StoredBalance::Number(number(version)));
        let all = [StoredBalance::Absent, StoredBalance::Corrupt].into_iter().chain(numbers);
        all.map(|balance| {
            Item::Account(Account { balance, held: StoredBalance::Absent, exists: true })
        })
        .collect()
    });
    VERSIONS[number].clone()
}

fn reader(number: u64, user_number: usize, now: Instant) -> PendingRead<Ticket> {
    PendingRead { number, key: account(user_number), deadline: now + CALL, reply: number }
}

/// Lets everybody leave who may.
fn all_attempts(reads: &mut ReadQueue<Ticket>, now: Instant) -> Vec<ReadAttempt> {
    std::iter::from_fn(|| reads.next_attempt(now)).collect()
}

/// The answer of a database in which every user has the same balance.
fn all_have(keys: &[ItemKey], balance: usize) -> HashMap<ItemKey, Item> {
    keys.iter().map(|key| (key.clone(), version(balance))).collect()
}

fn reason() -> Reason {
    Reason { summary: "DynamoDB answered Throttling".to_owned(), cause: None }
}

fn error(code: ErrorCode) -> BalanceError {
    BalanceError::new(code, "because")
}

fn told(answers: Replies<Ticket>) -> Vec<(Ticket, Result<Item, ErrorCode>)> {
    let mut told: Vec<_> = answers
        .into_iter()
        .map(|(ticket, outcome)| (ticket, outcome.map_err(|error| error.code)))
        .collect();
    told.sort_by_key(|(ticket, _)| *ticket);
    told
}

fn sizes(attempts: &[ReadAttempt]) -> Vec<usize> {
    let mut sizes: Vec<usize> = attempts.iter().map(|attempt| attempt.keys.len()).collect();
    sizes.sort_unstable();
    sizes
}

#[test]
fn a_read_leaves_at_once_and_alone() {
    let (mut reads, now) = (reads(), Instant::now());
    reads.push(Box::new(reader(1, 1, now)));
    let attempts = all_attempts(&mut reads, now);
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].keys, [account(1)]);
    assert_eq!(attempts[0].attempt.until, now + ATTEMPT);
    let answers =
        reads.on_completed(attempts[0].batch, Ok(all_have(&[account(1)], 7)), now, LONGEST);
    assert_eq!(told(answers), [(1, Ok(version(7)))]);
    assert!(reads.is_empty());
}

#[test]
fn as_many_users_as_requests_have_one_each() {
    let (mut reads, now) = (reads(), Instant::now());
    for number in 0..MAX_REQUESTS {
        reads.push(Box::new(reader(number as u64, number, now)));
    }
    assert_eq!(sizes(&all_attempts(&mut reads, now)), [1; MAX_REQUESTS]);
}

#[test]
fn more_users_are_spread_over_the_requests() {
    let (mut reads, now) = (reads(), Instant::now());
    for number in 0..20 {
        reads.push(Box::new(reader(number as u64, number, now)));
    }
    let sizes = sizes(&all_attempts(&mut reads, now));
    assert_eq!(sizes.iter().sum::<usize>(), 20);
    assert!(sizes.len() <= MAX_REQUESTS && sizes.iter().all(|size| *size <= 3), "{sizes:?}");
}

#[test]
fn a_request_has_at_most_100_users_and_the_others_wait_in_order_of_arrival() {
    let (mut reads, now) = (reads(), Instant::now());
    let all = MAX_REQUESTS * MAX_ITEMS;
    for number in 0..all + 100 {
        reads.push(Box::new(reader(number as u64, number, now)));
    }
    let attempts = all_attempts(&mut reads, now);
    assert_eq!(sizes(&attempts), [100; MAX_REQUESTS]);
    let first = all_have(&attempts[0].keys, 7);
    assert_eq!(reads.on_completed(attempts[0].batch, Ok(first), now, LONGEST).len(), 100);
    let next = all_attempts(&mut reads, now);
    let late: Vec<ItemKey> = (all..all + 100).map(account).collect();
    assert_eq!(next.len(), 1);
    assert!(late.iter().all(|key| next[0].keys.contains(key)), "not in order");
}

#[test]
fn callers_of_one_user_share_a_place() {
    let (mut reads, now) = (reads(), Instant::now());
    for number in 0..10 {
        reads.push(Box::new(reader(number, 1, now)));
    }
    let attempts = all_attempts(&mut reads, now);
    assert_eq!(attempts.len(), 1);
    let answers =
        reads.on_completed(attempts[0].batch, Ok(all_have(&[account(1)], 7)), now, LONGEST);
    assert_eq!(told(answers), (0..10).map(|number| (number, Ok(version(7)))).collect::<Vec<_>>());
}

#[test]
fn nobody_joins_a_request_that_has_left() {
    let (mut reads, now) = (reads(), Instant::now());
    reads.push(Box::new(reader(1, 1, now)));
    let first = all_attempts(&mut reads, now).remove(0);
    reads.push(Box::new(reader(2, 1, now)));
    let second = all_attempts(&mut reads, now).remove(0);
    let answers = reads.on_completed(first.batch, Ok(all_have(&first.keys, 3)), now, LONGEST);
    assert_eq!(told(answers), [(1, Ok(version(3)))]);
    let answers = reads.on_completed(second.batch, Ok(all_have(&second.keys, 4)), now, LONGEST);
    assert_eq!(told(answers), [(2, Ok(version(4)))]);
}

/// Reads of users 0 to `count` in one request: others take all the places but one.
fn together(count: usize, now: Instant) -> (ReadQueue<Ticket>, ReadAttempt) {
    let mut reads = reads();
    for number in 0..MAX_REQUESTS - 1 {
        reads.push(Box::new(reader(number as u64 + 1000, number + 1000, now)));
    }
    assert_eq!(all_attempts(&mut reads, now).len(), MAX_REQUESTS - 1);
    for number in 0..count {
        reads.push(Box::new(reader(number as u64, number, now)));
    }
    let attempt = all_attempts(&mut reads, now).remove(0);
    assert_eq!(attempt.keys.len(), count);
    (reads, attempt)
}

#[test]
fn who_was_left_out_goes_again_and_the_others_are_answered() {
    let now = Instant::now();
    let (mut reads, attempt) = together(3, now);
    let outcome = Ok(all_have(&[account(0), account(2)], 7));
    let answers = reads.on_completed(attempt.batch, outcome, now, LONGEST);
    assert_eq!(told(answers), [(0, Ok(version(7))), (2, Ok(version(7)))]);
    assert!(all_attempts(&mut reads, now).is_empty(), "no pause");
    let later = now + Duration::from_millis(25);
    assert_eq!(reads.next_timeout(now), Some(later));
    assert_eq!(all_attempts(&mut reads, later)[0].keys, [account(1)]);
}

#[test]
fn a_fault_is_followed_by_a_pause_and_another_attempt_in_the_same_company() {
    let pause = Duration::from_millis(25);
    for (fault, pause) in [
        (Fault::NotTaken(reason()), pause),
        (Fault::Throttled(reason()), pause),
        (Fault::Contended(reason()), backoff::pause_contended(0, None, LONGEST)),
    ] {
        let now = Instant::now();
        let (mut reads, attempt) = together(3, now);
        assert!(reads.on_completed(attempt.batch, Err(fault), now, LONGEST).is_empty());
        assert!(all_attempts(&mut reads, now).is_empty(), "no pause");
        let again = all_attempts(&mut reads, now + pause);
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].keys.len(), 3);
    }
}

#[test]
fn those_who_went_unanswered_together_go_again_alone() {
    let now = Instant::now();
    let (mut reads, attempt) = together(3, now);
    let unanswered = Err(Fault::Unanswered(reason()));
    assert!(reads.on_completed(attempt.batch, unanswered, now, LONGEST).is_empty());
    let later = now + Duration::from_millis(25);
    let again = all_attempts(&mut reads, later).remove(0);
    assert_eq!(again.keys.len(), 1);
}

#[test]
fn a_user_who_went_unanswered_travels_alone_until_there_is_an_answer() {
    let now = Instant::now();
    let mut reads = reads();
    reads.push(Box::new(reader(1, 1, now)));
    let attempt = all_attempts(&mut reads, now).remove(0);
    reads.on_completed(attempt.batch, Err(Fault::Unanswered(reason())), now, LONGEST);
    // All places but one are taken, and three users wait for it.
    for number in 0..MAX_REQUESTS - 1 {
        reads.push(Box::new(reader(number as u64 + 1000, number + 1000, now)));
    }
    all_attempts(&mut reads, now);
    for number in 1..4 {
        reads.push(Box::new(reader(number as u64 + 10, number, now)));
    }
    let attempt = all_attempts(&mut reads, now).remove(0);
    assert!(attempt.keys.len() == 2 && !attempt.keys.contains(&account(1)), "{attempt:?}");
}

#[test]
fn requests_that_hang_do_not_take_the_places_of_the_others() {
    let now = Instant::now();
    let mut reads = reads();
    for number in 0..MAX_REQUESTS {
        reads.push(Box::new(reader(number as u64, number, now)));
    }
    assert_eq!(all_attempts(&mut reads, now).len(), MAX_REQUESTS);
    reads.push(Box::new(reader(100, 100, now)));
    assert!(all_attempts(&mut reads, now).is_empty());
    let slow = reads.next_timeout(now).unwrap();
    assert_eq!(slow, now + Duration::from_millis(100));
    assert_eq!(all_attempts(&mut reads, slow)[0].keys, [account(100)]);
}

#[test]
fn several_users_do_not_wait_as_long_as_an_attempt_for_one_of_them_who_hangs() {
    let now = Instant::now();
    let (mut reads, first) = together(3, now);
    assert_eq!(first.attempt.until, now + ATTEMPT, "nothing is known of what is usual here");
    let later = now + Duration::from_millis(5);
    reads.on_completed(first.batch, Ok(all_have(&first.keys, 7)), later, LONGEST);
    for number in 0..3 {
        reads.push(Box::new(reader(number as u64 + 10, number, later)));
    }
    let second = all_attempts(&mut reads, later).remove(0);
    assert_eq!(second.keys.len(), 3);
    assert_eq!(second.attempt.until, later + Duration::from_millis(500));
    // Those who travel alone have all the time of an attempt.
    reads.on_completed(second.batch, Err(Fault::Unanswered(reason())), later, LONGEST);
    let alone = all_attempts(&mut reads, later + Duration::from_millis(25)).remove(0);
    assert_eq!(alone.attempt.until, later + Duration::from_millis(25) + ATTEMPT);
}

#[test]
fn of_one_user_four_requests_are_in_flight() {
    let now = Instant::now();
    let mut reads = reads();
    for number in 0..4 {
        reads.push(Box::new(reader(number, 1, now)));
        assert_eq!(all_attempts(&mut reads, now).len(), 1);
    }
    reads.push(Box::new(reader(4, 1, now)));
    reads.push(Box::new(reader(5, 2, now)));
    let attempts = all_attempts(&mut reads, now);
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].keys, [account(2)]);
}

#[test]
fn a_request_that_nobody_waits_for_any_more_is_called_back() {
    let now = Instant::now();
    let mut reads = reads();
    reads.push(Box::new(reader(1, 1, now)));
    let attempt = all_attempts(&mut reads, now).remove(0);
    assert!(reads.cancel(1).is_some());
    assert!(!attempt.attempt.gate.pass());
}

#[test]
fn pauses_grow_from_fault_to_fault() {
    let (mut reads, mut now) = (reads(), Instant::now());
    reads.push(Box::new(reader(1, 1, now)));
    for pause in [25, 50, 100, 200] {
        let attempt = all_attempts(&mut reads, now).remove(0);
        reads.on_completed(attempt.batch, Err(Fault::NotTaken(reason())), now, LONGEST);
        let until = now + Duration::from_millis(pause);
        assert_eq!(reads.next_timeout(now), Some(until));
        now = until;
    }
}

#[test]
fn a_request_that_was_rejected_is_tried_one_by_one() {
    let now = Instant::now();
    let (mut reads, attempt) = together(3, now);
    let rejected = || Fault::Rejected(error(ErrorCode::ServiceError));
    assert!(reads.on_completed(attempt.batch, Err(rejected()), now, LONGEST).is_empty());
    let first = all_attempts(&mut reads, now).remove(0);
    assert_eq!(first.keys.len(), 1);
    let answers = reads.on_completed(first.batch, Err(rejected()), now, LONGEST);
    assert_eq!(told(answers)[0].1, Err(ErrorCode::ServiceError));
    let second = all_attempts(&mut reads, now).remove(0);
    let answers = reads.on_completed(second.batch, Ok(all_have(&second.keys, 7)), now, LONGEST);
    assert_eq!(told(answers)[0].1, Ok(version(7)));
}

#[test]
fn a_request_that_was_rejected_says_nothing_about_later_ones() {
    let now = Instant::now();
    let (mut reads, attempt) = together(3, now);
    reads.on_completed(
        attempt.batch,
        Err(Fault::Rejected(error(ErrorCode::ServiceError))),
        now,
        LONGEST,
    );
    for _ in 0..3 {
        let alone = all_attempts(&mut reads, now).remove(0);
        reads.on_completed(alone.batch, Ok(all_have(&alone.keys, 7)), now, LONGEST);
    }
    reads.push(Box::new(reader(10, 10, now)));
    reads.push(Box::new(reader(11, 11, now)));
    assert_eq!(sizes(&all_attempts(&mut reads, now)), [2]);
}

#[test]
fn without_permission_for_several_users_reads_travel_alone_for_good() {
    let now = Instant::now();
    let (mut reads, attempt) = together(3, now);
    let denied = Fault::Final(error(ErrorCode::AccessDenied));
    assert!(reads.on_completed(attempt.batch, Err(denied), now, LONGEST).is_empty());
    for number in 10..20 {
        reads.push(Box::new(reader(number as u64, number, now)));
    }
    let mut answered = 0;
    for _ in 0..13 {
        let alone = all_attempts(&mut reads, now).remove(0);
        assert_eq!(alone.keys.len(), 1);
        answered +=
            reads.on_completed(alone.batch, Ok(all_have(&alone.keys, 7)), now, LONGEST).len();
    }
    assert_eq!(answered, 13);
}

#[test]
fn without_permission_for_one_user_the_read_is_denied() {
    let (mut reads, now) = (reads(), Instant::now());
    reads.push(Box::new(reader(1, 1, now)));
    let attempt = all_attempts(&mut reads, now).remove(0);
    let denied = Fault::Final(error(ErrorCode::AccessDenied));
    let answers = reads.on_completed(attempt.batch, Err(denied), now, LONGEST);
    assert_eq!(told(answers), [(1, Err(ErrorCode::AccessDenied))]);
}

#[test]
fn a_final_fault_is_told_to_all_in_the_request() {
    let now = Instant::now();
    let (mut reads, attempt) = together(3, now);
    let missing = Fault::Final(error(ErrorCode::TableNotFound));
    let answers = reads.on_completed(attempt.batch, Err(missing), now, LONGEST);
    let expected: Vec<_> = (0..3).map(|ticket| (ticket, Err(ErrorCode::TableNotFound))).collect();
    assert_eq!(told(answers), expected);
}

#[test]
fn a_request_that_got_lost_is_told_to_all_in_it() {
    let now = Instant::now();
    let (mut reads, attempt) = together(3, now);
    let answers = reads.on_lost(attempt.batch, &error(ErrorCode::InternalError), now);
    let expected: Vec<_> = (0..3).map(|ticket| (ticket, Err(ErrorCode::InternalError))).collect();
    assert_eq!(told(answers), expected);
    assert!(reads.on_completed(attempt.batch, Ok(HashMap::new()), now, LONGEST).is_empty());
}

#[test]
fn who_still_waits_at_the_deadline_is_told_so() {
    let (mut reads, now) = (reads(), Instant::now());
    reads.push(Box::new(reader(1, 1, now)));
    let almost = now + CALL.saturating_sub(Duration::from_nanos(1));
    assert!(reads.on_timeout(almost).is_empty());
    assert_eq!(reads.next_timeout(almost), Some(now + CALL));
    let (_, outcome) = reads.on_timeout(now + CALL).remove(0);
    let message = outcome.unwrap_err().message;
    assert!(message.contains("the request was still waiting for its turn"), "{message}");
    assert!(reads.is_empty());
}

#[test]
fn who_is_under_way_at_the_deadline_is_told_what_stood_in_the_way() {
    let (mut reads, now) = (reads(), Instant::now());
    reads.push(Box::new(reader(1, 1, now)));
    let attempt = all_attempts(&mut reads, now).remove(0);
    reads.on_completed(attempt.batch, Err(Fault::NotTaken(reason())), now, LONGEST);
    let (_, outcome) = reads.on_timeout(now + CALL).remove(0);
    let error = outcome.unwrap_err();
    assert_eq!(error.code, ErrorCode::NothingHappened);
    assert!(error.message.contains("DynamoDB answered Throttling"), "{}", error.message);
}

#[test]
fn an_attempt_ends_with_the_patience_of_its_most_patient_reader() {
    let (mut reads, now) = (reads(), Instant::now());
    for (number, seconds) in [(1, 1), (2, 3)] {
        let deadline = now + Duration::from_secs(seconds);
        reads.push(Box::new(PendingRead { deadline, ..reader(number, 1, now) }));
    }
    let attempt = all_attempts(&mut reads, now).remove(0);
    assert_eq!(attempt.attempt.until, now + Duration::from_secs(3));
    // The one with less patience is not kept waiting by the other.
    assert_eq!(reads.next_timeout(now), Some(now + Duration::from_secs(1)));
    assert_eq!(told(reads.on_timeout(now + Duration::from_secs(1))).len(), 1);
    assert_eq!(reads.next_timeout(now), Some(now + Duration::from_secs(3)));
}

#[test]
fn a_read_can_be_cancelled_wherever_it_is() {
    let now = Instant::now();
    let (mut reads, attempt) = together(3, now);
    reads.push(Box::new(reader(3, 3, now)));
    for number in [3, 1] {
        let (ticket, outcome) = reads.cancel(number).unwrap();
        assert_eq!(ticket, number);
        assert_eq!(outcome.unwrap_err().code, ErrorCode::NothingHappened);
        assert!(reads.cancel(number).is_none());
    }
    let answers = reads.on_completed(attempt.batch, Ok(all_have(&attempt.keys, 7)), now, LONGEST);
    assert_eq!(told(answers), [(0, Ok(version(7))), (2, Ok(version(7)))]);
}

#[test]
fn a_request_whose_readers_have_all_left_is_not_sent_again() {
    let (mut reads, now) = (reads(), Instant::now());
    reads.push(Box::new(reader(1, 1, now)));
    let attempt = all_attempts(&mut reads, now).remove(0);
    assert!(reads.cancel(1).is_some());
    assert!(!reads.is_empty(), "it is under way");
    reads.on_completed(attempt.batch, Err(Fault::Unanswered(reason())), now, LONGEST);
    assert!(reads.is_empty());
}
