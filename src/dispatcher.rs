//! Carries out what the lanes and the reads decide: sends their requests, brings the outcomes
//! back, wakes them up in time, and hands out their answers. One task per client owns it all.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::select;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use crate::answer::{self, Answer};
use crate::ending::{Ending, Operation};
use crate::error::BalanceError;
use crate::lane::{self, Lane, Member, Outcome, Task};
use crate::money::StoredBalance;
use crate::reading::{self, Reader, Reads};
use crate::store::{Attempt, Fault, Store};
use crate::transaction::UserId;

/// Requests of all lanes together that are under way at once: at DynamoDB's usual 5 ms more than
/// 10,000 a second. More only makes a slow database slower for everybody.
const MOST_REQUESTS: usize = 64;

/// A call as it arrives.
#[derive(Debug)]
pub enum Call {
    Read(Reader<Answer<StoredBalance>>),
    Transact(Member<Answer<()>>),
}

impl Call {
    pub fn number(&self) -> u64 {
        match self {
            Self::Read(reader) => reader.number,
            Self::Transact(member) => member.number,
        }
    }

    /// Answers a call that has not left.
    pub fn cancel(self, call_timeout: Duration) {
        let ending = |operation| Ending { operation, call_timeout };
        match self {
            Self::Read(reader) => {
                reader.ticket.give(Err(ending(Operation::Read).cancelled(false)));
            }
            Self::Transact(member) => {
                member.ticket.give(Err(ending(Operation::Transact).cancelled(false)));
            }
        }
    }
}

/// What the ledger tells its dispatcher.
#[derive(Debug)]
pub enum Command {
    Depart(Vec<Call>),
    Cancel(u64),
}

type Balances = HashMap<UserId, StoredBalance>;

/// A request that has returned.
enum Return<R> {
    Lane { user_id: UserId, batch: u64, back: Option<(R, Outcome)> },
    Reads { trip: u64, outcome: Option<Result<Balances, Fault>> },
}

type Journey<R> = Pin<Box<dyn Future<Output = Return<R>> + Send>>;

/// A lane, and when it wants to be woken up.
struct Slot<R> {
    lane: Lane<Answer<()>, R>,
    alarm: Option<Instant>,
    is_listed: bool,
    /// Whether the alarm may be out of date.
    is_touched: bool,
}

/// Called whenever some calls have been answered.
pub type AfterAnswers = Arc<dyn Fn() + Send + Sync>;

pub struct Dispatcher<S: Store> {
    store: Arc<S>,
    terms: Arc<lane::Terms>,
    commands: UnboundedReceiver<Command>,
    /// Only those with calls in them.
    lanes: HashMap<UserId, Slot<S::Request>>,
    /// Lanes that may have something to send, in the order in which they get to.
    listed: VecDeque<UserId>,
    /// Lanes to which something has happened since the last `send`.
    touched: Vec<UserId>,
    alarms: BTreeSet<(Instant, UserId)>,
    reads: Reads<Answer<StoredBalance>>,
    under_way: FuturesUnordered<Journey<S::Request>>,
    writes_under_way: usize,
    has_answered: bool,
    after_answers: AfterAnswers,
}

impl<S: Store> Dispatcher<S> {
    pub fn new(
        store: Arc<S>,
        lanes: lane::Terms,
        reads: reading::Terms,
        commands: UnboundedReceiver<Command>,
        after_answers: AfterAnswers,
    ) -> Self {
        Self {
            store,
            terms: Arc::new(lanes),
            commands,
            lanes: HashMap::new(),
            listed: VecDeque::new(),
            touched: Vec::new(),
            alarms: BTreeSet::new(),
            reads: Reads::new(reads),
            under_way: FuturesUnordered::new(),
            writes_under_way: 0,
            has_answered: false,
            after_answers,
        }
    }

    /// Works until the ledger is gone and its calls are answered.
    pub async fn run(mut self) {
        let mut has_ledger = true;
        loop {
            let now = Instant::now();
            // First those whose time is up: a request that leaves for them would be cut short.
            if self.next_alarm(now).is_some_and(|alarm| alarm <= now) {
                self.wake(now);
            }
            self.send(now);
            self.report();
            // As of the same instant, or a pause that ends in between would be slept through.
            let alarm = self.next_alarm(now);
            select! {
                biased;
                Some(returned) = self.under_way.next(), if !self.under_way.is_empty() => {
                    self.arrive(returned);
                }
                command = self.commands.recv(), if has_ledger => match command {
                    Some(command) => self.obey(command),
                    None => has_ledger = false,
                },
                () = sleep_until(alarm.unwrap_or(now)), if alarm.is_some() => {}
                else => return,
            }
            self.take_in_the_rest();
        }
    }

    /// What has happened at the same time is taken in before anything is sent, so that those who
    /// can travel together do.
    fn take_in_the_rest(&mut self) {
        while let Some(Some(returned)) = self.under_way.next().now_or_never() {
            self.arrive(returned);
        }
        while let Ok(command) = self.commands.try_recv() {
            self.obey(command);
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Depart(calls) => calls.into_iter().for_each(|call| self.join(call)),
            Command::Cancel(number) => self.cancel(number),
        }
    }

    fn join(&mut self, call: Call) {
        match call {
            Call::Read(reader) => self.reads.join(reader),
            Call::Transact(member) => {
                let user_id = member.record.transaction.user_id.clone();
                let slot = self.lanes.entry(user_id.clone()).or_insert_with(|| Slot {
                    lane: Lane::new(Arc::clone(&self.terms)),
                    alarm: None,
                    is_listed: false,
                    is_touched: false,
                });
                slot.lane.join(member);
                self.list(user_id);
            }
        }
    }

    /// Looks everywhere: callers seldom cancel.
    fn cancel(&mut self, number: u64) {
        if let Some(answer) = self.reads.cancel(number) {
            self.answer([answer]);
            return;
        }
        let found = self.lanes.iter_mut().find_map(|(user_id, slot)| {
            slot.lane.cancel(number).map(|answer| (user_id.clone(), answer))
        });
        if let Some((user_id, answer)) = found {
            self.answer([answer]);
            self.list(user_id);
        }
    }

    fn arrive(&mut self, returned: Return<S::Request>) {
        let (now, jitter) = (Instant::now(), fastrand::f64());
        match returned {
            Return::Reads { trip, outcome } => {
                let answers = match outcome {
                    Some(outcome) => self.reads.arrive(trip, outcome, now, jitter),
                    None => self.reads.lose(trip, &answer::lost()),
                };
                self.answer(answers);
            }
            Return::Lane { user_id, batch, back } => {
                self.writes_under_way -= 1;
                let Some(slot) = self.lanes.get_mut(&user_id) else { return };
                let answers = match back {
                    Some((request, outcome)) => {
                        slot.lane.arrive(batch, request, outcome, now, jitter)
                    }
                    None => slot.lane.lose(batch, &answer::lost()),
                };
                self.answer(answers);
                self.list(user_id);
            }
        }
    }

    /// Some deadlines have passed, or some pauses are over.
    fn wake(&mut self, now: Instant) {
        let answers = self.reads.expire(now);
        self.answer(answers);
        while let Some((at, user_id)) = self.alarms.pop_first() {
            if at > now {
                self.alarms.insert((at, user_id));
                return;
            }
            let Some(slot) = self.lanes.get_mut(&user_id) else { continue };
            slot.alarm = None;
            let answers = slot.lane.expire(now);
            self.answer(answers);
            self.list(user_id);
        }
    }

    /// Sends what can be sent now.
    fn send(&mut self, now: Instant) {
        while let Some(errand) = self.reads.depart(now) {
            self.send_read(errand);
        }
        while self.writes_under_way < MOST_REQUESTS
            && let Some(user_id) = self.listed.pop_front()
        {
            self.send_from(user_id, now);
        }
        // Whoever has no turn yet has a deadline all the same.
        for user_id in std::mem::take(&mut self.touched) {
            self.set_alarm(&user_id, now);
        }
    }

    fn send_from(&mut self, user_id: UserId, now: Instant) {
        let Some(slot) = self.lanes.get_mut(&user_id) else { return };
        slot.is_listed = false;
        let store = &self.store;
        let prepare = |request_id, records: &[_]| store.prepare(request_id, records);
        if let Some(errand) = slot.lane.depart(now, prepare) {
            // There may be more, which goes to the end of the list.
            self.list(user_id.clone());
            self.send_write(user_id, errand);
        } else {
            self.touch(user_id);
        }
    }

    fn send_write(&mut self, user_id: UserId, errand: lane::Errand<S::Request>) {
        let store = Arc::clone(&self.store);
        let attempt = Attempt::until(errand.until);
        let lane::Errand { batch, mut request, task, .. } = errand;
        let journey = AssertUnwindSafe(async move {
            let outcome = match task {
                Task::Write => Outcome::Write(store.write(&mut request, &attempt).await),
                Task::Fence(standing) => {
                    Outcome::Fence(store.fence(&request, &standing, &attempt).await)
                }
            };
            (request, outcome)
        });
        self.writes_under_way += 1;
        self.under_way.push(Box::pin(async move {
            Return::Lane { user_id, batch, back: journey.catch_unwind().await.ok() }
        }));
    }

    fn send_read(&mut self, errand: reading::Errand) {
        let store = Arc::clone(&self.store);
        let attempt = Attempt::until(errand.until);
        let reading::Errand { trip, users, .. } = errand;
        let journey = AssertUnwindSafe(async move { store.read(&users, &attempt).await });
        self.under_way.push(Box::pin(async move {
            Return::Reads { trip, outcome: journey.catch_unwind().await.ok() }
        }));
    }

    /// Something has happened to a lane: it may have something to send.
    fn list(&mut self, user_id: UserId) {
        if let Some(slot) = self.lanes.get_mut(&user_id).filter(|slot| !slot.is_listed) {
            slot.is_listed = true;
            self.listed.push_back(user_id.clone());
        }
        self.touch(user_id);
    }

    fn touch(&mut self, user_id: UserId) {
        if let Some(slot) = self.lanes.get_mut(&user_id).filter(|slot| !slot.is_touched) {
            slot.is_touched = true;
            self.touched.push(user_id);
        }
    }

    /// A lane is woken up in time, or dropped if it is empty.
    fn set_alarm(&mut self, user_id: &UserId, now: Instant) {
        let Some(slot) = self.lanes.get_mut(user_id) else { return };
        slot.is_touched = false;
        let alarm = slot.lane.wakes_at(now);
        if alarm != slot.alarm {
            if let Some(old) = slot.alarm {
                self.alarms.remove(&(old, user_id.clone()));
            }
            slot.alarm = alarm;
            self.alarms.extend(alarm.map(|at| (at, user_id.clone())));
        }
        // One that is listed stays until its turn, so that it is not listed twice.
        if slot.lane.is_empty() && !slot.is_listed {
            self.lanes.remove(user_id);
        }
    }

    fn next_alarm(&self, now: Instant) -> Option<Instant> {
        let lanes = self.alarms.first().map(|(at, _)| *at);
        lanes.into_iter().chain(self.reads.wakes_at(now)).min()
    }

    fn answer<T>(
        &mut self,
        answers: impl IntoIterator<Item = (Answer<T>, Result<T, BalanceError>)>,
    ) {
        for (answer, outcome) in answers {
            answer.give(outcome);
            self.has_answered = true;
        }
    }

    fn report(&mut self) {
        if std::mem::take(&mut self.has_answered) {
            (self.after_answers)();
        }
    }
}

#[cfg(test)]
mod tests;
