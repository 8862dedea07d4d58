//! The history of a user: one `Query` on the index for each page, repeated until it is answered or
//! the call's deadline passes.

mod expired;
pub mod item;
mod turns;

use std::collections::HashMap;
use std::error::Error;
use std::pin::pin;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::{Query, QueryInput};
use aws_sdk_dynamodb::operation::scan::Scan;
use aws_sdk_dynamodb::types::AttributeValue;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::core::backoff::{self, Backoff};
use crate::core::history::{Index, Listing, Order, Page, Position, Range};
use crate::core::indefinite::{Ending, Operation as Kind};
use crate::dynamodb::admin::table::{self, index};
use crate::dynamodb::client::Connection;
use crate::dynamodb::fault;
use crate::dynamodb::history::turns::Turns;
use crate::dynamodb::opening::Opening;
use crate::dynamodb::transport::attempt;
use crate::dynamodb::transport::protocol::{Operation, Protocol};
use crate::error::BalanceError;
use crate::options::Options;
use crate::store::{Attempt, Fault, Reason, Reporter, SendGate};
use crate::transaction::UserId;

/// Reads pages, each within the deadlines of a call.
#[derive(Debug)]
pub struct History {
    opening: Opening,
    turns: Turns,
    query: Protocol<Query>,
    scan: Protocol<Scan>,
}

/// A page that can be asked for.
pub trait PageRequest: Sync {
    type Page;

    /// Whose records it is about, if it is about one user's.
    fn user_id(&self) -> Option<&UserId>;

    /// One attempt.
    fn send(
        &self,
        history: &History,
        connection: &Connection,
        gate: &SendGate,
    ) -> impl Future<Output = Result<Self::Page, Fault>> + Send;
}

impl History {
    pub fn new(opening: Opening) -> Self {
        let turns = Turns::default();
        Self { opening, turns, query: Protocol::new(), scan: Protocol::new() }
    }

    /// Ends when `cancelled` does, if that is earlier.
    pub async fn read<R: PageRequest>(
        &self,
        request: R,
        cancelled: impl Future<Output = ()>,
        reporter: &impl Reporter,
    ) -> Result<R::Page, BalanceError> {
        let call_timeout = self.opening.options().deadlines.call;
        let ending = Ending { operation: Kind::Read, call_timeout };
        tokio::select! {
            biased;
            () = cancelled => Err(ending.cancelled(false)),
            outcome = self.read_until(&request, Instant::now() + call_timeout, ending, reporter) => outcome,
        }
    }

    async fn read_until<R: PageRequest>(
        &self,
        request: &R,
        deadline: Instant,
        ending: Ending,
        reporter: &impl Reporter,
    ) -> Result<R::Page, BalanceError> {
        let mut failures = Backoff::default();
        loop {
            let reason = match self.attempt_in_turn(request, deadline, reporter).await {
                Ok(page) => return Ok(page),
                Err(Fault::Rejected(error) | Fault::Final(error)) => return Err(error),
                Err(
                    Fault::Contended(reason)
                    | Fault::NotTaken(reason)
                    | Fault::Throttled(reason)
                    | Fault::Unanswered(reason),
                ) => reason,
            };
            let now = Instant::now();
            failures.fail(reason, now, |failures| backoff::pause(failures, fastrand::f64()));
            sleep_until(failures.ends(now).unwrap_or(now).min(deadline)).await;
            if Instant::now() >= deadline {
                return Err(ending.at_deadline(false, failures.reason().cloned()));
            }
        }
    }

    async fn attempt_in_turn<R: PageRequest>(
        &self,
        request: &R,
        deadline: Instant,
        reporter: &impl Reporter,
    ) -> Result<R::Page, Fault> {
        let attempt = self.attempt(request, deadline, reporter);
        let Some(user_id) = request.user_id() else { return attempt.await };
        // The attempt ends in time by itself; waiting for its turn does not.
        timeout_at(deadline, self.turns.run(user_id, attempt)).await.unwrap_or_else(|_elapsed| {
            let summary = "the request was still waiting for its turn".to_owned();
            Err(Fault::NotTaken(Reason { summary, cause: None }))
        })
    }

    async fn attempt<R: PageRequest>(
        &self,
        request: &R,
        deadline: Instant,
        reporter: &impl Reporter,
    ) -> Result<R::Page, Fault> {
        let end = Instant::now() + self.opening.options().deadlines.attempt;
        let attempt = Attempt::until(end.min(deadline));
        reporter.begin(attempt.gate.journal());
        let work = async {
            let connection = self.opening.connection().await?;
            request.send(self, connection, &attempt.gate).await
        };
        let outcome = {
            let work = pin!(work);
            attempt::limit(&attempt, || self.opening.awaited(), work).await
        };
        reporter.end(&attempt.gate.journal().take());
        outcome
    }

    /// A request whose error, if it has one, is about an index.
    async fn exchange<O: Operation>(
        &self,
        index: Index,
        protocol: &Protocol<O>,
        input: O::Input,
        connection: &Connection,
        gate: &SendGate,
    ) -> Result<O::Output, Fault> {
        let body = protocol.compose(input).map_err(|error| fault::unsendable(error.as_ref()))?;
        match connection.wire.send(protocol, body, gate).await {
            Ok(output) => Ok(output),
            Err(error) => {
                Err(explain(&error, index, connection, gate, self.opening.options()).await)
            }
        }
    }
}

impl PageRequest for Listing {
    type Page = Page;

    fn user_id(&self) -> Option<&UserId> {
        Some(&self.series.user_id)
    }

    async fn send(
        &self,
        history: &History,
        connection: &Connection,
        gate: &SendGate,
    ) -> Result<Page, Fault> {
        let index = self.series.index;
        let input = query(self, &history.opening.options().transactions_table);
        let output = history.exchange(index, &history.query, input, connection, gate).await?;
        // Without them it is not known that the history is empty.
        let items = output.items.ok_or_else(|| fault::unreadable("it has no Items"))?;
        let found = items.iter().map(item::read).collect();
        let position = |key| item::position(key, index);
        let read_up_to = output.last_evaluated_key.as_ref().map(position).transpose()?;
        Ok(self.page(found, read_up_to))
    }
}

/// One more than the page takes, so that it is known whether there is another page.
fn query(listing: &Listing, table: &str) -> QueryInput {
    let series = &listing.series;
    let user = series.user_id.as_str();
    let (condition, bounds) = condition(&series.range);
    let mut query = QueryInput::builder()
        .table_name(table)
        .index_name(series.index.name())
        .key_condition_expression(condition)
        .expression_attribute_values(":user", text(user))
        .scan_index_forward(series.order == Order::Oldest)
        .limit(i32::try_from(listing.limit).unwrap_or(i32::MAX).saturating_add(1))
        .set_exclusive_start_key(listing.after.as_ref().map(|it| start(series.index, user, it)));
    for (name, bound) in bounds {
        // The name of the attribute is a reserved word.
        query = query
            .expression_attribute_names("#timestamp", "timestamp")
            .expression_attribute_values(name, text(bound));
    }
    query.build().expect("all fields are optional")
}

fn condition(range: &Range) -> (&'static str, Vec<(&'static str, &str)>) {
    match (&range.from, &range.to) {
        (None, None) => ("userId = :user", vec![]),
        (Some(from), None) => ("userId = :user AND #timestamp >= :from", vec![(":from", from)]),
        (None, Some(to)) => ("userId = :user AND #timestamp <= :to", vec![(":to", to)]),
        (Some(from), Some(to)) => (
            "userId = :user AND #timestamp BETWEEN :from AND :to",
            vec![(":from", from), (":to", to)],
        ),
    }
}

fn start(index: Index, user: &str, position: &Position) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("userId".to_owned(), text(user)),
        (index.sort_key().to_owned(), text(&position.sort)),
        ("idempotentKey".to_owned(), text(&position.idempotent_key)),
    ])
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

async fn explain<E: ProvideErrorMetadata + Error + 'static>(
    error: &SdkError<E>,
    index: Index,
    connection: &Connection,
    gate: &SendGate,
    options: &Options,
) -> Fault {
    let table = &options.transactions_table;
    // DynamoDB has no code of its own for it.
    let complaint = (fault::code(error) == Some("ValidationException"))
        .then(|| error.as_service_error().and_then(|error| error.message()))
        .flatten()
        .unwrap_or_default();
    if complaint.contains("does not have the specified index") {
        Fault::Final(index::absent(index, table, connection))
    } else if complaint.contains("backfilling") {
        Fault::Final(index::not_ready(index, table, connection, "is still being built"))
    } else if fault::is_table_missing(error) {
        table::missing(connection, options).await
    } else {
        fault::classify(error, gate.has_passed())
    }
}

#[cfg(test)]
mod tests;
