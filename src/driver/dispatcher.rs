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
use crate::driver::reply::{self, Reply};
use crate::error::BalanceError;
use crate::store::{Fault, Item, ItemKey, Store};

/// How much is taken in before anything is sent, any deadline looked at, or any other client of the
/// process has its turn.
const MAX_STEPS_OF_TURN: usize = 1_000;

/// A call as it arrives.
#[derive(Debug)]
pub enum Call {
    Read(PendingRead<Reader>),
    Write(PendingWrite<Reply<Written>>),
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

/// A request that has come back; `None` where it got lost inside this package.
enum Returned {
    Write { batch: u64, completion: Option<Completion> },
    Read { batch: u64, outcome: Option<Result<HashMap<ItemKey, Item>, Fault>> },
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
        }
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
        steps >= MAX_STEPS_OF_TURN
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Take(calls) => self.incoming.extend(calls),
            Command::Refuse(call) => self.refuse(call),
            Command::Cancel(number) => self.cancel(number),
        }
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
                let reply = self.reads.refuse(read);
                self.reply_to_readers([reply]);
            }
            Call::Write(write) => {
                let reply = self.writes.refuse(write, Instant::now());
                self.reply([reply]);
            }
        }
    }

    fn on_returned(&mut self, returned: Returned) {
        let (now, jitter) = (Instant::now(), fastrand::f64());
        match returned {
            Returned::Read { batch, outcome } => {
                let replies = match outcome {
                    Some(outcome) => self.reads.on_completed(batch, outcome, now, jitter),
                    None => self.reads.on_lost(batch, &reply::lost(), now),
                };
                self.reply_to_readers(replies);
            }
            Returned::Write { batch, completion } => {
                let replies = match completion {
                    Some(completion) => self.writes.on_completed(batch, completion, now, jitter),
                    None => self.writes.on_lost(batch, &reply::lost(), now),
                };
                self.reply(replies);
            }
        }
    }

    fn send_write(&mut self, attempt: WriteAttempt) {
        let store = Arc::clone(&self.store);
        let WriteAttempt { batch, action, attempt } = attempt;
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
        self.in_flight.push(Box::pin(async move {
            Returned::Write { batch, completion: work.catch_unwind().await.ok() }
        }));
    }

    fn send_read(&mut self, attempt: ReadAttempt) {
        let store = Arc::clone(&self.store);
        let ReadAttempt { batch, keys, attempt } = attempt;
        let work = AssertUnwindSafe(async move { store.read(&keys, &attempt).await });
        self.in_flight.push(Box::pin(async move {
            Returned::Read { batch, outcome: work.catch_unwind().await.ok() }
        }));
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
            Next::Write(write) => self.writes.push(write),
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
