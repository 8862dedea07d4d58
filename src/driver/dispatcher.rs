//! Carries out what the lanes and the reads decide: sends their requests, brings the outcomes
//! back, wakes them up in time, and hands out their answers. One task per client owns it all.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::select;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use crate::core::abandoned::Abandoned;
use crate::core::epoch::Epoch;
use crate::core::in_flight::{End, InFlight, Ticket};
use crate::core::indefinite::{Ending, Operation};
use crate::core::lane::{self, Action, Completion, Lane, PendingWrite, WriteAttempt};
use crate::core::reads::{self, PendingRead, ReadAttempt, ReadQueue};
use crate::driver::reply::{self, Reply};
use crate::error::BalanceError;
use crate::money::StoredBalance;
use crate::store::{Fault, Store};
use crate::transaction::{Transaction, UserId};

/// Requests of all lanes together that are in flight at once: at DynamoDB's usual 5 ms more than
/// 10,000 a second. More only makes a slow database slower for everybody.
const MAX_REQUESTS: usize = 64;

/// How much is taken in before anything is sent, any deadline looked at, or any other client of the
/// process has its turn.
const MAX_STEPS_OF_TURN: usize = 1_000;

/// A call as it arrives.
#[derive(Debug)]
pub enum Call {
    Read(PendingRead<Reply<StoredBalance>>),
    Transact(PendingWrite<Reply<()>>),
}

impl Call {
    pub fn number(&self) -> u64 {
        match self {
            Self::Read(read) => read.number,
            Self::Transact(write) => write.number,
        }
    }
}

/// What the ledger tells its dispatcher.
#[derive(Debug)]
pub enum Command {
    /// Calls that were made in one go.
    Take(Vec<Call>),
    CancelRead(u64),
    CancelWrite(u64, UserId),
    /// A call whose caller has left before it could be taken.
    Refuse(Call),
}

type Balances = HashMap<UserId, StoredBalance>;

/// A request that has come back; `None` where it got lost inside this package.
enum Returned<R> {
    Write { user_id: UserId, batch: u64, ticket: Ticket, completion: Option<(R, Completion)> },
    Read { batch: u64, outcome: Option<Result<Balances, Fault>> },
}

type InFlightRequest<R> = Pin<Box<dyn Future<Output = Returned<R>> + Send>>;

/// A lane, and when it wants to be woken up.
struct Slot<R> {
    lane: Lane<Reply<()>, R>,
    timeout: Option<Instant>,
    is_in_run_queue: bool,
    /// Whether the timeout may be out of date.
    is_dirty: bool,
}

/// Called whenever some calls have been answered.
pub type AfterAnswers = Arc<dyn Fn() + Send + Sync>;

/// Even a dispatcher that is dropped by a panic leaves no caller waiting: its calls are answered as
/// they are dropped, and this has the answers fetched.
struct NotifyOnDrop(AfterAnswers);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        (self.0)();
    }
}

pub struct Dispatcher<S: Store> {
    store: Arc<S>,
    config: Arc<lane::Config>,
    commands: UnboundedReceiver<Command>,
    /// Calls that no lane has taken in yet.
    incoming: VecDeque<Call>,
    /// Only those with calls in them.
    lanes: HashMap<UserId, Slot<S::Request>>,
    /// Lanes that may have something to send, in the order in which they get to.
    run_queue: VecDeque<UserId>,
    /// Lanes to which something has happened since the last `send`.
    dirty: Vec<UserId>,
    timeouts: BTreeSet<(Instant, UserId)>,
    reads: ReadQueue<Reply<StoredBalance>>,
    abandoned: Abandoned,
    writes: InFlight,
    in_flight: FuturesUnordered<InFlightRequest<S::Request>>,
    has_answered: bool,
    after_answers: AfterAnswers,
    /// The last field, so that it is dropped after all that answers.
    #[cfg_attr(not(test), expect(dead_code, reason = "it works when it is dropped"))]
    notify: NotifyOnDrop,
}

impl<S: Store> Dispatcher<S> {
    pub fn new(
        store: Arc<S>,
        lanes: lane::Config,
        reads: reads::Config,
        commands: UnboundedReceiver<Command>,
        after_answers: AfterAnswers,
    ) -> Self {
        Self {
            store,
            config: Arc::new(lanes),
            commands,
            incoming: VecDeque::new(),
            lanes: HashMap::new(),
            run_queue: VecDeque::new(),
            dirty: Vec::new(),
            timeouts: BTreeSet::new(),
            reads: ReadQueue::new(reads),
            abandoned: Abandoned::default(),
            writes: InFlight::new(MAX_REQUESTS),
            in_flight: FuturesUnordered::new(),
            has_answered: false,
            notify: NotifyOnDrop(Arc::clone(&after_answers)),
            after_answers,
        }
    }

    /// Works until the ledger is gone and its calls are answered.
    pub async fn run(mut self) {
        let mut has_ledger = true;
        loop {
            let now = Instant::now();
            // First those whose time is up: a request that leaves for them would be cut short.
            if self.next_timeout(now).is_some_and(|at| at <= now) {
                self.on_timeout(now);
            }
            self.send(now);
            self.report();
            // As of the same instant, or a pause that ends in between would be slept through.
            let timeout = self.next_timeout(now);
            let is_busy = !self.incoming.is_empty();
            select! {
                biased;
                Some(returned) = self.in_flight.next(), if !self.in_flight.is_empty() => {
                    self.on_returned(returned);
                }
                command = self.commands.recv(), if has_ledger => match command {
                    Some(command) => self.obey(command),
                    None => has_ledger = false,
                },
                () = yield_now(), if is_busy => {}
                () = sleep_until(timeout.unwrap_or(now)), if timeout.is_some() => {}
                else => return,
            }
            self.take_in_the_rest();
        }
    }

    /// What has happened at the same time is taken in before anything is sent, so that those who
    /// can travel together do.
    fn take_in_the_rest(&mut self) {
        let mut steps = 0;
        while steps < MAX_STEPS_OF_TURN
            && let Some(Some(returned)) = self.in_flight.next().now_or_never()
        {
            self.on_returned(returned);
            steps += 1;
        }
        while steps < MAX_STEPS_OF_TURN
            && let Ok(command) = self.commands.try_recv()
        {
            self.obey(command);
            steps += 1;
        }
        while steps < MAX_STEPS_OF_TURN
            && let Some(call) = self.incoming.pop_front()
        {
            self.push(call);
            steps += 1;
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Take(calls) => self.incoming.extend(calls),
            Command::Refuse(call) => self.refuse(call),
            Command::CancelRead(number) => {
                if !self.cancel_incoming(number) {
                    let reply = self.reads.cancel(number);
                    self.answer(reply);
                }
            }
            Command::CancelWrite(number, user_id) => {
                if !self.cancel_incoming(number) {
                    self.cancel_write(number, user_id);
                }
            }
        }
    }

    /// Cancels a call that no lane has taken in yet. They stand in the order of their numbers.
    fn cancel_incoming(&mut self, number: u64) -> bool {
        let found = self.incoming.binary_search_by_key(&number, Call::number);
        let Some(call) = found.ok().and_then(|position| self.incoming.remove(position)) else {
            return false;
        };
        self.refuse(call);
        true
    }

    /// Answers a call that no lane has taken in, and whose caller does not want to wait any longer.
    fn refuse(&mut self, call: Call) {
        let ending = self.config.ending;
        match call {
            Call::Read(read) => {
                let ending = Ending { operation: Operation::Read, ..ending };
                self.answer([(read.reply, Err(ending.cancelled(false)))]);
            }
            Call::Transact(write) => {
                let Transaction { idempotent_key, user_id, .. } = &write.record.transaction;
                let (abandoned, now) = (&self.abandoned, Instant::now());
                let is_unknown = abandoned.contains(idempotent_key, user_id, now)
                    || abandoned.last_epoch(idempotent_key, user_id, now).is_some();
                self.answer([(write.reply, Err(ending.cancelled(is_unknown)))]);
            }
        }
    }

    fn cancel_write(&mut self, number: u64, user_id: UserId) {
        let now = Instant::now();
        if let Some(slot) = self.lanes.get_mut(&user_id) {
            let reply = slot.lane.cancel(number, now, &mut self.abandoned);
            self.answer(reply);
            self.enqueue(user_id);
        }
    }

    fn push(&mut self, call: Call) {
        match call {
            Call::Read(read) => self.reads.push(read),
            Call::Transact(write) => {
                let user_id = write.record.transaction.user_id.clone();
                let slot = self.lanes.entry(user_id.clone()).or_insert_with_key(|user_id| Slot {
                    lane: Lane::new(Arc::clone(&self.config), user_id.clone()),
                    timeout: None,
                    is_in_run_queue: false,
                    is_dirty: false,
                });
                slot.lane.push(write);
                self.enqueue(user_id);
            }
        }
    }

    fn on_returned(&mut self, returned: Returned<S::Request>) {
        let (now, jitter) = (Instant::now(), fastrand::f64());
        match returned {
            Returned::Read { batch, outcome } => {
                let replies = match outcome {
                    Some(outcome) => self.reads.on_completed(batch, outcome, now, jitter),
                    None => self.reads.on_lost(batch, &reply::lost(), now),
                };
                self.answer(replies);
            }
            Returned::Write { user_id, batch, ticket, completion } => {
                let end = end_of(completion.as_ref().map(|(_, completion)| completion));
                self.writes.end(ticket, end, now, jitter);
                let Some(slot) = self.lanes.get_mut(&user_id) else { return };
                let abandoned = &mut self.abandoned;
                let replies = match completion {
                    Some((request, completion)) => {
                        slot.lane.on_completed(batch, request, completion, now, jitter, abandoned)
                    }
                    None => slot.lane.on_lost(batch, &reply::lost(), now, abandoned),
                };
                self.answer(replies);
                self.enqueue(user_id);
            }
        }
    }

    /// Some deadlines have passed, or some pauses are over.
    fn on_timeout(&mut self, now: Instant) {
        let replies = self.reads.on_timeout(now);
        self.answer(replies);
        for _ in 0..MAX_STEPS_OF_TURN {
            let Some((at, user_id)) = self.timeouts.pop_first() else { return };
            if at > now {
                self.timeouts.insert((at, user_id));
                return;
            }
            let Some(slot) = self.lanes.get_mut(&user_id) else { continue };
            slot.timeout = None;
            let replies = slot.lane.on_timeout(now, &mut self.abandoned);
            self.answer(replies);
            self.enqueue(user_id);
        }
    }

    /// Sends what can be sent now.
    fn send(&mut self, now: Instant) {
        while let Some(attempt) = self.reads.next_attempt(now) {
            self.send_read(attempt);
        }
        if !self.run_queue.is_empty() {
            let epoch = Epoch::at(self.store.now());
            let mut room = self.writes.room(now);
            while room > 0
                && let Some(user_id) = self.run_queue.pop_front()
            {
                if self.send_from(user_id, epoch, now) {
                    room -= 1;
                }
            }
        }
        // Whoever has no turn yet has a deadline all the same.
        for user_id in std::mem::take(&mut self.dirty) {
            self.set_timeout(&user_id, now);
        }
    }

    /// Sends one request of a lane, if it has one to send.
    fn send_from(&mut self, user_id: UserId, epoch: Epoch, now: Instant) -> bool {
        let Some(slot) = self.lanes.get_mut(&user_id) else { return false };
        slot.is_in_run_queue = false;
        let store = &self.store;
        let prepare = |epoch, records: &[_]| store.prepare(epoch, records);
        let Some(attempt) = slot.lane.next_attempt(now, epoch, prepare) else {
            self.mark_dirty(user_id);
            return false;
        };
        // There may be more, which goes to the end of the queue.
        self.enqueue(user_id.clone());
        self.send_write(user_id, attempt, now);
        true
    }

    fn send_write(&mut self, user_id: UserId, attempt: WriteAttempt<S::Request>, now: Instant) {
        let store = Arc::clone(&self.store);
        let ticket = self.writes.begin(now);
        let WriteAttempt { batch, mut request, action, attempt } = attempt;
        let user = user_id.clone();
        let work = AssertUnwindSafe(async move {
            let completion = match action {
                Action::Write => Completion::Write(store.write(&mut request, &attempt).await),
                Action::EndEpoch { epoch, absent } => Completion::EndEpoch(
                    store.end_epoch(&user, epoch, absent.as_deref(), &attempt).await,
                ),
            };
            (request, completion)
        });
        self.in_flight.push(Box::pin(async move {
            let completion = work.catch_unwind().await.ok();
            Returned::Write { user_id, batch, ticket, completion }
        }));
    }

    fn send_read(&mut self, attempt: ReadAttempt) {
        let store = Arc::clone(&self.store);
        let ReadAttempt { batch, users, attempt } = attempt;
        let work = AssertUnwindSafe(async move { store.read(&users, &attempt).await });
        self.in_flight.push(Box::pin(async move {
            Returned::Read { batch, outcome: work.catch_unwind().await.ok() }
        }));
    }

    /// Something has happened to a lane: it may have something to send.
    fn enqueue(&mut self, user_id: UserId) {
        if let Some(slot) = self.lanes.get_mut(&user_id).filter(|slot| !slot.is_in_run_queue) {
            slot.is_in_run_queue = true;
            self.run_queue.push_back(user_id.clone());
        }
        self.mark_dirty(user_id);
    }

    fn mark_dirty(&mut self, user_id: UserId) {
        if let Some(slot) = self.lanes.get_mut(&user_id).filter(|slot| !slot.is_dirty) {
            slot.is_dirty = true;
            self.dirty.push(user_id);
        }
    }

    /// A lane is woken up in time, or dropped if it is empty.
    fn set_timeout(&mut self, user_id: &UserId, now: Instant) {
        let Some(slot) = self.lanes.get_mut(user_id) else { return };
        slot.is_dirty = false;
        let timeout = slot.lane.next_timeout(now);
        if timeout != slot.timeout {
            if let Some(old) = slot.timeout {
                self.timeouts.remove(&(old, user_id.clone()));
            }
            slot.timeout = timeout;
            self.timeouts.extend(timeout.map(|at| (at, user_id.clone())));
        }
        // One in the run queue stays until its turn, so that it is not queued twice.
        if slot.lane.is_empty() && !slot.is_in_run_queue {
            self.lanes.remove(user_id);
        }
    }

    fn next_timeout(&mut self, now: Instant) -> Option<Instant> {
        let lanes = self.timeouts.first().map(|(at, _)| *at);
        let room = if self.run_queue.is_empty() || self.writes.room(now) > 0 {
            None
        } else {
            self.writes.next_room(now)
        };
        lanes.into_iter().chain(room).chain(self.reads.next_timeout(now)).min()
    }

    fn answer<T>(
        &mut self,
        replies: impl IntoIterator<Item = (Reply<T>, Result<T, BalanceError>)>,
    ) {
        for (answer, outcome) in replies {
            answer.send(outcome);
            self.has_answered = true;
        }
    }

    fn report(&mut self) {
        if std::mem::take(&mut self.has_answered) {
            (self.after_answers)();
        }
    }
}

/// What the end of a write says about how busy the database is.
fn end_of(completion: Option<&Completion>) -> End {
    match completion {
        Some(Completion::Write(Ok(_)) | Completion::EndEpoch(Ok(_))) => End::Answered,
        Some(
            Completion::Write(Err(Fault::Throttled(_)))
            | Completion::EndEpoch(Err(Fault::Throttled(_))),
        ) => End::Throttled,
        _ => End::Other,
    }
}

#[cfg(test)]
mod tests;
