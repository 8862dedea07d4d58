//! One random history: a lane, driven as `src/dispatcher.rs` does, between callers, a network that
//! loses and delays, and a database that others use as well.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use tokio::time::Instant;

use super::super::{
    Action, Completion, Config, Lane, MAX_RECORDS, MAX_UNCERTAIN, PendingWrite, Replies,
    WriteAttempt,
};
use super::database::{Balance, Content, Database, Effect, Money, Owner, Part, Vocabulary};
use super::judge::{Call, Request, judge, judge_effect};
use crate::core::abandoned::Abandoned;
use crate::core::epoch::Epoch;
use crate::core::indefinite::{Ending, Operation};
use crate::error::{BalanceError, ErrorCode};
use crate::money::Decimal;
use crate::store::{
    CallId, EpochAnswer, Fault, Reason, Record, RecordState, Refusal, SendGate, WriteAnswer,
};
use crate::transaction::UserId;
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
    request: usize,
    batch: u64,
    action: Action,
    gate: SendGate,
    token: u32,
    /// When its answer arrives; `None` if it does not.
    answered: Option<Instant>,
}

#[derive(Clone, Debug)]
enum Event {
    Join(usize),
    Cancel(usize),
    OtherProcess,
    Leave(Attempt, Instant, Fate),
    Attempt(Attempt),
    Return {
        request: usize,
        batch: u64,
        token: u32,
        completion: Option<Completion>,
    },
    /// There is room again for requests of this lane.
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
    Contended,
    Forbidden,
    LostInside,
}

/// All times are whole milliseconds but for the pauses, so that much happens at the same instant.
pub struct History<'a> {
    rng: Rng,
    start: Instant,
    now: Instant,
    config: Arc<Config>,
    lane: Lane<usize, usize>,
    abandoned: Abandoned,
    /// By how many milliseconds the clock is ahead of the start of the history.
    skew: u64,
    database: Database<'a>,
    calls: Vec<Call>,
    records: Vec<Arc<Record>>,
    requests: RefCell<Vec<Request>>,
    events: BTreeMap<(Instant, usize), Event>,
    next_event: usize,
    /// Attempts that may still arrive, at any time.
    late: Vec<Attempt>,
    alarm: Option<Instant>,
    /// How many attempts of a hundred meet trouble, until `trouble_ends`.
    trouble: u8,
    trouble_ends: Instant,
    /// How many requests have left since then.
    calm_departures: usize,
    /// Who has joined since the lane was last asked what to send.
    has_joined: Vec<usize>,
    trace: Option<Vec<String>>,
    sights: &'a mut Sights,
}

/// The longest patience: with this, all calls have to be answered for another reason.
const PATIENT: Duration = Duration::from_hours(1);

/// The last pause, of a second at most, and then some dozens of requests of a few milliseconds.
const CALM: Duration = Duration::from_secs(5);

fn milliseconds(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// Whose lane it is.
fn user() -> UserId {
    UserId::validate_for_transaction(Value::Text("user".to_owned())).unwrap()
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
        let config = Arc::new(Config {
            ending: Ending { operation: Operation::Transact, call_timeout },
            default_balance: Decimal::parse("10").unwrap(),
            attempt_timeout: milliseconds(rng.u64(8..40)),
        });
        let balance = match rng.u8(..16) {
            0 => Balance::Corrupt,
            1..=4 => Balance::Absent,
            _ => Balance::Number(Money::small(rng.i64(-20..20))),
        };
        let spread = rng.u64(1..40);
        let trouble_ends = start + milliseconds(spread + 60);
        let mut history = Self {
            start,
            now: start,
            lane: Lane::new(Arc::clone(&config), user()),
            config,
            abandoned: Abandoned::default(),
            skew: 1_500_000,
            database: Database::new(vocabulary, Money::small(10), balance),
            calls: Vec::new(),
            records: Vec::new(),
            requests: RefCell::default(),
            events: BTreeMap::new(),
            next_event: 0,
            late: Vec::new(),
            alarm: None,
            trouble,
            trouble_ends,
            calm_departures: 0,
            has_joined: Vec::new(),
            trace: None,
            sights,
            rng,
        };
        history.plan_calls(most_calls, spread);
        history.plan_other_processes();
        history
    }

    fn plan_calls(&mut self, most_calls: usize, spread: u64) {
        let is_crowd = self.rng.u16(..512) == 0;
        let most = if is_crowd { 250 } else { 9 };
        let count = self.rng.usize(if is_crowd { 100 } else { 1 }..=most).min(most_calls);
        let keys = if self.rng.bool() { count.div_ceil(2) } else { count * 2 };
        let has_huge = self.rng.u8(..8) == 0;
        let has_poison = self.trouble > 0 && self.rng.u8(..4) == 0;
        let mut arrivals: Vec<u64> = (0..count).map(|_| self.rng.u64(..spread)).collect();
        if is_crowd {
            // While the first one is under way, so that they fill a request.
            arrivals.iter_mut().skip(1).for_each(|arrival| *arrival /= 10);
        }
        arrivals.sort_unstable();
        for (number, arrival) in arrivals.into_iter().enumerate() {
            let content = Content::random(&mut self.rng, keys.min(Vocabulary::KEYS), has_huge);
            let joins = self.start + milliseconds(arrival);
            self.records.push(Arc::new(self.database.vocabulary.record(&content)));
            self.calls.push(Call {
                content,
                is_poisoned: has_poison && self.rng.u8(..4) == 0,
                deadline: joins + self.config.ending.call_timeout,
                first_state: 0,
                request: None,
                answer: None,
                order: 0,
                is_cancelled: false,
            });
            self.plan(joins, Event::Join(number));
            if self.trouble > 0 && self.rng.u8(..8) == 0 {
                let cancelled = joins + milliseconds(self.rng.u64(1..60));
                self.plan(cancelled, Event::Cancel(number));
            }
        }
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
        assert!(self.lane.is_empty(), "the lane is not empty at the end");
        for (number, call) in self.calls.iter().enumerate() {
            assert!(call.answer.is_some(), "call {number} was not answered");
        }
        // What is still on its way arrives now, where it finds everything allowed.
        if self.rng.bool() || self.database.worth(self.database.balance()).is_none() {
            self.database.set_balance(Balance::Number(Money::small(1000)));
        }
        while !self.late.is_empty() {
            self.let_one_in();
        }
    }

    /// Once the trouble is over, a call is answered at the latest when the batches it is part of
    /// have been halved down to it, each of them in one request; and each uncertain batch takes
    /// one request to be refused, and one for its epoch to end.
    fn assert_progress(&self) {
        let bound = 8 * self.calls.len() + 8 * MAX_UNCERTAIN;
        assert!(self.calm_departures <= bound, "{} requests", self.calm_departures);
        let calm = self.now.saturating_duration_since(self.trouble_ends);
        assert!(calm < CALM, "it took {calm:?} to answer all");
    }

    /// What happens next, if anything does.
    fn step(&mut self) -> bool {
        let next = self.events.first_key_value().map(|((at, _), _)| *at);
        let Some(now) = next.into_iter().chain(self.alarm).min() else { return false };
        self.assert_nothing_was_missed(now);
        let was_empty = self.lane.is_empty();
        self.now = now;
        if self.alarm == Some(now) && (next != Some(now) || self.rng.bool()) {
            self.alarm = None;
            self.trace(|_| "wakes up".to_owned());
            let answers = self.lane.on_timeout(now, &mut self.abandoned);
            self.answer(answers);
        } else {
            self.take_in(now);
        }
        self.depart(was_empty);
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

    /// Between two events that the lane knows of it has nothing to do.
    fn assert_nothing_was_missed(&mut self, next: Instant) {
        let before = next.checked_sub(Duration::from_nanos(1)).unwrap();
        let has_room = !self.events.values().any(|event| matches!(event, Event::Room));
        if before > self.now && has_room {
            let epoch = self.epoch();
            let missed = self.lane.next_attempt(before, epoch, |_, _| 0);
            assert!(missed.is_none(), "a departure was missed");
        }
    }

    fn happen(&mut self, event: Event) {
        self.trace(|_| format!("{event:?}"));
        match event {
            Event::Join(number) => self.join(number),
            Event::Cancel(number) => {
                self.calls[number].is_cancelled = true;
                let number = u64::try_from(number).unwrap();
                let answer = self.lane.cancel(number, self.now, &mut self.abandoned);
                self.answer(answer.into_iter().collect());
            }
            Event::OtherProcess => self.let_others_act(),
            Event::Leave(attempt, until, fate) => self.leave(attempt, until, fate),
            Event::Attempt(attempt) => self.take_effect(attempt),
            Event::Return { request, batch, token, completion } => {
                self.bring_back(request, batch, token, completion);
            }
            Event::Room => {}
        }
    }

    fn join(&mut self, number: usize) {
        self.calls[number].first_state = self.database.state();
        self.has_joined.push(number);
        self.lane.push(PendingWrite {
            number: u64::try_from(number).unwrap(),
            record: Arc::clone(&self.records[number]),
            deadline: self.calls[number].deadline,
            reply: number,
        });
    }

    fn let_others_act(&mut self) {
        let amount = Money::small(self.rng.i64(1..15));
        let balance = self.database.balance();
        let worth = self.database.worth(balance);
        match (self.rng.u8(..8), worth) {
            (0..=1, Some(worth)) => {
                self.database.set_balance(Balance::Number(worth + amount));
            }
            (2..=3, Some(worth)) if amount <= worth => {
                self.database.set_balance(Balance::Number(worth - amount));
            }
            (4, Some(_)) if self.rng.bool() => self.database.set_balance(Balance::Corrupt),
            (_, None) => self.database.set_balance(Balance::Number(amount)),
            (5, _) => drop(self.database.end_epoch(self.epoch(), None)),
            (6, _) => self.jump(),
            _ => self.take_a_key(),
        }
    }

    /// The clock of this process is corrected, forwards or backwards.
    fn jump(&mut self) {
        self.skew = self.rng.u64(0..3_000_000);
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
        let content = self.calls[number].content.clone();
        let key = content.key;
        if self.database.record(key).is_some() {
            return;
        }
        let content = match self.rng.u8(..4) {
            0 => Some(Content { amount: Money::HUGE, ..content }),
            1 => Some(Content { is_other_user: true, ..content }),
            2 => None,
            _ => Some(content),
        };
        let call_id = self.rng.bool().then(CallId::unique);
        self.database.set_balance(self.database.balance());
        self.database.insert(Owner::OtherProcess, key, content, call_id);
    }

    /// As the dispatcher does: sends what is to be sent, and has the lane woken up in time, which
    /// may be at once; drops it if it is empty.
    fn depart(&mut self, was_empty: bool) {
        let joined = std::mem::take(&mut self.has_joined);
        let first = self.requests.borrow().len();
        let has_room = self.rng.u8(..64) > 0 || !self.is_troubled();
        if !has_room {
            self.plan(self.now + milliseconds(1), Event::Room);
        }
        self.send_all(has_room);
        if has_room
            && was_empty
            && let [number] = joined[..]
        {
            self.assert_left_alone(first, number);
        }
        if self.lane.next_timeout(self.now).is_some_and(|alarm| alarm <= self.now) {
            let answers = self.lane.on_timeout(self.now, &mut self.abandoned);
            self.answer(answers);
            self.send_all(has_room);
        }
        self.alarm = self.lane.next_timeout(self.now);
        assert!(self.alarm.is_none_or(|alarm| alarm > self.now), "no time passes");
        if self.lane.is_empty() {
            self.lane = Lane::new(Arc::clone(&self.config), user());
        }
    }

    fn send_all(&mut self, has_room: bool) {
        while has_room && let Some(attempt) = self.next_attempt() {
            self.send(&attempt);
        }
    }

    fn assert_left_alone(&self, first: usize, number: usize) {
        let requests = self.requests.borrow();
        let is_alone = matches!(&requests[first..], [request]
            if matches!(&request.parts[..], [part] if part.call == number));
        let is_answered = self.calls[number].answer.is_some();
        assert!(is_alone || is_answered, "a lone call did not leave at once and alone");
    }

    fn next_attempt(&mut self) -> Option<WriteAttempt<usize>> {
        let epoch = self.epoch();
        let Self { calls, requests, records, .. } = self;
        let prepare = |epoch, written: &[Arc<Record>]| {
            let part = |record: &Arc<Record>| {
                let call = records.iter().position(|it| Arc::ptr_eq(it, record)).unwrap();
                let content = calls[call].content.clone();
                let is_poisoned = calls[call].is_poisoned;
                Part { call, content, record: Arc::clone(record), is_poisoned }
            };
            requests.borrow_mut().push(Request {
                epoch,
                parts: written.iter().map(part).collect(),
                is_in_flight: false,
                gate: SendGate::default(),
                is_unanswered: false,
                faults: Vec::new(),
                token: 0,
                committed_token: None,
            });
            requests.borrow().len() - 1
        };
        let known = requests.borrow().len();
        let attempt = self.lane.next_attempt(self.now, epoch, prepare)?;
        if attempt.request == known {
            self.inspect(attempt.request);
        }
        Some(attempt)
    }

    /// A new request is about to leave.
    fn inspect(&mut self, number: usize) {
        let requests = self.requests.borrow();
        let request = &requests[number];
        let size = request.parts.len();
        assert!((1..=MAX_RECORDS).contains(&size), "a request of {size} records");
        for (position, part) in request.parts.iter().enumerate() {
            let call = &mut self.calls[part.call];
            let is_twin = |it: &Part| it.content.key == part.content.key;
            assert!(!request.parts[..position].iter().any(is_twin), "one key, two records");
            assert_eq!(call.answer, None, "an answered call left again");
            if let Some(last) = call.request.replace(number).map(|last| &requests[last]) {
                let is_over = !last.is_in_flight
                    && (!last.is_unanswered || self.database.is_dead(last.epoch, &last.parts));
                assert!(is_over, "call {} is part of two requests", part.call);
            }
        }
        if size == MAX_RECORDS {
            self.sights.see("request: full");
        }
    }

    fn send(&mut self, attempt: &WriteAttempt<usize>) {
        self.trace(|history| {
            let requests = history.requests.borrow();
            let calls: Vec<_> =
                requests[attempt.request].parts.iter().map(|part| part.call).collect();
            format!("sends {attempt:?} of {calls:?}")
        });
        self.calm_departures += usize::from(self.now >= self.trouble_ends);
        assert!(self.lane.batches.len() <= MAX_UNCERTAIN, "too many batches");
        if self.lane.batches.len() == MAX_UNCERTAIN {
            self.sights.see("lane: as many uncertain batches as may be");
        }
        let fate = self.draw_fate();
        let mut requests = self.requests.borrow_mut();
        let request = &mut requests[attempt.request];
        assert!(!request.is_in_flight, "a request is under way twice");
        request.is_in_flight = true;
        let token = request.token;
        request.gate = attempt.attempt.gate.clone();
        let certain = requests.iter().filter(|it| it.is_in_flight && !it.is_unanswered).count();
        assert!(certain <= 1, "the lane conflicts with itself");
        drop(requests);
        self.travel(attempt, token, fate);
    }

    fn draw_fate(&mut self) -> Fate {
        if !self.is_troubled() {
            return Fate::Passes;
        }
        match self.rng.u8(..32) {
            0..=5 => Fate::Lost,
            6..=12 => Fate::AnswerLost,
            13..=20 => Fate::Late,
            21..=24 => Fate::NotTaken,
            25..=29 => Fate::Contended,
            30 => Fate::Forbidden,
            _ => Fate::LostInside,
        }
    }

    fn travel(&mut self, attempt: &WriteAttempt<usize>, token: u32, fate: Fate) {
        let WriteAttempt { request, batch, .. } = *attempt;
        let action = attempt.action.clone();
        let until = attempt.attempt.until;
        let gate = attempt.attempt.gate.clone();
        let attempt = Attempt { request, batch, action, gate, token, answered: None };
        // Before it leaves, it may be called back.
        let leaves = self.now + milliseconds(self.rng.u64(..3));
        self.plan(leaves, Event::Leave(attempt, until, fate));
    }

    /// An attempt has a connection, and goes there unless it was called back.
    fn leave(&mut self, attempt: Attempt, until: Instant, fate: Fate) {
        let Attempt { request, batch, token, .. } = attempt;
        let action = attempt.action.clone();
        let failure = |fault| match action {
            Action::Write => Some(Completion::Write(Err(fault))),
            Action::EndEpoch { .. } => Some(Completion::EndEpoch(Err(fault))),
        };
        let is_late = self.now >= until;
        if (is_late && attempt.gate.revoke()) || !attempt.gate.pass() {
            self.sights.see("attempt: called back");
            let completion = failure(Fault::NotTaken(reason()));
            self.plan(self.now, Event::Return { request, batch, token, completion });
            return;
        }
        let arrives = self.now + milliseconds(self.rng.u64(1..4));
        let answered = arrives + milliseconds(self.rng.u64(..4));
        let soon = answered.min(until);
        let (returns, completion) = match fate {
            Fate::Passes if answered <= until => {
                let attempt = Attempt { answered: Some(answered), ..attempt };
                self.plan(arrives, Event::Attempt(attempt));
                return;
            }
            Fate::Passes | Fate::AnswerLost => {
                self.plan(arrives, Event::Attempt(attempt));
                (until, failure(Fault::Unanswered(reason())))
            }
            Fate::Late => {
                self.late.push(attempt);
                (soon, failure(Fault::Unanswered(reason())))
            }
            Fate::Lost => (soon, failure(Fault::Unanswered(reason()))),
            Fate::NotTaken => (soon, failure(Fault::NotTaken(reason()))),
            Fate::Contended => (soon, failure(Fault::Contended(reason()))),
            Fate::Forbidden => {
                self.requests.borrow_mut()[request].faults.push(ErrorCode::AccessDenied);
                let error = BalanceError::new(ErrorCode::AccessDenied, "");
                (soon, failure(Fault::Final(error)))
            }
            Fate::LostInside => {
                self.requests.borrow_mut()[request].faults.push(ErrorCode::InternalError);
                self.late.push(attempt);
                (soon, None)
            }
        };
        self.plan(returns.max(self.now), Event::Return { request, batch, token, completion });
    }

    /// A late attempt arrives.
    fn let_one_in(&mut self) {
        let attempt = self.late.swap_remove(self.rng.usize(..self.late.len()));
        self.trace(|_| format!("late: {attempt:?}"));
        self.sights.see("attempt: late");
        self.take_effect(attempt);
    }

    /// An attempt reaches the database.
    fn take_effect(&mut self, attempt: Attempt) {
        let Attempt { request: number, batch, token, answered, .. } = attempt;
        let completion = match attempt.action {
            Action::Write => Completion::Write(self.write(number, token)),
            Action::EndEpoch { epoch, absent } => {
                Completion::EndEpoch(self.end_epoch(number, epoch, absent.is_some()))
            }
        };
        self.trace(|history| format!("{completion:?}, {:?}", history.database.balance()));
        if let Some(answered) = answered {
            let completion = Some(completion);
            let returned = Event::Return { request: number, batch, token, completion };
            self.plan(answered, returned);
        }
    }

    fn write(&mut self, number: usize, token: u32) -> Result<WriteAnswer, Fault> {
        let mut requests = self.requests.borrow_mut();
        let request = &mut requests[number];
        // DynamoDB remembers tokens, and DynamoDB forgets them.
        if request.committed_token == Some(token) && self.rng.bool() {
            return Ok(WriteAnswer::Committed);
        }
        match self.database.write(request.epoch, &request.parts, &mut self.rng) {
            Effect::Rejected(why) => Err(Fault::Rejected(why)),
            Effect::Answered(WriteAnswer::Committed) => {
                request.committed_token = Some(token);
                for part in &request.parts {
                    judge_effect(&self.calls, part.call);
                }
                Ok(WriteAnswer::Committed)
            }
            Effect::Answered(WriteAnswer::Refused(refusal)) => {
                drop(requests);
                if self.is_troubled() {
                    self.blur(refusal)
                } else {
                    Ok(WriteAnswer::Refused(refusal))
                }
            }
        }
    }

    /// Others are at work on the same items, so that DynamoDB does not say all.
    fn blur(&mut self, mut refusal: Refusal) -> Result<WriteAnswer, Fault> {
        for state in &mut refusal.records {
            if self.rng.u8(..3) == 0 {
                *state = RecordState::Unclear;
            }
        }
        refusal.balance = refusal.balance.filter(|_| self.rng.u8(..3) > 0);
        if refusal.is_definite() {
            self.sights.see("refusal: partly unclear");
            Ok(WriteAnswer::Refused(refusal))
        } else if self.rng.bool() {
            Err(Fault::Contended(reason()))
        } else {
            Err(Fault::NotTaken(reason()))
        }
    }

    fn end_epoch(
        &mut self,
        number: usize,
        epoch: Epoch,
        is_first_absent: bool,
    ) -> Result<EpochAnswer, Fault> {
        if self.is_troubled() && self.rng.u8(..4) == 0 {
            return Err(Fault::Contended(reason()));
        }
        let is_over = epoch.is_over(self.database.epoch);
        let requests = self.requests.borrow();
        let first = requests[number].parts.first().filter(|_| is_first_absent);
        let answer = self.database.end_epoch(epoch, first);
        self.sights.see(match &answer {
            EpochAnswer::Ended if is_over => "epoch: over already",
            EpochAnswer::Ended => "epoch: ended",
            EpochAnswer::KeyTaken(existing) if first.is_some_and(|it| it.is_own(existing)) => {
                "epoch: too late"
            }
            EpochAnswer::KeyTaken(_) => "epoch: the key is taken",
        });
        Ok(answer)
    }

    fn bring_back(
        &mut self,
        number: usize,
        batch: u64,
        token: u32,
        completion: Option<Completion>,
    ) {
        let mut requests = self.requests.borrow_mut();
        let request = &mut requests[number];
        request.is_in_flight = false;
        match &completion {
            Some(Completion::Write(Err(Fault::Unanswered(_)))) => {
                request.is_unanswered = true;
            }
            Some(Completion::Write(Ok(WriteAnswer::Refused(_)))) => request.token = token + 1,
            _ => {}
        }
        drop(requests);
        let jitter = match self.rng.u8(..16) {
            0 => 0.0,
            1 => 1.0,
            _ => self.rng.f64(),
        };
        let abandoned = &mut self.abandoned;
        let answers = if let Some(completion) = completion {
            self.lane.on_completed(batch, number, completion, self.now, jitter, abandoned)
        } else {
            let why = BalanceError::new(ErrorCode::InternalError, "");
            self.lane.on_lost(batch, &why, self.now, abandoned)
        };
        self.answer(answers);
    }

    fn answer(&mut self, answers: Replies<usize>) {
        for (number, outcome) in answers {
            self.trace(|_| format!("call {number} is told {outcome:?}"));
            self.sights.see(outcome.as_ref().map_or_else(|error| error.code.as_str(), |()| "OK"));
            let requests = self.requests.borrow();
            judge(&mut self.calls, number, outcome, &requests, &self.database, self.now);
            drop(requests);
            self.do_harm(number);
        }
    }

    /// An attempt of a call that was told that nothing happened arrives now, at a balance that
    /// covers it.
    fn do_harm(&mut self, number: usize) {
        if !self.calls[number].must_not_happen() || self.rng.bool() {
            return;
        }
        let requests = self.requests.borrow();
        let is_part = |attempt: &Attempt| {
            requests[attempt.request].parts.iter().any(|part| part.call == number)
        };
        let position = self.late.iter().position(is_part);
        drop(requests);
        if let Some(position) = position {
            self.sights.see("attempt: when it does the most harm");
            self.database.set_balance(Balance::Number(Money::small(100)));
            let attempt = self.late.swap_remove(position);
            self.take_effect(attempt);
        }
    }
}
