use std::sync::LazyLock;

use fastrand::Rng;

use super::*;
use crate::ending::Operation;
use crate::money::Decimal;
use crate::value::Value;

mod histories;

const CALL: Duration = Duration::from_secs(25);
const ATTEMPT: Duration = Duration::from_secs(5);
const LONGEST: f64 = 1.0;

/// Who waits for an answer, by number.
type Ticket = u64;

fn reads() -> Reads<Ticket> {
    let ending = Ending { operation: Operation::Read, call_timeout: CALL };
    Reads::new(Terms { ending, attempt_timeout: ATTEMPT })
}

/// A user by number. Made once: the histories need many of them.
fn user(number: usize) -> UserId {
    static USERS: LazyLock<Vec<UserId>> = LazyLock::new(|| {
        let name = |number: usize| Value::Text(format!("user-{number}"));
        (0..3000).map(|number| UserId::validate_for_balance(name(number)).unwrap()).collect()
    });
    USERS[number].clone()
}

/// The balance that a user has after so many changes.
fn version(number: usize) -> StoredBalance {
    static VERSIONS: LazyLock<Vec<StoredBalance>> = LazyLock::new(|| {
        let number = |number: usize| Decimal::parse(&number.to_string()).unwrap();
        let numbers = (2..200).map(|version| StoredBalance::Number(number(version)));
        [StoredBalance::Absent, StoredBalance::Corrupt].into_iter().chain(numbers).collect()
    });
    VERSIONS[number].clone()
}

fn reader(number: u64, user_number: usize, now: Instant) -> Reader<Ticket> {
    Reader { number, user_id: user(user_number), deadline: now + CALL, ticket: number }
}

/// Lets everybody leave who may.
fn departures(reads: &mut Reads<Ticket>, now: Instant) -> Vec<Errand> {
    std::iter::from_fn(|| reads.depart(now)).collect()
}

/// The answer of a database in which every user has the same balance.
fn all_have(users: &[UserId], balance: usize) -> HashMap<UserId, StoredBalance> {
    users.iter().map(|user_id| (user_id.clone(), version(balance))).collect()
}

fn reason() -> Reason {
    Reason { summary: "DynamoDB answered Throttling".to_owned(), cause: None }
}

fn error(code: ErrorCode) -> BalanceError {
    BalanceError::new(code, "because")
}

fn told(answers: Answers<Ticket>) -> Vec<(Ticket, Result<StoredBalance, ErrorCode>)> {
    let mut told: Vec<_> = answers
        .into_iter()
        .map(|(ticket, outcome)| (ticket, outcome.map_err(|error| error.code)))
        .collect();
    told.sort_by_key(|(ticket, _)| *ticket);
    told
}

fn sizes(errands: &[Errand]) -> Vec<usize> {
    let mut sizes: Vec<usize> = errands.iter().map(|errand| errand.users.len()).collect();
    sizes.sort_unstable();
    sizes
}

#[test]
fn a_read_leaves_at_once_and_alone() {
    let (mut reads, now) = (reads(), Instant::now());
    reads.join(reader(1, 1, now));
    let errands = departures(&mut reads, now);
    assert_eq!(errands.len(), 1);
    assert_eq!(errands[0].users, [user(1)]);
    assert_eq!(errands[0].until, now + ATTEMPT);
    let answers = reads.arrive(errands[0].trip, Ok(all_have(&[user(1)], 7)), now, LONGEST);
    assert_eq!(told(answers), [(1, Ok(version(7)))]);
    assert!(reads.is_empty());
}

#[test]
fn as_many_users_as_requests_have_one_each() {
    let (mut reads, now) = (reads(), Instant::now());
    for number in 0..MOST_REQUESTS {
        reads.join(reader(number as u64, number, now));
    }
    assert_eq!(sizes(&departures(&mut reads, now)), [1; MOST_REQUESTS]);
}

#[test]
fn more_users_are_spread_over_the_requests() {
    let (mut reads, now) = (reads(), Instant::now());
    for number in 0..20 {
        reads.join(reader(number as u64, number, now));
    }
    let sizes = sizes(&departures(&mut reads, now));
    assert_eq!(sizes.iter().sum::<usize>(), 20);
    assert!(sizes.len() <= MOST_REQUESTS && sizes.iter().all(|size| *size <= 3), "{sizes:?}");
}

#[test]
fn a_request_has_at_most_100_users_and_the_others_wait_in_order_of_arrival() {
    let (mut reads, now) = (reads(), Instant::now());
    let all = MOST_REQUESTS * MOST_USERS;
    for number in 0..all + 100 {
        reads.join(reader(number as u64, number, now));
    }
    let errands = departures(&mut reads, now);
    assert_eq!(sizes(&errands), [100; MOST_REQUESTS]);
    let first = all_have(&errands[0].users, 7);
    assert_eq!(reads.arrive(errands[0].trip, Ok(first), now, LONGEST).len(), 100);
    let next = departures(&mut reads, now);
    let late: Vec<UserId> = (all..all + 100).map(user).collect();
    assert_eq!(next.len(), 1);
    assert!(late.iter().all(|user_id| next[0].users.contains(user_id)), "not in order");
}

#[test]
fn callers_of_one_user_share_a_place() {
    let (mut reads, now) = (reads(), Instant::now());
    for number in 0..10 {
        reads.join(reader(number, 1, now));
    }
    let errands = departures(&mut reads, now);
    assert_eq!(errands.len(), 1);
    let answers = reads.arrive(errands[0].trip, Ok(all_have(&[user(1)], 7)), now, LONGEST);
    assert_eq!(told(answers), (0..10).map(|number| (number, Ok(version(7)))).collect::<Vec<_>>());
}

#[test]
fn nobody_joins_a_request_that_has_left() {
    let (mut reads, now) = (reads(), Instant::now());
    reads.join(reader(1, 1, now));
    let first = departures(&mut reads, now).remove(0);
    reads.join(reader(2, 1, now));
    let second = departures(&mut reads, now).remove(0);
    let answers = reads.arrive(first.trip, Ok(all_have(&first.users, 3)), now, LONGEST);
    assert_eq!(told(answers), [(1, Ok(version(3)))]);
    let answers = reads.arrive(second.trip, Ok(all_have(&second.users, 4)), now, LONGEST);
    assert_eq!(told(answers), [(2, Ok(version(4)))]);
}

/// Reads of users 0 to `count` in one request: others take all the places but one.
fn together(count: usize, now: Instant) -> (Reads<Ticket>, Errand) {
    let mut reads = reads();
    for number in 0..MOST_REQUESTS - 1 {
        reads.join(reader(number as u64 + 1000, number + 1000, now));
    }
    assert_eq!(departures(&mut reads, now).len(), MOST_REQUESTS - 1);
    for number in 0..count {
        reads.join(reader(number as u64, number, now));
    }
    let errand = departures(&mut reads, now).remove(0);
    assert_eq!(errand.users.len(), count);
    (reads, errand)
}

#[test]
fn who_was_left_out_goes_again_and_the_others_are_answered() {
    let now = Instant::now();
    let (mut reads, errand) = together(3, now);
    let outcome = Ok(all_have(&[user(0), user(2)], 7));
    let answers = reads.arrive(errand.trip, outcome, now, LONGEST);
    assert_eq!(told(answers), [(0, Ok(version(7))), (2, Ok(version(7)))]);
    assert!(departures(&mut reads, now).is_empty(), "no pause");
    let later = now + Duration::from_millis(25);
    assert_eq!(reads.wakes_at(now), Some(later));
    assert_eq!(departures(&mut reads, later)[0].users, [user(1)]);
}

#[test]
fn a_fault_is_followed_by_a_pause_and_another_attempt_in_the_same_company() {
    for fault in
        [Fault::NotTaken(reason()), Fault::Unanswered(reason()), Fault::Contended(reason())]
    {
        let now = Instant::now();
        let (mut reads, errand) = together(3, now);
        assert!(reads.arrive(errand.trip, Err(fault), now, LONGEST).is_empty());
        assert!(departures(&mut reads, now).is_empty(), "no pause");
        let again = departures(&mut reads, now + Duration::from_millis(25));
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].users.len(), 3);
    }
}

#[test]
fn pauses_grow_from_fault_to_fault() {
    let (mut reads, mut now) = (reads(), Instant::now());
    reads.join(reader(1, 1, now));
    for pause in [25, 50, 100, 200] {
        let errand = departures(&mut reads, now).remove(0);
        reads.arrive(errand.trip, Err(Fault::NotTaken(reason())), now, LONGEST);
        let until = now + Duration::from_millis(pause);
        assert_eq!(reads.wakes_at(now), Some(until));
        now = until;
    }
}

#[test]
fn a_request_that_was_rejected_is_tried_one_by_one() {
    let now = Instant::now();
    let (mut reads, errand) = together(3, now);
    let rejected = || Fault::Rejected(error(ErrorCode::ServiceError));
    assert!(reads.arrive(errand.trip, Err(rejected()), now, LONGEST).is_empty());
    let first = departures(&mut reads, now).remove(0);
    assert_eq!(first.users.len(), 1);
    let answers = reads.arrive(first.trip, Err(rejected()), now, LONGEST);
    assert_eq!(told(answers)[0].1, Err(ErrorCode::ServiceError));
    let second = departures(&mut reads, now).remove(0);
    let answers = reads.arrive(second.trip, Ok(all_have(&second.users, 7)), now, LONGEST);
    assert_eq!(told(answers)[0].1, Ok(version(7)));
}

#[test]
fn a_request_that_was_rejected_says_nothing_about_later_ones() {
    let now = Instant::now();
    let (mut reads, errand) = together(3, now);
    reads.arrive(errand.trip, Err(Fault::Rejected(error(ErrorCode::ServiceError))), now, LONGEST);
    for _ in 0..3 {
        let alone = departures(&mut reads, now).remove(0);
        reads.arrive(alone.trip, Ok(all_have(&alone.users, 7)), now, LONGEST);
    }
    reads.join(reader(10, 10, now));
    reads.join(reader(11, 11, now));
    assert_eq!(sizes(&departures(&mut reads, now)), [2]);
}

#[test]
fn without_permission_for_several_users_reads_travel_alone_for_good() {
    let now = Instant::now();
    let (mut reads, errand) = together(3, now);
    let denied = Fault::Final(error(ErrorCode::AccessDenied));
    assert!(reads.arrive(errand.trip, Err(denied), now, LONGEST).is_empty());
    for number in 10..20 {
        reads.join(reader(number as u64, number, now));
    }
    let mut answered = 0;
    for _ in 0..13 {
        let alone = departures(&mut reads, now).remove(0);
        assert_eq!(alone.users.len(), 1);
        answered += reads.arrive(alone.trip, Ok(all_have(&alone.users, 7)), now, LONGEST).len();
    }
    assert_eq!(answered, 13);
}

#[test]
fn without_permission_for_one_user_the_read_is_denied() {
    let (mut reads, now) = (reads(), Instant::now());
    reads.join(reader(1, 1, now));
    let errand = departures(&mut reads, now).remove(0);
    let denied = Fault::Final(error(ErrorCode::AccessDenied));
    let answers = reads.arrive(errand.trip, Err(denied), now, LONGEST);
    assert_eq!(told(answers), [(1, Err(ErrorCode::AccessDenied))]);
}

#[test]
fn a_final_fault_is_told_to_all_in_the_request() {
    let now = Instant::now();
    let (mut reads, errand) = together(3, now);
    let missing = Fault::Final(error(ErrorCode::TableNotFound));
    let answers = reads.arrive(errand.trip, Err(missing), now, LONGEST);
    let expected: Vec<_> = (0..3).map(|ticket| (ticket, Err(ErrorCode::TableNotFound))).collect();
    assert_eq!(told(answers), expected);
}

#[test]
fn a_request_that_got_lost_is_told_to_all_in_it() {
    let now = Instant::now();
    let (mut reads, errand) = together(3, now);
    let answers = reads.lose(errand.trip, &error(ErrorCode::InternalError));
    let expected: Vec<_> = (0..3).map(|ticket| (ticket, Err(ErrorCode::InternalError))).collect();
    assert_eq!(told(answers), expected);
    assert!(reads.arrive(errand.trip, Ok(HashMap::new()), now, LONGEST).is_empty());
}

#[test]
fn who_still_waits_at_the_deadline_is_told_so() {
    let (mut reads, now) = (reads(), Instant::now());
    reads.join(reader(1, 1, now));
    let almost = now + CALL.saturating_sub(Duration::from_nanos(1));
    assert!(reads.expire(almost).is_empty());
    assert_eq!(reads.wakes_at(almost), Some(now + CALL));
    let (_, outcome) = reads.expire(now + CALL).remove(0);
    let message = outcome.unwrap_err().message;
    assert!(message.contains("the request was still waiting for its turn"), "{message}");
    assert!(reads.is_empty());
}

#[test]
fn who_is_under_way_at_the_deadline_is_told_what_stood_in_the_way() {
    let (mut reads, now) = (reads(), Instant::now());
    reads.join(reader(1, 1, now));
    let errand = departures(&mut reads, now).remove(0);
    reads.arrive(errand.trip, Err(Fault::NotTaken(reason())), now, LONGEST);
    let (_, outcome) = reads.expire(now + CALL).remove(0);
    let error = outcome.unwrap_err();
    assert_eq!(error.code, ErrorCode::NothingHappened);
    assert!(error.message.contains("DynamoDB answered Throttling"), "{}", error.message);
}

#[test]
fn an_attempt_ends_with_the_patience_of_its_most_patient_reader() {
    let (mut reads, now) = (reads(), Instant::now());
    for (number, seconds) in [(1, 1), (2, 3)] {
        let deadline = now + Duration::from_secs(seconds);
        reads.join(Reader { deadline, ..reader(number, 1, now) });
    }
    let errand = departures(&mut reads, now).remove(0);
    assert_eq!(errand.until, now + Duration::from_secs(3));
    // The one with less patience is not kept waiting by the other.
    assert_eq!(reads.wakes_at(now), Some(now + Duration::from_secs(1)));
    assert_eq!(told(reads.expire(now + Duration::from_secs(1))).len(), 1);
    assert_eq!(reads.wakes_at(now), None);
}

#[test]
fn a_read_can_be_cancelled_wherever_it_is() {
    let now = Instant::now();
    let (mut reads, errand) = together(3, now);
    reads.join(reader(3, 3, now));
    for number in [3, 1] {
        let (ticket, outcome) = reads.cancel(number).unwrap();
        assert_eq!(ticket, number);
        assert_eq!(outcome.unwrap_err().code, ErrorCode::NothingHappened);
        assert!(reads.cancel(number).is_none());
    }
    let answers = reads.arrive(errand.trip, Ok(all_have(&errand.users, 7)), now, LONGEST);
    assert_eq!(told(answers), [(0, Ok(version(7))), (2, Ok(version(7)))]);
}

#[test]
fn a_request_whose_readers_have_all_left_is_not_sent_again() {
    let (mut reads, now) = (reads(), Instant::now());
    reads.join(reader(1, 1, now));
    let errand = departures(&mut reads, now).remove(0);
    assert!(reads.cancel(1).is_some());
    assert!(!reads.is_empty(), "it is under way");
    reads.arrive(errand.trip, Err(Fault::Unanswered(reason())), now, LONGEST);
    assert!(reads.is_empty());
}
