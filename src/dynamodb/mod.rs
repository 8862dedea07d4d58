//! The only place that knows the AWS SDK.

pub mod admin;
mod client;
mod configuration;
mod fault;
pub mod history;
mod opening;
mod read;
mod request;
mod tokens;
mod transport;
mod unseen;
mod write;

use std::collections::HashMap;
use std::pin::pin;
use std::time::SystemTime;

use crate::error::BalanceError;
use crate::money::{Decimal, StoredBalance};
use crate::options::Options;
use crate::options::tables::TablesOptions;
use crate::store::{
    Attempt, EpochAnswer, EpochEnding, Fault, Item, ItemKey, Store, Token, Write, WriteAnswer,
};
use aws_sdk_dynamodb::types::AttributeValue;
use history::History;
use opening::Opening;
use transport::attempt;

/// Balances and records in two DynamoDB tables.
#[derive(Debug)]
pub struct DynamoDb {
    opening: Opening,
}

impl DynamoDb {
    /// Opens nothing yet: the first call does. `environment` takes the place of the process's.
    pub fn new(options: Options, environment: HashMap<String, String>) -> Self {
        Self { opening: Opening::new(options, environment) }
    }

    /// Makes the tables that are missing, checks those that exist, and waits until both can be
    /// used.
    pub async fn create_tables(&self, wanted: TablesOptions) -> Result<(), BalanceError> {
        let connection = self.opening.connection().await.map_err(opening::failure)?;
        admin::table::create(connection, self.opening.options(), wanted, &|_| {}).await
    }

    /// The history of its users, read over the same connections.
    pub fn history(&self) -> History {
        History::new(self.opening.clone())
    }
}

impl Store for DynamoDb {
    fn now(&self) -> SystemTime {
        self.opening.clock().now()
    }

    async fn write(
        &self,
        write: &Write,
        token: Token,
        attempt: &Attempt,
    ) -> Result<WriteAnswer, Fault> {
        let (opening, gate) = (&self.opening, &attempt.gate);
        let work = pin!(async {
            let connection = opening.connection().await?;
            write::send(write, token, connection, gate, opening.options()).await
        });
        attempt::limit(attempt, || opening.awaited(), work).await
    }

    async fn end_epoch(
        &self,
        ending: &EpochEnding,
        attempt: &Attempt,
    ) -> Result<EpochAnswer, Fault> {
        let (opening, gate) = (&self.opening, &attempt.gate);
        let work = pin!(async {
            let connection = opening.connection().await?;
            write::end_epoch(ending, connection, gate, opening.options()).await
        });
        attempt::limit(attempt, || opening.awaited(), work).await
    }

    async fn read(
        &self,
        items: &[ItemKey],
        attempt: &Attempt,
    ) -> Result<HashMap<ItemKey, Item>, Fault> {
        let (opening, gate) = (&self.opening, &attempt.gate);
        let work = pin!(async {
            let connection = opening.connection().await?;
            match items {
                [item] => read::one(item, connection, gate, opening.options()).await,
                items => read::several(items, connection, gate, opening.options()).await,
            }
        });
        attempt::limit(attempt, || opening.awaited(), work).await
    }
}

/// What an item's `balance` attribute means.
fn stored_number(item: Option<&HashMap<String, AttributeValue>>, name: &str) -> StoredBalance {
    match item.and_then(|attributes| attributes.get(name)) {
        None => StoredBalance::Absent,
        Some(attribute) => attribute
            .as_n()
            .ok()
            .and_then(|number| Decimal::parse(number))
            .map_or(StoredBalance::Corrupt, StoredBalance::Number),
    }
}

#[cfg(test)]
mod tests;
