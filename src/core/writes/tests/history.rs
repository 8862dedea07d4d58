//! One random history: the queue, driven as `src/driver/dispatcher.rs` does, between callers, a network
//! that loses and delays, and a database that others use as well.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use tokio::time::Instant;

use super::super::{
    Action, Completion, Config, MAX_ACTIONS, MAX_UNCERTAIN, PendingWrite, Replies, WriteAttempt,
    WriteQueue,
};
use super::judge::{Answer, Call, Court, Request, Worths};
use super::vocabulary::{MAX_KEYS, MAX_USERS, Movement, Part, Shapes, Vocabulary, whole};
use crate::core::balance_change::BalanceChange;
use crate::core::epoch::Epoch;
use crate::core::group::Group;
use crate::core::indefinite::{Ending, Operation};
use crate::error::{BalanceError, ErrorCode};
use crate::money::{Decimal, StoredBalance};
use crate::store::database::Database;
use crate::store::{
    BalanceUpdate, CallId, Entry, EntryState, EpochAnswer, EpochEnding, ExistingRecord, Fault,
    HoldState, Reason, Refusal, SendGate, Token, Write, WriteAnswer,
};
use crate::transaction::IdempotentKey;
use crate::value::Value;

/// How often what was seen.
#[derive(Debug, Default)]
pub struct Sights(pub BTreeMap<&'static str, u64>);

impl Sights {
    fn see(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

/// An attempt that has left.
#[derive(Clone, Debug)]
struct Attempt {
    batch: u64,
    action: Action,
    gate: SendGate,
    /// When its answer arrives; `None` if it does not.
    answered: Option<Instant>,
}

#[derive(Clone, Debug)]
enum Event {
    Begin(usize),
    Join(usize),
    Cancel(usize),
    OtherProcess,
    Leave(Attempt, Instant, Fate),
    Arrive(Attempt),
    Return(u64, Option<Completion>),
    /// There is room again for requests.
    Room,
}

/// What can happen to an attempt on its way.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Passes,
    Lost,
    AnswerLost,
    Late,
    NotTaken,
    Throttled,
    Contended,
    Forbidden,
    LostInside,
}

/// All times are whole milliseconds but for the pauses, so that much happens at the same instant.
pub struct History<'a> {
    rng: Rng,
    vocabulary: &'a Vocabulary,
    start: Instant,
    now: Instant,
    config: Config,
    queue: WriteQueue<usize>,
    /// By how many milliseconds the clock is ahead of the start of the history.
    skew: u64,
    database: Database,
    states: Vec<Worths>,
    since: HashMap<usize, usize>,
    closed_since: HashMap<usize, usize>,
    calls: Vec<Call>,
    groups: Vec<Arc<Group>>,
    by_call_id: HashMap<CallId, usize>,
    requests: HashMap<u64, Request>,
    waiting: BTreeSet<usize>,
    events: BTreeMap<(Instant, usize), Event>,
    next_event: usize,
    /// Attempts that may still arrive, at any time.
    late: Vec<Attempt>,
    alarm: Option<Instant>,
    /// How many attempts of a hundred meet trouble, until `trouble_ends`.
    trouble: u8,
    trouble_ends: Instant,
    /// How many attempts were made since then.
    calm_attempts: usize,
    trace: Option<Vec<String>>,
    sights: &'a mut Sights,
}

/// The longest patience: with this, all calls have to be answered for another reason.
const PATIENT: Duration = Duration::from_hours(1);

/// The last pause, of a second at most, and then some dozens of requests of a few milliseconds.
const CALM: Duration = Duration::from_secs(8);

/// How many requests may leave with later calls while a call waits for the same user. Those that would not
/// be covered together with the others wait once for each time that a balance refuses.
const MAX_OVERTAKEN: usize = 24;

const DEFAULT_BALANCE: i64 = 10;

fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

fn reason() -> Reason {
    Reason { summary: String::new(), cause: None }
}

impl<'a> History<'a> {
    pub fn new(
        seed: u64,
        most_calls: usize,
        start: Instant,
        vocabulary: &'a Vocabulary,
        sights: &'a mut Sights,
    ) -> Self {
        let mut rng = Rng::with_seed(seed);
        let trouble = *rng.choice(&[0, 10, 30, 60]).unwrap();
        let call_timeout = if rng.bool() { PATIENT } else { milliseconds(rng.u64(5..200)) };
        let config = Config {
            ending: Ending { operation: Operation::Transact, call_timeout },
            default_balance: vocabulary.decimal(DEFAULT_BALANCE),
            attempt_timeout: milliseconds(rng.u64(8..40)),
        };
        let spread = rng.u64(1..40);
        let mut history = Self {
            start,
            now: start,
            queue: WriteQueue::new(config.clone()),
            database: Database::default(),
            config,
            vocabulary,
            skew: 1_500_000,
            states: Vec::new(),
            since: HashMap::new(),
            closed_since: HashMap::new(),
            calls: Vec::new(),
            groups: Vec::new(),
            by_call_id: HashMap::new(),
            requests: HashMap::new(),
            waiting: BTreeSet::new(),
            events: BTreeMap::new(),
            next_event: 0,
            late: Vec::new(),
            alarm: None,
            trouble,
            trouble_ends: start + milliseconds(spread + 60),
            calm_attempts: 0,
            trace: None,
            sights,
            rng,
        };
        history.draw_balances();
        history.plan_calls(most_calls, spread);
        history.plan_other_processes();
        history
    }

    fn draw_balances(&mut self) {
        for user in 0..MAX_USERS {
            match self.rng.u8(..32) {
                0 => self.set_balance(user, StoredBalance::Corrupt),
                1..=7 => {}
                _ => {
                    let number = self.vocabulary.decimal(self.rng.i64(-20..20));
                    self.set_balance(user, StoredBalance::Number(number));
                }
            }
        }
        self.note_state();
    }

    fn plan_calls(&mut self, most_calls: usize, spread: u64) {
        let is_crowd = self.rng.u16(..512) == 0;
        let most = if is_crowd { 250 } else { 9 };
        let count = self.rng.usize(if is_crowd { 100 } else { 1 }..=most).min(most_calls);
        let shapes = Shapes {
            keys: (if self.rng.bool() { count.div_ceil(2) + 1 } else { count * 3 }).min(MAX_KEYS),
            users: self.rng.usize(1..=MAX_USERS),
            has_groups: self.rng.u8(..4) > 0,
            has_holds: self.rng.u8(..3) == 0,
        };
        let has_poison = self.trouble > 0 && self.rng.u8(..4) == 0;
        let mut arrivals: Vec<u64> = (0..count).map(|_| self.rng.u64(..spread)).collect();
        if is_crowd {
            // While the first one is under way, so that they fill a request.
            arrivals.iter_mut().skip(1).for_each(|arrival| *arrival /= 10);
        }
        arrivals.sort_unstable();
        let mut earlier: Vec<Vec<Movement>> = Vec::new();
        for (number, arrival) in arrivals.into_iter().enumerate() {
            let movements = shapes.call(&earlier, &mut self.rng);
            earlier.push(movements.clone());
            let joins = self.start + milliseconds(arrival);
            let is_poisoned = has_poison && self.rng.u8(..4) == 0;
            self.add_call(movements, joins, is_poisoned);
            // Whoever closes a hold reads its record first.
            let is_closing = self.groups[number].as_closing().is_some();
            let most = self.config.ending.call_timeout.min(milliseconds(8)).as_millis();
            let most = if is_closing { u64::try_from(most).unwrap() } else { 1 };
            let reads = self.rng.u64(..most);
            self.plan(joins, Event::Begin(number));
            self.plan(joins + milliseconds(reads), Event::Join(number));
            if self.trouble > 0 && self.rng.u8(..8) == 0 {
                let cancelled = joins + milliseconds(self.rng.u64(1..60));
                self.plan(cancelled, Event::Cancel(number));
            }
        }
    }

    fn add_call(&mut self, movements: Vec<Movement>, joins: Instant, is_poisoned: bool) {
        let group = Arc::new(self.vocabulary.group(&movements));
        let call_id = group.entries()[0].call_id();
        self.by_call_id.insert(call_id, self.calls.len());
        self.groups.push(group);
        self.calls.push(Call {
            movements,
            id: call_id,
            is_poisoned,
            deadline: joins + self.config.ending.call_timeout,
            first_state: 0,
            batch: None,
            answer: None,
            order: 0,
            is_cancelled: false,
            overtaken: 0,
        });
    }

    fn plan_other_processes(&mut self) {
        if self.trouble > 0 && self.rng.bool() {
            for _ in 0..self.rng.u8(1..8) {
                let at = self.start + milliseconds(self.rng.u64(..60));
                self.plan(at, Event::OtherProcess);
            }
        }
    }

    fn plan(&mut self, at: Instant, event: Event) {
        self.next_event += 1;
        self.events.insert((at, self.next_event), event);
    }

    pub fn trace_from_now_on(&mut self) {
        self.trace = Some(Vec::new());
    }

    fn trace(&mut self, tell: impl FnOnce(&Self) -> String) {
        if let Some(mut trace) = self.trace.take() {
            let elapsed = self.now.duration_since(self.start);
            trace.push(format!("{elapsed:?} {}\n", tell(self)));
            self.trace = Some(trace);
        }
    }

    fn tell(&self, event: &Event) -> String {
        match event {
            Event::Join(number) => format!("call {number}: {:?}", self.calls[*number].movements),
            Event::Leave(attempt, _, fate) => {
                format!("leaves: {}, {fate:?}", self.tell_action(attempt.batch, &attempt.action))
            }
            Event::Arrive(attempt) => {
                format!("arrives: {}", self.tell_action(attempt.batch, &attempt.action))
            }
            event => format!("{event:?}"),
        }
    }

    fn tell_action(&self, batch: u64, action: &Action) -> String {
        match action {
            Action::Write { write, token } => {
                let call = |it: &Entry| self.by_call_id[&it.call_id()];
                let calls: BTreeSet<usize> = write.entries.iter().map(call).collect();
                format!("batch {batch} of calls {calls:?}, {} {:?}", token.request, write.balances)
            }
            Action::EndEpoch(ending) => format!("batch {batch} ends {ending:?}"),
        }
    }

    /// What happened, line by line, if it was to be traced.
    pub fn told(&self) -> String {
        self.trace.as_deref().unwrap_or_default().concat()
    }

    fn is_troubled(&mut self) -> bool {
        self.now < self.trouble_ends && self.rng.u8(..100) < self.trouble
    }

    /// Lives through it all.
    pub fn run(&mut self) {
        while self.step() {}
        assert!(self.queue.is_empty(), "the queue is not empty at the end");
        for (number, call) in self.calls.iter().enumerate() {
            assert!(call.answer.is_some(), "call {number} was not answered");
        }
        // What is still on its way arrives now, where it finds everything allowed.
        for user in 0..MAX_USERS {
            if self.rng.bool() || self.worth(user).is_none() {
                self.set_worth(user, 1000);
            }
        }
        while !self.late.is_empty() {
            self.let_one_in();
        }
    }

    /// Once the trouble is over, a call is answered at the latest when the batches it is part of
    /// have been halved down to it, each of them in one request; and each uncertain batch takes
    /// one request to be refused, and one for its epoch to end.
    fn assert_progress(&self) {
        let bound = 12 * self.calls.len() + 8 * MAX_UNCERTAIN * MAX_USERS;
        assert!(self.calm_attempts <= bound, "{} attempts", self.calm_attempts);
        let calm = self.now.saturating_duration_since(self.trouble_ends);
        assert!(calm < CALM, "it took {calm:?} to answer all");
    }

    /// What happens next, if anything does.
    fn step(&mut self) -> bool {
        let next = self.events.first_key_value().map(|((at, _), _)| *at);
        let Some(now) = next.into_iter().chain(self.alarm).min() else { return false };
        self.assert_nothing_was_missed(now);
        self.now = now;
        if self.alarm == Some(now) && (next != Some(now) || self.rng.bool()) {
            self.alarm = None;
            self.trace(|_| "wakes up".to_owned());
            let answers = self.queue.on_timeout(now);
            self.answer(answers);
        } else {
            self.take_in(now);
        }
        self.send_what_is_to_be_sent();
        self.assert_progress();
        if !self.late.is_empty() && self.rng.u8(..8) == 0 {
            self.let_one_in();
        }
        true
    }

    /// Takes in one event, and most often all those of the same instant.
    fn take_in(&mut self, now: Instant) {
        while let Some(entry) = self.events.first_entry().filter(|it| it.key().0 == now) {
            let event = entry.remove();
            self.happen(event);
            if self.rng.u8(..4) == 0 {
                return;
            }
        }
    }

    /// Between two events that the queue knows of it has nothing to do.
    fn assert_nothing_was_missed(&mut self, next: Instant) {
        let before = next.checked_sub(Duration::from_nanos(1)).unwrap();
        let has_room = !self.events.values().any(|event| matches!(event, Event::Room));
        if before > self.now && has_room {
            let missed = self.queue.next_attempt(before, self.epoch());
            assert!(missed.is_none(), "an attempt was missed");
        }
    }

    fn happen(&mut self, event: Event) {
        self.trace(|history| history.tell(&event));
        match event {
            Event::Begin(number) => self.calls[number].first_state = self.states.len() - 1,
            Event::Join(number) => self.join(number),
            Event::Cancel(number) => {
                self.calls[number].is_cancelled = true;
                let answer = self.queue.cancel(u64::try_from(number).unwrap(), self.now);
                self.answer(answer.into_iter().collect());
            }
            Event::OtherProcess => self.let_others_act(),
            Event::Leave(attempt, until, fate) => self.leave(attempt, until, fate),
            Event::Arrive(attempt) => self.take_effect(attempt),
            Event::Return(batch, completion) => self.bring_back(batch, completion),
            Event::Room => {}
        }
    }

    fn join(&mut self, number: usize) {
        self.waiting.insert(number);
        self.queue.push(Box::new(PendingWrite {
            number: u64::try_from(number).unwrap(),
            group: Arc::clone(&self.groups[number]),
            deadline: self.calls[number].deadline,
            reply: number,
        }));
    }

    fn worth(&self, user: usize) -> Option<i64> {
        whole(&self.database.balance(&self.vocabulary.users[user]), DEFAULT_BALANCE)
    }

    fn set_balance(&mut self, user: usize, balance: StoredBalance) {
        self.database.set_balance(&self.vocabulary.users[user], balance);
    }

    fn set_worth(&mut self, user: usize, worth: i64) {
        let number = StoredBalance::Number(self.vocabulary.decimal(worth));
        self.set_balance(user, number);
        self.note_state();
    }

    fn note_state(&mut self) {
        self.states.push(std::array::from_fn(|user| self.worth(user)));
    }

    fn let_others_act(&mut self) {
        let amount = self.rng.i64(1..15);
        let user = self.rng.usize(..MAX_USERS);
        match (self.rng.u8(..8), self.worth(user)) {
            (0..=1, Some(worth)) => self.set_worth(user, worth + amount),
            (2..=3, Some(worth)) if amount <= worth => self.set_worth(user, worth - amount),
            (4, Some(_)) if self.rng.bool() => {
                self.set_balance(user, StoredBalance::Corrupt);
                self.note_state();
            }
            (_, None) => self.set_worth(user, amount),
            (5, _) => {
                let user_id = self.vocabulary.users[user].clone();
                let ending = EpochEnding { user_id, epoch: self.epoch(), undone: None };
                drop(self.database.end_epoch(&ending));
            }
            // The clock of this process is corrected, forwards or backwards.
            (6, _) => self.skew = self.rng.u64(0..3_000_000),
            _ => self.take_a_key(),
        }
    }

    /// A hundred milliseconds of a history are fifty seconds by the clock.
    fn epoch(&self) -> Epoch {
        let elapsed = self.now.duration_since(self.start) * 500;
        let skew = Duration::from_secs(1_700_000_000) + milliseconds(self.skew);
        Epoch::at(SystemTime::UNIX_EPOCH + skew + elapsed)
    }

    /// Another process records a transaction, under a key that a call has as well.
    fn take_a_key(&mut self) {
        let number = self.rng.usize(..self.calls.len());
        let index = self.rng.usize(..self.calls[number].movements.len());
        let movement = self.calls[number].movements[index].clone();
        let entry = &self.groups[number].entries()[index];
        let Entry::Record(_) = entry else { return self.close_a_hold(&movement) };
        if self.since.contains_key(&movement.key) {
            return;
        }
        let call_id = self.rng.bool().then(|| CallId::unique().to_string());
        let alike = ExistingRecord { call_id, hold: None, ..entry.left().unwrap() };
        let existing = match self.rng.u8(..4) {
            0 => ExistingRecord { amount: Decimal::parse("77"), ..alike },
            1 => ExistingRecord { user_id: Some("another".to_owned()), ..alike },
            2 => ExistingRecord::default(),
            _ => ExistingRecord { place: None, ..alike },
        };
        self.since.insert(movement.key, self.states.len());
        self.database.set_record(&self.vocabulary.keys[movement.key], existing);
        self.note_state();
    }

    /// Another process closes a hold that a call wants to close as well.
    fn close_a_hold(&mut self, hold: &Movement) {
        let Part::Closing(close) = &hold.part else { return };
        self.next_event += 1;
        let by = Value::Text(format!("other {}", self.next_event));
        let by = IdempotentKey::validate(by).unwrap();
        let group = Group::closing(self.vocabulary.closing(hold, by, close), "");
        let mut change = BalanceChange::default();
        group.entries().iter().for_each(|entry| change.add_entry(entry));
        let (user_id, epoch) = (self.vocabulary.users[hold.user].clone(), self.epoch());
        let balances = vec![BalanceUpdate { user_id, epoch, change }];
        let write = Write { entries: group.entries().to_vec(), balances };
        if self.database.write(&write, &self.vocabulary.decimal(DEFAULT_BALANCE))
            == Ok(WriteAnswer::Committed)
        {
            self.sights.see("hold: closed by others");
            self.closed_since.insert(hold.key, self.states.len());
            self.note_state();
        }
    }

    /// What is held is what the open holds of each user have.
    fn check_held(&self) {
        for user_id in &self.vocabulary.users {
            let is_open = |it: &&ExistingRecord| {
                it.user_id.as_deref() == Some(user_id.as_str())
                    && it.hold.as_ref().is_some_and(|hold| hold.state == HoldState::Open)
            };
            let open = self.database.records().map(|(_, record)| record).filter(is_open);
            let amounts = open.filter_map(|record| record.amount.as_ref());
            let sum = amounts.fold(Decimal::default(), |sum, amount| sum.plus(amount));
            let held = match self.database.held(user_id) {
                StoredBalance::Number(held) => held,
                StoredBalance::Absent | StoredBalance::Corrupt => Decimal::default(),
            };
            assert_eq!(held, sum, "held is not what the open holds have");
        }
    }

    /// As the dispatcher does: sends what is to be sent, and has the queue woken up in time, which may
    /// be at once.
    fn send_what_is_to_be_sent(&mut self) {
        let has_room = self.rng.u8(..64) > 0 || !self.is_troubled();
        if !has_room {
            self.plan(self.now + milliseconds(1), Event::Room);
        }
        self.send_all(has_room);
        for _ in 0..2 {
            if self.queue.next_timeout(self.now).is_some_and(|alarm| alarm <= self.now) {
                let answers = self.queue.on_timeout(self.now);
                self.answer(answers);
                self.send_all(has_room);
            }
        }
        self.alarm = self.queue.next_timeout(self.now);
        assert!(self.alarm.is_none_or(|alarm| alarm > self.now), "no time passes");
    }

    fn send_all(&mut self, has_room: bool) {
        while has_room && let Some(attempt) = self.queue.next_attempt(self.now, self.epoch()) {
            if let Action::Write { write, .. } = &attempt.action
                && !self.requests.contains_key(&attempt.batch)
            {
                self.inspect(attempt.batch, write);
            }
            self.send(&attempt);
        }
    }

    /// A new request is about to leave.
    fn inspect(&mut self, batch: u64, write: &Write) {
        let actions = write.entries.len() + write.balances.len();
        assert!((2..=MAX_ACTIONS).contains(&actions), "a request of {actions} actions");
        let keys: BTreeSet<&str> = write.entries.iter().map(|it| it.key().as_str()).collect();
        assert_eq!(keys.len(), write.entries.len(), "one key, two records");
        let mut calls: Vec<usize> =
            write.entries.iter().map(|it| self.by_call_id[&it.call_id()]).collect();
        calls.dedup();
        let records: usize = calls.iter().map(|it| self.calls[*it].movements.len()).sum();
        assert_eq!(records, write.entries.len(), "a group was torn apart");
        for number in &calls {
            let call = &mut self.calls[*number];
            assert_eq!(call.answer, None, "an answered call left again");
            let last = call.batch.replace(batch).and_then(|last| self.requests.get(&last));
            assert!(last.is_none_or(|last| !last.is_in_flight), "call {number} left twice");
        }
        let user_of = |user_id| self.vocabulary.users.iter().position(|it| it == user_id).unwrap();
        let users = write.balances.iter().map(|balance| user_of(&balance.user_id)).collect();
        self.note_overtaken(&calls);
        self.note_sights(write, &calls, &users);
        let request = Request {
            calls,
            users,
            is_in_flight: false,
            gate: SendGate::default(),
            is_unanswered: false,
            faults: Vec::new(),
            committed: BTreeSet::new(),
        };
        self.requests.insert(batch, request);
    }

    /// Nobody who waits is overtaken for ever.
    fn note_overtaken(&mut self, leaving: &[usize]) {
        let last = leaving.iter().max().copied().unwrap();
        let waits = |number: &usize| {
            let request = self.calls[*number].batch.and_then(|batch| self.requests.get(&batch));
            request.is_none_or(|it| !it.is_in_flight && !it.is_unanswered)
        };
        let ahead: Vec<usize> = self
            .waiting
            .range(..last)
            .filter(|it| !leaving.contains(it) && waits(it))
            .copied()
            .collect();
        for number in ahead {
            let users: BTreeSet<usize> =
                self.calls[number].movements.iter().map(|it| it.user).collect();
            let overtakes = |other: &usize| {
                *other > number
                    && self.calls[*other].movements.iter().any(|it| users.contains(&it.user))
            };
            if leaving.iter().any(overtakes) {
                self.calls[number].overtaken += 1;
                let count = self.calls[number].overtaken;
                let is_crowd = self.calls.len() > 20;
                assert!(is_crowd || count <= MAX_OVERTAKEN, "call {number} is overtaken");
            }
        }
    }

    fn note_sights(&mut self, write: &Write, calls: &[usize], users: &BTreeSet<usize>) {
        let actions = write.entries.len() + write.balances.len();
        if actions + 5 > MAX_ACTIONS {
            self.sights.see("request: full");
        }
        let is_group = |number: &usize| self.calls[*number].is_group();
        if users.len() > 1 && calls.iter().filter(|it| is_group(it)).count() > 1 {
            self.sights.see("request: several groups of several users");
        }
        let zero = Decimal::default();
        if write.balances.iter().any(|it| it.change.floor().is_some_and(|floor| *floor < zero)) {
            self.sights.see("request: a floor below zero");
        }
    }

    fn send(&mut self, attempt: &WriteAttempt) {
        self.trace(|history| {
            let until = attempt.attempt.until.duration_since(history.start);
            let what = history.tell_action(attempt.batch, &attempt.action);
            format!("sends {what} until {until:?}")
        });
        self.calm_attempts += usize::from(self.now >= self.trouble_ends);
        let fate = self.draw_fate();
        let request = self.requests.get_mut(&attempt.batch).expect("it was written before");
        assert!(!request.is_in_flight, "a request is under way twice");
        request.is_in_flight = true;
        request.gate = attempt.attempt.gate.clone();
        for user in 0..MAX_USERS {
            let of_user = || self.requests.values().filter(|it| it.users.contains(&user));
            let certain = of_user().filter(|it| it.is_in_flight && !it.is_unanswered).count();
            assert!(certain <= 1, "the queue conflicts with itself");
            let uncertain = of_user().filter(|it| it.is_in_flight && it.is_unanswered).count();
            assert!(uncertain <= MAX_UNCERTAIN, "too many repetitions at once");
            if uncertain == MAX_UNCERTAIN {
                self.sights.see("lane: as many repetitions as may be");
            }
        }
        let attempt_sent = Attempt {
            batch: attempt.batch,
            action: attempt.action.clone(),
            gate: attempt.attempt.gate.clone(),
            answered: None,
        };
        // Before it leaves, it may be called back.
        let leaves = self.now + milliseconds(self.rng.u64(..3));
        self.plan(leaves, Event::Leave(attempt_sent, attempt.attempt.until, fate));
    }

    fn draw_fate(&mut self) -> Fate {
        if !self.is_troubled() {
            return Fate::Passes;
        }
        match self.rng.u8(..32) {
            0..=5 => Fate::Lost,
            6..=12 => Fate::AnswerLost,
            13..=20 => Fate::Late,
            21..=23 => Fate::NotTaken,
            24 => Fate::Throttled,
            25..=29 => Fate::Contended,
            30 => Fate::Forbidden,
            _ => Fate::LostInside,
        }
    }

    /// An attempt has a connection, and goes there unless it was called back.
    fn leave(&mut self, attempt: Attempt, until: Instant, fate: Fate) {
        let batch = attempt.batch;
        let action = attempt.action.clone();
        let failure = |fault| match &action {
            Action::Write { .. } => Some(Completion::Write(Err(fault))),
            Action::EndEpoch(_) => Some(Completion::EndEpoch(Err(fault))),
        };
        let is_late = self.now >= until;
        if (is_late && attempt.gate.revoke()) || !attempt.gate.pass() {
            self.sights.see("attempt: called back");
            self.plan(self.now, Event::Return(batch, failure(Fault::NotTaken(reason()))));
            return;
        }
        let arrives = self.now + milliseconds(self.rng.u64(1..4));
        let answered = arrives + milliseconds(self.rng.u64(..4));
        let soon = answered.min(until);
        let (returns, completion) = match fate {
            Fate::Passes if answered <= until => {
                self.plan(arrives, Event::Arrive(Attempt { answered: Some(answered), ..attempt }));
                return;
            }
            Fate::Passes | Fate::AnswerLost => {
                self.plan(arrives, Event::Arrive(attempt));
                (until, failure(Fault::Unanswered(reason())))
            }
            Fate::Late => {
                self.late.push(attempt);
                (soon, failure(Fault::Unanswered(reason())))
            }
            Fate::Lost => (soon, failure(Fault::Unanswered(reason()))),
            Fate::NotTaken => (soon, failure(Fault::NotTaken(reason()))),
            Fate::Throttled => (soon, failure(Fault::Throttled(reason()))),
            Fate::Contended => (soon, failure(Fault::Contended(reason()))),
            Fate::Forbidden => {
                self.request(batch).faults.push(ErrorCode::AccessDenied);
                let error = BalanceError::new(ErrorCode::AccessDenied, "");
                (soon, failure(Fault::Final(error)))
            }
            Fate::LostInside => {
                self.request(batch).faults.push(ErrorCode::InternalError);
                self.late.push(attempt);
                (soon, None)
            }
        };
        self.plan(returns.max(self.now), Event::Return(batch, completion));
    }

    fn request(&mut self, batch: u64) -> &mut Request {
        self.requests.get_mut(&batch).unwrap()
    }

    /// A late attempt arrives.
    fn let_one_in(&mut self) {
        let attempt = self.late.swap_remove(self.rng.usize(..self.late.len()));
        self.trace(|history| {
            format!("late: {}", history.tell_action(attempt.batch, &attempt.action))
        });
        self.sights.see("attempt: late");
        self.take_effect(attempt);
    }

    /// An attempt reaches the database.
    fn take_effect(&mut self, attempt: Attempt) {
        let Attempt { batch, answered, action, .. } = attempt;
        let completion = match action {
            Action::Write { write, token } => Completion::Write(self.write(batch, &write, token)),
            Action::EndEpoch(ending) => Completion::EndEpoch(self.end_epoch(batch, &ending)),
        };
        self.trace(|history| format!("{completion:?}, {:?}", history.states.last()));
        if let Some(answered) = answered {
            self.plan(answered, Event::Return(batch, Some(completion)));
        }
    }

    fn write(&mut self, batch: u64, write: &Write, token: Token) -> Result<WriteAnswer, Fault> {
        assert_eq!(token.batch, batch, "a token names its batch");
        // DynamoDB remembers tokens, and DynamoDB forgets them.
        if self.request(batch).committed.contains(&token.request) && self.rng.bool() {
            return Ok(WriteAnswer::Committed);
        }
        let calls = self.request(batch).calls.clone();
        let is_poisoned = calls.iter().any(|number| self.calls[*number].is_poisoned);
        if is_poisoned && (calls.len() > 1 || self.rng.u8(..4) > 0) && !self.is_refused(write) {
            return Err(Fault::Rejected(BalanceError::new(ErrorCode::ServiceError, "poisoned")));
        }
        match self.database.write(write, &self.vocabulary.decimal(DEFAULT_BALANCE)) {
            Err(why) => Err(Fault::Rejected(why)),
            Ok(WriteAnswer::Committed) => {
                self.commit(batch, write, token);
                Ok(WriteAnswer::Committed)
            }
            Ok(WriteAnswer::Refused(refusal)) => {
                if self.is_troubled() {
                    self.blur(write, refusal)
                } else {
                    Ok(WriteAnswer::Refused(refusal))
                }
            }
        }
    }

    /// DynamoDB may complain of the content of a request although it would refuse it.
    fn is_refused(&mut self, write: &Write) -> bool {
        let mut copy = self.database.clone();
        matches!(
            copy.write(write, &self.vocabulary.decimal(DEFAULT_BALANCE)),
            Ok(WriteAnswer::Refused(_))
        )
    }

    /// A request has taken effect: as if its groups had come one by one, each transaction after the
    /// other.
    fn commit(&mut self, batch: u64, write: &Write, token: Token) {
        let mut worths = *self.states.last().unwrap();
        for entry in &write.entries {
            let call = &self.calls[self.by_call_id[&entry.call_id()]];
            let name = entry.key();
            let movement = |it: &&Movement| self.vocabulary.keys[it.key] == *name;
            let movement = call.movements.iter().find(movement).unwrap();
            let worth = worths[movement.user].as_mut().expect("a corrupt balance was changed");
            assert!(movement.sum >= 0 || *worth >= -movement.sum, "a debit was not covered");
            *worth += movement.sum;
            self.sights.see(match &movement.part {
                Part::Transaction | Part::FreeKey | Part::Rest { .. } => "transaction: moves",
                Part::Hold => "hold: opened",
                Part::Closing(close) if close.captured.is_none() => "hold: released",
                Part::Closing(close) if close.captured == Some(close.amount) => "hold: captured",
                Part::Closing(_) => "hold: captured in part",
            });
            match movement.part {
                Part::Closing(_) => self.closed_since.insert(movement.key, self.states.len()),
                Part::FreeKey => None,
                _ => self.since.insert(movement.key, self.states.len()),
            };
        }
        self.note_state();
        if write.balances.iter().any(|balance| balance.change.held().is_some()) {
            self.check_held();
        }
        let last = self.states.last().unwrap();
        for balance in &write.balances {
            let is_user = |it: &usize| self.vocabulary.users[*it] == balance.user_id;
            let user = (0..MAX_USERS).find(is_user).unwrap();
            assert_eq!(last[user], worths[user], "the sum differs from its parts");
        }
        self.request(batch).committed.insert(token.request);
        for number in self.request(batch).calls.clone() {
            self.court().judge_effect(number);
        }
    }

    /// Others are at work on the same items, so that DynamoDB does not say all.
    fn blur(&mut self, write: &Write, mut refusal: Refusal) -> Result<WriteAnswer, Fault> {
        for state in &mut refusal.entries {
            if self.rng.u8(..3) == 0 {
                *state = EntryState::Unclear;
            }
        }
        for balance in &mut refusal.balances {
            if self.rng.u8(..3) == 0 {
                *balance = None;
            }
        }
        if refusal.is_definite(write) {
            self.sights.see("refusal: partly unclear");
            Ok(WriteAnswer::Refused(refusal))
        } else if self.rng.bool() {
            Err(Fault::Contended(reason()))
        } else {
            Err(Fault::NotTaken(reason()))
        }
    }

    fn end_epoch(&mut self, batch: u64, ending: &EpochEnding) -> Result<EpochAnswer, Fault> {
        if self.is_troubled() && self.rng.u8(..4) == 0 {
            return Err(Fault::Contended(reason()));
        }
        let is_over = ending.epoch.is_over(self.database.epoch(&ending.user_id));
        let answer = self.database.end_epoch(ending);
        let absent = ending.undone.as_ref().map(|entry| entry.call_id().to_string());
        self.sights.see(match &answer {
            EpochAnswer::Ended if is_over => "epoch: over already",
            EpochAnswer::Ended if self.requests[&batch].users.len() > 1 => {
                "epoch: ended for a request of several users"
            }
            EpochAnswer::Ended => "epoch: ended",
            EpochAnswer::KeyTaken(existing) if existing.call_id == absent => "epoch: too late",
            EpochAnswer::KeyTaken(_) => "epoch: the key is taken",
        });
        Ok(answer)
    }

    fn bring_back(&mut self, batch: u64, completion: Option<Completion>) {
        let request = self.request(batch);
        request.is_in_flight = false;
        let is_unanswered =
            matches!(completion, Some(Completion::Write(Err(Fault::Unanswered(_)))));
        request.is_unanswered |= is_unanswered;
        let jitter = match self.rng.u8(..16) {
            0 => 0.0,
            1 => 1.0,
            _ => self.rng.f64(),
        };
        let answers = if let Some(completion) = completion {
            self.queue.on_completed(batch, completion, self.now, jitter)
        } else {
            let why = BalanceError::new(ErrorCode::InternalError, "");
            self.queue.on_lost(batch, &why, self.now)
        };
        self.answer(answers);
    }

    fn court(&self) -> Court<'_> {
        Court {
            calls: &self.calls,
            requests: &self.requests,
            database: &self.database,
            states: &self.states,
            since: &self.since,
            closed_since: &self.closed_since,
            vocabulary: self.vocabulary,
            now: self.now,
        }
    }

    fn answer(&mut self, answers: Replies<usize>) {
        for (number, outcome) in answers {
            self.trace(|_| format!("call {number} is told {outcome:?}"));
            let answer = Answer::of(&outcome);
            self.sights.see(answer.as_str());
            if self.calls[number].is_group() {
                self.sights.see(match answer {
                    Answer::Recorded => "group: recorded",
                    Answer::Replayed => "group: replayed",
                    Answer::Failed(ErrorCode::IdempotentKeyReused) => "group: key reused",
                    Answer::Failed(ErrorCode::InsufficientBalance) => "group: not covered",
                    Answer::Failed(_) => "group: failed otherwise",
                });
            }
            self.court().judge(number, &outcome);
            self.waiting.remove(&number);
            self.calls[number].order = self.calls.iter().filter(|it| it.answer.is_some()).count();
            self.calls[number].answer = Some(answer);
            self.do_harm(number);
        }
    }

    /// An attempt of a call that was told that nothing happened arrives now, at balances that cover
    /// it.
    fn do_harm(&mut self, number: usize) {
        if !self.calls[number].must_not_happen() || self.rng.bool() {
            return;
        }
        let is_part = |attempt: &Attempt| self.requests[&attempt.batch].calls.contains(&number);
        if let Some(position) = self.late.iter().position(is_part) {
            self.sights.see("attempt: when it does the most harm");
            for user in 0..MAX_USERS {
                self.set_worth(user, 100);
            }
            let attempt = self.late.swap_remove(position);
            self.take_effect(attempt);
        }
    }
}
