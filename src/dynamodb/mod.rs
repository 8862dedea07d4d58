//! The only place that knows the AWS SDK.

pub mod admin;
mod client;
mod configuration;
mod fault;
mod opening;
mod read;
mod transport;
mod unseen;
mod write;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::SystemTime;

use crate::core::epoch::Epoch;
use crate::error::BalanceError;
use crate::money::{Decimal, StoredBalance};
use crate::options::Options;
use crate::store::{Attempt, EpochAnswer, Fault, Record, Store, WriteAnswer};
use crate::transaction::UserId;
use aws_sdk_dynamodb::types::AttributeValue;
use opening::Opening;
use transport::attempt;
use write::WriteRequest;

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
    pub async fn create_tables(&self) -> Result<(), BalanceError> {
        let connection = self.opening.connection().await.map_err(opening::failure)?;
        admin::table::create(connection, self.opening.options()).await
    }
}

impl Store for DynamoDb {
    type Request = WriteRequest;

    fn now(&self) -> SystemTime {
        self.opening.clock().now()
    }

    fn prepare(&self, epoch: Epoch, records: &[Arc<Record>]) -> WriteRequest {
        WriteRequest::new(epoch, records)
    }

    async fn write(
        &self,
        request: &mut WriteRequest,
        attempt: &Attempt,
    ) -> Result<WriteAnswer, Fault> {
        attempt::limit(
            attempt,
            || self.opening.awaited(),
            pin!(async {
                let connection = self.opening.connection().await?;
                request.send(connection, &attempt.gate, self.opening.options()).await
            }),
        )
        .await
    }

    async fn end_epoch(
        &self,
        user_id: &UserId,
        epoch: Epoch,
        absent: Option<&Record>,
        attempt: &Attempt,
    ) -> Result<EpochAnswer, Fault> {
        attempt::limit(
            attempt,
            || self.opening.awaited(),
            pin!(async {
                let connection = self.opening.connection().await?;
                let options = self.opening.options();
                write::end_epoch(user_id, epoch, absent, connection, &attempt.gate, options).await
            }),
        )
        .await
    }

    async fn read(
        &self,
        users: &[UserId],
        attempt: &Attempt,
    ) -> Result<HashMap<UserId, StoredBalance>, Fault> {
        attempt::limit(
            attempt,
            || self.opening.awaited(),
            pin!(async {
                let connection = self.opening.connection().await?;
                match users {
                    [user_id] => {
                        read::one(user_id, connection, &attempt.gate, self.opening.options()).await
                    }
                    users => {
                        read::several(users, connection, &attempt.gate, self.opening.options())
                            .await
                    }
                }
            }),
        )
        .await
    }
}

/// What an item's `balance` attribute means.
fn stored_balance(item: Option<&HashMap<String, AttributeValue>>) -> StoredBalance {
    match item.and_then(|attributes| attributes.get("balance")) {
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
