//! The connection of a client: opened by its first call, once, for all who wait. What failed is
//! tried again by the next one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::dynamodb::client::{self, Connection};
use crate::dynamodb::configuration::shared_task::{self, Interruption, SharedTask};
use crate::dynamodb::transport::clock::Clock;
use crate::error::{BalanceError, ErrorCode};
use crate::options::Options;
use crate::store::{Fault, Reason};

#[derive(Clone, Debug)]
pub struct Opening(Arc<State>);

#[derive(Debug)]
struct State {
    options: Options,
    environment: HashMap<String, String>,
    clock: Clock,
    opened: OnceLock<Connection>,
    under_way: Mutex<Option<SharedTask<Result<(), Fault>>>>,
}

impl Opening {
    /// Opens nothing yet.
    pub fn new(options: Options, environment: HashMap<String, String>) -> Self {
        let clock = Clock::new();
        let (opened, under_way) = (OnceLock::new(), Mutex::default());
        Self(Arc::new(State { options, environment, clock, opened, under_way }))
    }

    pub fn options(&self) -> &Options {
        &self.0.options
    }

    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub async fn connection(&self) -> Result<&Connection, Fault> {
        loop {
            if let Some(connection) = self.0.opened.get() {
                return Ok(connection);
            }
            self.begin().await?;
        }
    }

    /// What a call is waiting for at this moment, in words.
    pub fn awaited(&self) -> String {
        match self.0.opened.get() {
            None => "the configuration is still being read".to_owned(),
            Some(connection) => connection.wire.identities.awaited(),
        }
    }

    /// The opening under way, or a new one.
    fn begin(&self) -> SharedTask<Result<(), Fault>> {
        let mut under_way = self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opening) = &*under_way {
            return opening.clone();
        }
        let state = Arc::clone(&self.0);
        let keeper = Arc::clone(&self.0);
        let opening = shared_task::start(
            async move {
                Connection::open(&state.options, &state.environment, state.clock.clone()).await
            },
            client::patience(self.0.options.deadlines),
            move |outcome| keeper.keep(outcome),
        );
        *under_way = Some(opening.clone());
        opening
    }
}

impl State {
    fn keep(&self, outcome: Result<Result<Connection, Fault>, Interruption>) -> Result<(), Fault> {
        *self.under_way.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let outcome =
            outcome.unwrap_or_else(|interruption| Err(Fault::Final(interrupted(interruption))));
        // Nobody else opens meanwhile.
        outcome.map(|connection| drop(self.opened.set(connection)))
    }
}

fn interrupted(interruption: Interruption) -> BalanceError {
    match interruption {
        Interruption::TimedOut(limit) => BalanceError::new(
            ErrorCode::NothingHappened,
            format!(
                "Nothing happened: reading the configuration took more than {} s. Call again.",
                limit.as_secs()
            ),
        ),
        Interruption::Panicked => BalanceError::new(
            ErrorCode::InternalError,
            "Internal error: reading the configuration ended in a panic. Nothing happened.",
        ),
    }
}

/// For whoever makes no attempts.
pub fn failure(fault: Fault) -> BalanceError {
    match fault {
        Fault::Rejected(error) | Fault::Final(error) => error,
        Fault::Contended(Reason { summary, cause })
        | Fault::NotTaken(Reason { summary, cause })
        | Fault::Throttled(Reason { summary, cause })
        | Fault::Unanswered(Reason { summary, cause }) => BalanceError::new(
            ErrorCode::NothingHappened,
            format!("Nothing happened: {summary}. Call again."),
        )
        .caused_by(cause),
    }
}

#[cfg(test)]
mod tests;
