use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::sleep;

use super::*;
use crate::core::group::Group;
use crate::core::in_flight::MAX_TOTAL;
use crate::core::indefinite::{Ending, Operation};
use crate::core::writes::MIN_REQUESTS;
use crate::driver::admission::Admission;
use crate::error::ErrorCode;
use crate::store::faulty::{
    Balance, Event, FaultyStore, LATENCY, contended, decimal, denied, movement_of, not_taken,
    out_of_range, transaction, unanswered, user,
};
use crate::store::{CallId, Record, Role};
use crate::transaction::{Transaction, UserId};

const ATTEMPT: Duration = Duration::from_secs(5);
const CALL: Duration = Duration::from_secs(25);
const ONE_SECOND: Duration = Duration::from_secs(1);
/// The timer counts in whole milliseconds and rounds up.
const TICK: Duration = Duration::from_millis(1);

/// What the calls were told, by their numbers, and how long after the start.
type Told = Arc<Mutex<BTreeMap<u64, (Result<(), ErrorCode>, Duration)>>>;

/// The other end of a dispatcher.
struct Office {
    store: Arc<FaultyStore>,
    admission: Admission,
    commands: UnboundedSender<Command>,
    start: Instant,
    told: Told,
    next: u64,
}

impl Office {
    fn open(
        script: impl IntoIterator<Item = Event>,
        attempt: Duration,
    ) -> (Self, Dispatcher<FaultyStore>) {
        let store = Arc::new(FaultyStore::new(script));
        let (commands, receiver) = unbounded_channel();
        let ending = |operation| Ending { operation, call_timeout: CALL };
        let writes = writes::Config {
            ending: ending(Operation::Transact),
            default_balance: decimal(100),
            attempt_timeout: attempt,
        };
        let reads = reads::Config { ending: ending(Operation::Read), attempt_timeout: attempt };
        let dispatcher =
            Dispatcher::new(Arc::clone(&store), writes, reads, receiver, Arc::new(|| {}));
        let office = Self {
            store,
            admission: Admission::default(),
            commands,
            start: Instant::now(),
            told: Told::default(),
            next: 0,
        };
        (office, dispatcher)
    }

    /// An office whose dispatcher is at work.
    fn at_work(script: impl IntoIterator<Item = Event>, attempt: Duration) -> Self {
        let (office, dispatcher) = Self::open(script, attempt);
        tokio::spawn(dispatcher.run());
        office
    }

    /// `is_new`: whether a success is one of this very call.
    fn reply<T: 'static>(
        &mut self,
        user_id: &UserId,
        is_new: impl Fn(&T) -> bool + Send + 'static,
    ) -> (u64, Reply<T>) {
        self.next += 1;
        let (number, told, start) = (self.next, Arc::clone(&self.told), self.start);
        let permit = self.admission.enter(std::slice::from_ref(user_id)).unwrap();
        let reply = Reply::new(permit, move |outcome: Result<T, BalanceError>| {
            let outcome = outcome.map_err(|error| error.code).and_then(|success| {
                if is_new(&success) { Ok(()) } else { Err(ErrorCode::DuplicateTransaction) }
            });
            let before = told.lock().unwrap().insert(number, (outcome, start.elapsed()));
            assert!(before.is_none(), "told twice");
        });
        (number, reply)
    }

    fn transact(&mut self, transaction: Transaction, patience: Duration) -> Call {
        let (number, reply) = self.reply(&transaction.user_id, |it| *it == Written::Recorded);
        let record = Arc::new(Record {
            transaction,
            timestamp: "2024-05-06T07:08:09.010Z".into(),
            call_id: CallId::unique(),
            place: None,
            role: Role::Transaction,
        });
        let (group, deadline) = (Arc::new(Group::new(vec![record])), Instant::now() + patience);
        Call::Write(Box::new(PendingWrite { number, group, deadline, reply }))
    }

    fn read(&mut self, user_id: &str, patience: Duration) -> Call {
        let user_id = user(user_id);
        let (number, reply) = self.reply(&user_id, |_| true);
        let deadline = Instant::now() + patience;
        Call::Read(Box::new(PendingRead {
            number,
            key: ItemKey::Account(user_id),
            deadline,
            reply: Reader::Caller(reply),
        }))
    }

    /// Transactions of one user each, the first of whom is number `from`.
    fn credits(&mut self, from: usize, count: usize) -> Vec<Call> {
        (from..from + count)
            .map(|number| {
                let (key, user_id) = (format!("key-{number}"), format!("user-{number}"));
                self.transact(transaction(&key, &user_id, 1, "credit"), CALL)
            })
            .collect()
    }

    fn credits_of_one_user(&mut self, count: usize) -> Vec<Call> {
        let keys = (0..count).map(|number| format!("key-{number}"));
        keys.map(|key| self.transact(transaction(&key, "user-1", 1, "credit"), CALL)).collect()
    }

    fn make(&self, calls: Vec<Call>) {
        self.commands.send(Command::Take(calls)).unwrap();
    }

    async fn all_answered(&self) {
        self.admission.close().await;
    }

    fn told(&self, call: u64) -> Option<Result<(), ErrorCode>> {
        self.told.lock().unwrap().get(&call).map(|(outcome, _)| *outcome)
    }

    fn told_after(&self, call: u64) -> Duration {
        self.told.lock().unwrap()[&call].1
    }

    fn outcomes(&self) -> Vec<Result<(), ErrorCode>> {
        self.told.lock().unwrap().values().map(|(outcome, _)| *outcome).collect()
    }
}

/// Lets the dispatcher work until nothing is under way; returns when it wants to be woken up.
async fn settle(dispatcher: &mut Dispatcher<FaultyStore>) -> Option<Instant> {
    dispatcher.take_in_the_rest();
    let mut timeout = dispatcher.turn(Instant::now());
    while let Some(returned) = dispatcher.in_flight.next().await {
        dispatcher.on_returned(returned);
        dispatcher.take_in_the_rest();
        timeout = dispatcher.turn(Instant::now());
    }
    timeout
}

#[tokio::test(start_paused = true)]
async fn calls_that_come_at_once_leave_together() {
    let mut office = Office::at_work([], ATTEMPT);
    let calls = office.credits_of_one_user(99);
    office.make(calls);
    office.all_answered().await;
    assert_eq!(office.store.state().writes.len(), 1);
    assert!(office.outcomes().iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn a_hundredth_call_takes_the_next_request() {
    let mut office = Office::at_work([], ATTEMPT);
    let calls = office.credits_of_one_user(100);
    office.make(calls);
    office.all_answered().await;
    let sizes: Vec<usize> =
        office.store.state().writes.iter().map(|attempt| attempt.keys.len()).collect();
    assert_eq!(sizes, [99, 1]);
}

#[tokio::test(start_paused = true)]
async fn users_do_not_wait_for_each_other() {
    let mut office = Office::at_work([], ATTEMPT);
    let calls = office.credits(0, 64);
    office.make(calls);
    office.all_answered().await;
    assert_eq!(office.start.elapsed(), LATENCY);
}

#[tokio::test(start_paused = true)]
async fn at_first_64_writes_are_under_way_and_more_where_they_bring_more_answers() {
    let mut office = Office::at_work([], ATTEMPT);
    let calls = office.credits(0, 10_000);
    office.make(calls);
    sleep(LATENCY / 2).await;
    assert_eq!(office.store.state().writes_under_way.most, MIN_REQUESTS);
    office.all_answered().await;
    assert_eq!(office.store.state().writes_under_way.most, MAX_TOTAL);
    assert_eq!(office.store.state().records.len(), 10_000);
}

#[tokio::test(start_paused = true)]
async fn users_take_turns_when_there_are_too_many() {
    let mut office = Office::at_work([], ATTEMPT);
    let calls = office.credits(0, 200);
    office.make(calls);
    office.all_answered().await;
    let state = office.store.state();
    let keys: Vec<String> = state.writes.iter().map(|attempt| attempt.keys[0].clone()).collect();
    let in_order: Vec<String> = (0..200).map(|number| format!("key-{number}")).collect();
    assert_eq!(keys, in_order);
}

#[tokio::test(start_paused = true)]
async fn a_few_reads_are_under_way_and_the_rest_ride_together() {
    let mut office = Office::at_work([], ATTEMPT);
    for number in 0..500 {
        let call = office.read(&format!("user-{number}"), CALL);
        office.make(vec![call]);
    }
    office.all_answered().await;
    let state = office.store.state();
    assert_eq!(state.reads_under_way.most, reads::MAX_REQUESTS);
    assert!(state.reads.iter().all(|users| users.len() <= reads::MAX_ITEMS));
    let asked: usize = state.reads.iter().map(Vec::len).sum();
    assert_eq!(asked, 500);
    drop(state);
    assert!(office.outcomes().iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn reads_and_writes_do_not_wait_for_each_other() {
    let mut office = Office::at_work([], CALL);
    let mut calls = Vec::new();
    for number in 0..64 {
        let user_id = format!("user-{number}");
        office.store.state().rules.insert(user(&user_id), Event::LoseRequest);
        calls.push(office.transact(transaction(&user_id, &user_id, 1, "credit"), CALL));
    }
    calls.push(office.read("user-1", CALL));
    office.make(calls);
    sleep(LATENCY + TICK).await;
    assert_eq!(office.told(65), Some(Ok(())));
}

// Deadlines.

/// An office in which as many writes as may be in flight never come back.
async fn crowded_office() -> Office {
    let mut office = Office::at_work([], CALL * 10);
    let mut calls = Vec::new();
    for number in 0..MAX_TOTAL {
        let user_id = format!("stuck-{number}");
        office.store.state().rules.insert(user(&user_id), Event::LoseRequest);
        calls.push(office.transact(transaction(&user_id, &user_id, 1, "credit"), CALL * 10));
    }
    office.make(calls);
    sleep(TICK).await;
    assert_eq!(office.store.state().writes_under_way.most, MIN_REQUESTS);
    // They become slow, and do not count any more.
    sleep(ONE_SECOND).await;
    assert_eq!(office.store.state().writes_under_way.most, MAX_TOTAL);
    office.start = Instant::now();
    office
}

#[tokio::test(start_paused = true)]
async fn every_call_without_a_turn_is_answered_at_its_own_deadline() {
    let mut office = crowded_office().await;
    let calls: Vec<Call> = (1..=5_u32)
        .map(|second| {
            let key = format!("key-{second}");
            office.transact(transaction(&key, "user-1", 1, "credit"), ATTEMPT * second)
        })
        .collect();
    office.make(calls);
    sleep(ATTEMPT * 6).await;
    for (call, second) in (MAX_TOTAL as u64 + 1..).zip(1..=5) {
        assert_eq!(office.told(call), Some(Err(ErrorCode::NothingHappened)), "{call}");
        assert!(office.told_after(call) <= ATTEMPT * second + TICK, "{call}");
    }
    assert_eq!(office.store.state().writes.len(), MAX_TOTAL);
}

#[tokio::test(start_paused = true)]
async fn a_call_cancelled_without_a_turn_is_answered_at_once_and_never_sent() {
    let mut office = crowded_office().await;
    let call = office.transact(transaction("key-1", "user-1", 1, "credit"), CALL);
    let number = call.number();
    office.make(vec![call]);
    office.commands.send(Command::Cancel(number)).unwrap();
    sleep(TICK).await;
    assert_eq!(office.told(number), Some(Err(ErrorCode::NothingHappened)));
    assert_eq!(office.store.state().writes.len(), MAX_TOTAL);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_loses_its_turn_keeps_its_deadline() {
    // Its attempt fails, and those who had waited for its place are stuck for good.
    let mut office = Office::at_work([], CALL * 10);
    let call = office.transact(transaction("key-1", "user-1", 1, "credit"), CALL);
    office.store.state().script.push_back(Event::Fail(not_taken()));
    let mut calls = vec![call];
    for number in 0..MAX_TOTAL {
        let user_id = format!("stuck-{number}");
        office.store.state().rules.insert(user(&user_id), Event::LoseRequest);
        calls.push(office.transact(transaction(&user_id, &user_id, 1, "credit"), CALL * 10));
    }
    office.make(calls);
    sleep(CALL + TICK).await;
    assert_eq!(office.told(1), Some(Err(ErrorCode::NothingHappened)));
    assert!(office.told_after(1) <= CALL + TICK);
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_a_read_that_ends_before_the_dispatcher_sleeps_is_not_slept_through() {
    let (mut office, mut dispatcher) = Office::open([Event::Fail(not_taken())], ATTEMPT);
    let call = office.read("user-1", CALL);
    office.make(vec![call]);
    fastrand::seed(7);
    // Nothing more could be sent as of now; so the end of the pause has to be the next alarm, even
    // if it has come by the time that the dispatcher falls asleep.
    let alarm = settle(&mut dispatcher).await.unwrap();
    let now = Instant::now();
    assert!(alarm > now && alarm <= now + Duration::from_millis(25), "{:?}", alarm - now);
}

// Defects.

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_store_is_an_internal_error_for_its_own_calls_only() {
    let mut office = Office::at_work([], ATTEMPT);
    office.store.state().rules.insert(user("user-1"), Event::Panic);
    let mut calls = vec![
        office.transact(transaction("key-a", "user-1", 1, "credit"), CALL),
        office.transact(transaction("key-b", "user-1", 1, "credit"), CALL),
    ];
    calls.extend(office.credits(2, 10));
    office.make(calls);
    sleep(ATTEMPT).await;
    let outcomes = office.outcomes();
    assert_eq!(outcomes[..2], [Err(ErrorCode::InternalError); 2]);
    assert_eq!(outcomes[2..], [Ok(()); 10]);
    // The lane goes on.
    office.store.state().rules.clear();
    let call = office.transact(transaction("key-c", "user-1", 1, "credit"), CALL);
    office.make(vec![call]);
    office.all_answered().await;
    assert_eq!(office.told(13), Some(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn a_panic_during_a_read_is_an_internal_error_for_its_own_calls_only() {
    let mut office = Office::at_work([Event::Panic], ATTEMPT);
    let calls = vec![office.read("user-1", CALL)];
    office.make(calls);
    sleep(TICK).await;
    let calls = vec![office.read("user-1", CALL)];
    office.make(calls);
    office.all_answered().await;
    assert_eq!(office.outcomes(), [Err(ErrorCode::InternalError), Ok(())]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_dispatcher_leaves_no_caller_waiting() {
    let fetched = Arc::new(AtomicUsize::new(0));
    let (mut office, mut dispatcher) = Office::open([], ATTEMPT);
    let count = Arc::clone(&fetched);
    dispatcher.notify = NotifyOnDrop(Arc::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
    }));
    let permit = office.admission.enter(&[user("user-0")]).unwrap();
    let reply = Reply::new(permit, |_| std::panic::resume_unwind(Box::new("a defect")));
    let read = PendingRead {
        number: 0,
        key: ItemKey::Account(user("user-0")),
        deadline: Instant::now() + CALL,
        reply: Reader::Caller(reply),
    };
    let mut calls = vec![Call::Read(Box::new(read))];
    calls.extend(office.credits(1, 10));
    for user_id in ["user-1", "user-2"] {
        office.store.state().rules.insert(user(user_id), Event::LoseRequest);
    }
    office.make(calls);
    let work = tokio::spawn(dispatcher.run());
    assert!(work.await.unwrap_err().is_panic());
    office.all_answered().await;
    assert_eq!(office.outcomes().len(), 10);
    assert!(office.outcomes().contains(&Err(ErrorCode::InternalError)));
    assert_eq!(fetched.load(Ordering::Relaxed), 1, "nobody was sent for the answers");
}

#[tokio::test(start_paused = true)]
async fn sixty_thousand_cancelled_calls_cost_each_its_share() {
    let (mut office, mut dispatcher) = Office::open([], ATTEMPT);
    let calls = office.credits(0, 60_000);
    office.make(calls);
    for number in 0..60_000 {
        let command = Command::Cancel(number + 1);
        office.commands.send(command).unwrap();
    }
    let mut turns = 0;
    while office.outcomes().len() < 60_000 {
        dispatcher.take_in_the_rest();
        turns += 1;
    }
    assert!((60..=240).contains(&turns), "{turns} turns of a thousand steps");
}

// Memory.

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_lane_whose_calls_are_answered() {
    let script = [Event::Pass, Event::Fail(contended()), Event::LoseAnswer, Event::Panic];
    let (mut office, mut dispatcher) = Office::open(script, ATTEMPT);
    let calls = office.credits(0, 200);
    office.make(calls);
    office.commands.send(Command::Cancel(150)).unwrap();
    while office.outcomes().len() < 200 {
        settle(&mut dispatcher).await;
        sleep(ATTEMPT).await;
    }
    assert_eq!(settle(&mut dispatcher).await, None);
    assert!(dispatcher.writes.is_empty());
    assert!(dispatcher.reads.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_dispatcher_ends_when_its_ledger_is_gone_and_the_calls_are_answered() {
    let (mut office, dispatcher) = Office::open([Event::LoseAnswer], ATTEMPT);
    let running = tokio::spawn(dispatcher.run());
    let calls = office.credits(0, 3);
    office.make(calls);
    let told = Arc::clone(&office.told);
    drop(office);
    running.await.unwrap();
    assert_eq!(told.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn somebody_is_told_whenever_calls_have_been_answered() {
    let (mut office, mut dispatcher) = Office::open([], ATTEMPT);
    let reports = Arc::new(Mutex::new(0));
    dispatcher.after_replies = {
        let reports = Arc::clone(&reports);
        Arc::new(move || *reports.lock().unwrap() += 1)
    };
    tokio::spawn(dispatcher.run());
    let calls = office.credits(0, 10);
    office.make(calls);
    sleep(LATENCY + TICK).await;
    // Those who are answered at the same time are reported together.
    assert_eq!(*reports.lock().unwrap(), 1);
    let call = office.read("user-1", CALL);
    office.make(vec![call]);
    office.all_answered().await;
    yield_now().await;
    assert_eq!(*reports.lock().unwrap(), 2);
}

// Everything at once.

#[derive(Clone, Debug)]
struct Step {
    delay: u64,
    user: u8,
    key: u16,
    amount: u32,
    kind: Kind,
    is_cancelled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Credit,
    Debit,
    Read,
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => Just(Event::Pass),
        2 => Just(Event::Fail(not_taken())),
        2 => Just(Event::Fail(contended())),
        1 => Just(Event::Fail(unanswered())),
        1 => Just(Event::Fail(out_of_range())),
        1 => Just(Event::Fail(denied())),
        1 => Just(Event::Panic),
        1 => Just(Event::LoseRequest),
        2 => Just(Event::LoseAnswer),
        2 => Just(Event::ArriveLate),
    ]
}

/// Half of the calls are for one hot user, the others for many.
fn any_step() -> impl Strategy<Value = Step> {
    let user = prop_oneof![Just(0_u8), 1..100_u8];
    let kind = prop_oneof![2 => Just(Kind::Credit), 2 => Just(Kind::Debit), 1 => Just(Kind::Read)];
    (0..30_u64, user, 0..400_u16, 1..60_u32, kind, prop::bool::weighted(0.1)).prop_map(
        |(delay, user, key, amount, kind, is_cancelled)| Step {
            delay,
            user,
            key,
            amount,
            kind,
            is_cancelled,
        },
    )
}

async fn live(script: Vec<Event>, steps: &[Step]) -> (Office, BTreeMap<u64, Transaction>) {
    let mut office = Office::at_work(script, ATTEMPT);
    let mut transactions = BTreeMap::new();
    for step in steps {
        let user_id = format!("user-{}", step.user);
        let kind = match step.kind {
            Kind::Credit => "credit",
            Kind::Debit => "debit",
            Kind::Read => {
                let call = office.read(&user_id, CALL);
                office.make(vec![call]);
                continue;
            }
        };
        let asked = transaction(&format!("key-{}", step.key), &user_id, step.amount, kind);
        let call = office.transact(asked.clone(), CALL);
        transactions.insert(call.number(), asked);
        let number = call.number();
        office.make(vec![call]);
        // Most calls of a hot moment come at once.
        if step.delay > 20 {
            sleep(Duration::from_millis(step.delay)).await;
        }
        if step.is_cancelled {
            office.commands.send(Command::Cancel(number)).unwrap();
        }
    }
    let last = Instant::now();
    office.all_answered().await;
    assert!(last.elapsed() <= CALL + TICK, "answered too late");
    (office, transactions)
}

/// Whether what a call was told fits the record under its key. `is_own`: whether nobody else asked
/// for the same.
fn is_true(
    told: Result<(), ErrorCode>,
    asked: &Transaction,
    record: Option<&Record>,
    is_alone: bool,
) -> bool {
    let is_there = record.is_some_and(|record| record.transaction == *asked);
    match told {
        Ok(()) | Err(ErrorCode::DuplicateTransaction) => is_there,
        Err(ErrorCode::IdempotentKeyReused) => record.is_some() && !is_there,
        Err(ErrorCode::OutcomeUnknown | ErrorCode::InternalError) => true,
        // Nothing happened, unless somebody else asked for the same.
        Err(_) => !is_there || !is_alone,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn many_users_and_a_hot_one_are_told_the_truth_in_time(
        seed: u64,
        script in prop::collection::vec(any_event(), 0..150),
        steps in prop::collection::vec(any_step(), 1..200),
    ) {
        // The jitter is part of the history.
        fastrand::seed(seed);
        let runtime =
            Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (office, transactions) = runtime.block_on(live(script, &steps));
        let state = office.store.state();
        prop_assert!(state.writes_under_way.most <= MAX_TOTAL);
        prop_assert!(state.reads_under_way.most <= MAX_TOTAL);
        for (user_id, gauge) in &state.certain_under_way {
            prop_assert!(gauge.most <= 1, "{} certain requests of {user_id:?}", gauge.most);
        }
        for attempt in &state.writes {
            let keys: std::collections::HashSet<&String> = attempt.keys.iter().collect();
            prop_assert_eq!(keys.len(), attempt.keys.len(), "one key twice in a request");
        }
        prop_assert_eq!(office.outcomes().len(), steps.len());
        let mut successes: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, asked) in &transactions {
            let told = office.told(*number).unwrap();
            let key = asked.idempotent_key.as_str();
            let is_alone = transactions.values().filter(|other| *other == asked).count() == 1;
            let record = state.records.get(key).map(Arc::as_ref);
            prop_assert!(is_true(told, asked, record, is_alone), "{told:?}: {asked:?}");
            *successes.entry(key).or_default() += usize::from(told.is_ok());
        }
        prop_assert!(successes.values().all(|count| *count <= 1), "confirmed twice");
        for (user_id, balance) in state.balances() {
            let own = state.records.values().filter(|it| it.transaction.user_id == user_id);
            let moved: i64 = own.map(|record| movement_of(&record.transaction)).sum();
            prop_assert_eq!(balance, Balance::Number(100 + moved));
            prop_assert!(100 + moved >= 0);
        }
    }
}
