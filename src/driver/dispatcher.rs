//! Carries out what the core decides: sends its requests, brings the outcomes back, wakes it up in
//! time, and hands out its answers. One task per client owns it all.

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::select;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use crate::core::epoch::Epoch;
use crate::core::outcome::Written;
use crate::core::reads::{self, PendingRead, ReadAttempt, ReadQueue};
use crate::core::writes::{self, Action, Completion, PendingWrite, WriteAttempt, WriteQueue};
use crate::driver::closing::{Next, PendingClosing};
use crate::driver::course::Course;
use crate::driver::observation::{Observer, Tables};
use crate::driver::reply::{self, Reply};
use crate::driver::statistics::Statistics;
use crate::error::BalanceError;
use crate::store::{Attempt, Fault, Item, ItemKey, SendGate, Store, WriteAnswer};

/// How much is taken in before anything is sent, any deadline looked at, or any other client of the
/// process has its turn.
const MAX_STEPS_OF_TURN: usize = 1_000;

/// A call as it arrives. In a box, which it stays in until it is answered: it is handed on a few times.
#[derive(Debug)]
pub enum Call {
    Read(Box<PendingRead<Reader>>),
    Write(Box<PendingWrite<Reply<Written>>>),
}

/// Whom an item is read for.
#[derive(Debug)]
pub enum Reader {
    Caller(Reply<Item>),
    /// A call that goes on to write.
    Closing(Box<PendingClosing>),
}

impl Call {
    pub fn number(&self) -> u64 {
        match self {
            Self::Read(read) => read.number,
            Self::Write(write) => write.number,
        }
    }

    pub(super) fn course(&mut self) -> &mut Course {
        match self {
            Self::Read(read) => read.reply.course(),
            Self::Write(write) => &mut write.reply.course,
        }
    }
}

impl Reader {
    fn course(&mut self) -> &mut Course {
        match self {
            Self::Caller(reply) => &mut reply.course,
            Self::Closing(closing) => &mut closing.reply.course,
        }
    }
}

/// What the ledger tells its dispatcher.
#[derive(Debug)]
pub enum Command {
    /// Calls that were made in one go.
    Take(Vec<Call>),
    /// The caller of this number does not want to wait any longer.
    Cancel(u64),
    /// A call whose caller has left before it could be taken.
    Refuse(Call),
}

/// A request that has come back.
struct Returned {
    batch: u64,
    gate: SendGate,
    /// How many calls it was for.
    calls: usize,
    tables: Tables,
    outcome: Outcome,
}

/// `None` where it got lost inside this package.
enum Outcome {
    Write(Option<Completion>),
    Read(Option<Result<HashMap<ItemKey, Item>, Fault>>),
}

/// Which of the two queues a batch is from.
#[derive(Clone, Copy)]
enum Kind {
    Write,
    Read,
}

impl Outcome {
    fn kind(&self) -> Kind {
        match self {
            Self::Write(_) => Kind::Write,
            Self::Read(_) => Kind::Read,
        }
    }

    fn is_success(&self) -> bool {
        match self {
            Self::Write(completion) => {
                matches!(completion, Some(Completion::Write(Ok(WriteAnswer::Committed))))
            }
            Self::Read(outcome) => matches!(outcome, Some(Ok(_))),
        }
    }
}

type InFlightRequest = Pin<Box<dyn Future<Output = Returned> + Send>>;

/// Called whenever some calls have been answered.
pub type AfterReplies = Arc<dyn Fn() + Send + Sync>;

/// Even a dispatcher that is dropped by a panic leaves no caller waiting: its calls are answered as
/// they are dropped, and this has the answers fetched.
struct NotifyOnDrop(AfterReplies);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        (self.0)();
    }
}

pub struct Dispatcher<S> {
    store: Arc<S>,
    commands: UnboundedReceiver<Command>,
    /// Calls that the core has not taken in yet.
    incoming: VecDeque<Call>,
    writes: WriteQueue<Reply<Written>>,
    reads: ReadQueue<Reader>,
    in_flight: FuturesUnordered<InFlightRequest>,
    has_replied: bool,
    after_replies: AfterReplies,
    statistics: Arc<Statistics>,
    observer: Arc<Observer>,
    /// Whether any call has told whose it is.
    has_traces: bool,
    /// The last field, so that it is dropped after all that answers.
    #[cfg_attr(not(test), expect(dead_code, reason = "it works when it is dropped"))]
    notify: NotifyOnDrop,
}

impl<S: Store> Dispatcher<S> {
    pub fn new(
        store: Arc<S>,
        writes: writes::Config,
        reads: reads::Config,
        commands: UnboundedReceiver<Command>,
        after_replies: AfterReplies,
    ) -> Self {
        Self {
            store,
            commands,
            incoming: VecDeque::new(),
            writes: WriteQueue::new(writes),
            reads: ReadQueue::new(reads),
            in_flight: FuturesUnordered::new(),
            has_replied: false,
            notify: NotifyOnDrop(Arc::clone(&after_replies)),
            after_replies,
            statistics: Arc::default(),
            observer: Arc::default(),
            has_traces: false,
        }
    }

    /// What it counts while it works.
    pub fn statistics(&self) -> Arc<Statistics> {
        Arc::clone(&self.statistics)
    }

    /// What is told of the calls that the observer asks about.
    pub fn observed_by(self, observer: Arc<Observer>) -> Self {
        Self { observer, ..self }
    }

    /// Works until the ledger is gone and its calls are answered.
    pub async fn run(mut self) {
        let mut has_ledger = true;
        let mut may_have_more = false;
        loop {
            let timeout = self.turn(Instant::now());
            if may_have_more {
                // The process may have other clients.
                yield_now().await;
            } else {
                select! {
                    biased;
                    Some(returned) = self.in_flight.next(), if !self.in_flight.is_empty() => {
                        self.on_returned(returned);
                    }
                    command = self.commands.recv(), if has_ledger => match command {
                        Some(command) => self.obey(command),
                        None => has_ledger = false,
                    },
                    () = sleep_until(timeout.unwrap_or_else(Instant::now)), if timeout.is_some() => {}
                    else => return,
                }
            }
            may_have_more = self.take_in_the_rest();
        }
    }

    /// Does what there is to do at an instant; returns when to look again although nothing happens.
    fn turn(&mut self, now: Instant) -> Option<Instant> {
        // First those whose time is up: a request that leaves for them would be cut short.
        if self.next_timeout(now).is_some_and(|at| at <= now) {
            let replies = self.reads.on_timeout(now);
            self.reply_to_readers(replies);
            let replies = self.writes.on_timeout(now);
            self.reply(replies);
        }
        while let Some(attempt) = self.reads.next_attempt(now) {
            self.send_read(attempt);
        }
        if self.writes.has_turns() {
            let epoch = Epoch::at(self.store.now());
            while let Some(attempt) = self.writes.next_attempt(now, epoch) {
                self.send_write(attempt);
            }
        }
        if std::mem::take(&mut self.has_replied) {
            (self.after_replies)();
        }
        // As of the same instant, or a pause that ends in between would be slept through.
        self.next_timeout(now)
    }

    fn next_timeout(&mut self, now: Instant) -> Option<Instant> {
        self.writes.next_timeout(now).into_iter().chain(self.reads.next_timeout(now)).min()
    }

    /// What has happened at the same time is taken in before anything is sent, so that those who
    /// can travel together do. `true`: there may be more than fits a turn.
    fn take_in_the_rest(&mut self) -> bool {
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
            match call {
                Call::Read(read) => self.reads.push(read),
                Call::Write(write) => self.writes.push(write),
            }
            steps += 1;
        }
        if self.incoming.is_empty() {
            // The room that a crowd has taken.
            self.incoming.shrink_to(MAX_STEPS_OF_TURN);
        }
        steps >= MAX_STEPS_OF_TURN
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Take(calls) => self.take(calls),
            Command::Refuse(call) => self.refuse(call),
            Command::Cancel(number) => self.cancel(number),
        }
    }

    fn take(&mut self, mut calls: Vec<Call>) {
        self.has_traces |= calls.iter_mut().any(|call| call.course().trace.is_some());
        self.incoming.extend(calls);
    }

    fn cancel(&mut self, number: u64) {
        if let Some(call) = self.take_incoming(number) {
            self.refuse(call);
        } else {
            let reply = self.reads.cancel(number);
            self.reply_to_readers(reply);
            let reply = self.writes.cancel(number, Instant::now());
            self.reply(reply);
        }
    }

    /// A call that the core has not taken in yet. They stand in the order of their numbers.
    fn take_incoming(&mut self, number: u64) -> Option<Call> {
        let found = self.incoming.binary_search_by_key(&number, Call::number);
        found.ok().and_then(|position| self.incoming.remove(position))
    }

    /// Answers a call that the core has not taken in, and whose caller does not want to wait any
    /// longer.
    fn refuse(&mut self, call: Call) {
        match call {
            Call::Read(read) => {
                let reply = self.reads.refuse(*read);
                self.reply_to_readers([reply]);
            }
            Call::Write(write) => {
                let reply = self.writes.refuse(*write, Instant::now());
                self.reply([reply]);
            }
        }
    }

    fn on_returned(&mut self, returned: Returned) {
        self.note(&returned);
        let (now, jitter) = (Instant::now(), fastrand::f64());
        let Returned { batch, calls, outcome, .. } = returned;
        self.statistics.end(calls);
        match outcome {
            Outcome::Read(outcome) => {
                if let Some(Err(fault)) = &outcome {
                    self.statistics.count_fault(fault);
                }
                let replies = match outcome {
                    Some(outcome) => self.reads.on_completed(batch, outcome, now, jitter),
                    None => self.reads.on_lost(batch, &reply::lost(), now),
                };
                self.reply_to_readers(replies);
            }
            Outcome::Write(completion) => {
                if let Some(completion) = &completion {
                    self.statistics.count_write(completion, calls);
                }
                let replies = match completion {
                    Some(completion) => self.writes.on_completed(batch, completion, now, jitter),
                    None => self.writes.on_lost(batch, &reply::lost(), now),
                };
                self.reply(replies);
            }
        }
    }

    /// Notes down for its calls how a request has ended. What went well nobody asks about, unless it is
    /// observed.
    fn note(&mut self, returned: &Returned) {
        let is_observed = self.observer.is_on();
        if returned.outcome.is_success() && !is_observed {
            return;
        }
        let exchanges = returned.gate.journal().take();
        let mut numbers = Vec::new();
        self.visit_callers(returned.outcome.kind(), returned.batch, |number, course| {
            course.add(&exchanges);
            numbers.push(number);
        });
        if is_observed {
            self.observer.note(&numbers, returned.calls, returned.tables, exchanges);
            // Its calls may go on waiting, but it is over.
            self.has_replied = true;
        }
    }

    fn send_write(&mut self, attempt: WriteAttempt) {
        let store = Arc::clone(&self.store);
        let WriteAttempt { batch, calls, action, attempt } = attempt;
        self.prepare(batch, calls, &attempt, Kind::Write);
        let gate = attempt.gate.clone();
        let work = AssertUnwindSafe(async move {
            match action {
                Action::Write { write, token } => {
                    Completion::Write(store.write(&write, token, &attempt).await)
                }
                Action::EndEpoch(ending) => {
                    Completion::EndEpoch(store.end_epoch(&ending, &attempt).await)
                }
            }
        });
        let tables = Tables { balances: true, transactions: true };
        self.in_flight.push(Box::pin(async move {
            let outcome = Outcome::Write(work.catch_unwind().await.ok());
            Returned { batch, gate, calls, tables, outcome }
        }));
    }

    fn send_read(&mut self, attempt: ReadAttempt) {
        let store = Arc::clone(&self.store);
        let ReadAttempt { batch, calls, keys, attempt } = attempt;
        self.prepare(batch, calls, &attempt, Kind::Read);
        let gate = attempt.gate.clone();
        let tables = Tables::of(&keys);
        let work = AssertUnwindSafe(async move { store.read(&keys, &attempt).await });
        self.in_flight.push(Box::pin(async move {
            let outcome = Outcome::Read(work.catch_unwind().await.ok());
            Returned { batch, gate, calls, tables, outcome }
        }));
    }

    /// An attempt is about to begin.
    fn prepare(&mut self, batch: u64, calls: usize, attempt: &Attempt, kind: Kind) {
        self.statistics.begin(calls);
        let journal = attempt.gate.journal();
        if self.observer.is_on() {
            journal.observe();
        }
        if self.has_traces {
            let mut first: Option<(u64, Option<Arc<str>>)> = None;
            self.visit_callers(kind, batch, |number, course| {
                if first.as_ref().is_none_or(|(earliest, _)| number < *earliest) {
                    first = Some((number, course.trace.clone()));
                }
            });
            journal.set_trace(first.and_then(|(_, trace)| trace));
        }
    }

    fn visit_callers(&mut self, kind: Kind, batch: u64, mut visit: impl FnMut(u64, &mut Course)) {
        match kind {
            Kind::Write => {
                self.writes.visit_callers(batch, |number, reply| visit(number, &mut reply.course));
            }
            Kind::Read => {
                self.reads.visit_callers(batch, |number, reader| visit(number, reader.course()));
            }
        }
    }

    /// Answers those who only wanted to read. Those who go on to write do.
    fn reply_to_readers(
        &mut self,
        replies: impl IntoIterator<Item = (Reader, Result<Item, BalanceError>)>,
    ) {
        for (reader, outcome) in replies {
            match reader {
                Reader::Caller(reply) => self.reply([(reply, outcome)]),
                Reader::Closing(closing) => self.go_on(*closing, outcome),
            }
        }
    }

    /// The record of the hold that a call closes has been read, or has not.
    fn go_on(&mut self, closing: PendingClosing, outcome: Result<Item, BalanceError>) {
        let now = Instant::now();
        let request = &closing.request;
        let is_settled = [&request.idempotent_key, &request.hold]
            .into_iter()
            .all(|key| self.writes.is_settled(key, now));
        let outcome = outcome.map_err(|error| self.writes.ended_before(error, is_settled));
        match closing.next_step(outcome, self.store.now(), is_settled) {
            Next::Write(write) => self.writes.push(Box::new(write)),
            Next::Reply(reply, outcome) => self.reply([(reply, outcome)]),
        }
    }

    fn reply<T>(&mut self, replies: impl IntoIterator<Item = (Reply<T>, Result<T, BalanceError>)>) {
        for (reply, outcome) in replies {
            reply.send(outcome);
            self.has_replied = true;
        }
    }
}

#[cfg(test)]
mod tests;
