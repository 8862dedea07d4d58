//! The only place that knows the AWS SDK.

mod attempt;
mod certificates;
mod connection;
mod credentials;
mod endpoint;
mod fault;
mod fence;
mod genuine;
mod http;
mod identity;
pub mod operations;
mod patience;
mod protocol;
mod read;
mod scan;
mod table;
mod wire;
mod write;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::error::BalanceError;
use crate::money::{Decimal, StoredBalance};
use crate::options::Options;
use crate::store::{Attempt, CallId, Fault, FenceAnswer, Record, Store, WriteAnswer};
use crate::transaction::UserId;
use aws_sdk_dynamodb::types::AttributeValue;
use connection::Connection;
use write::WriteRequest;

/// Balances and records in two DynamoDB tables.
#[derive(Debug)]
pub struct DynamoDb {
    options: Options,
    environment: HashMap<String, String>,
    /// Opened by the first call. A failure is kept as well: it lies in the configuration, which
    /// the client has read once.
    connection: OnceCell<Result<Connection, BalanceError>>,
}

impl DynamoDb {
    /// Opens nothing yet: the first call does. `environment` takes the place of the process's.
    pub fn new(options: Options, environment: HashMap<String, String>) -> Self {
        Self { options, environment, connection: OnceCell::new() }
    }

    /// Makes the tables that are missing, checks those that exist, and waits until both can be
    /// used.
    pub async fn create_tables(&self) -> Result<(), BalanceError> {
        table::create(self.connection().await?, &self.options).await
    }

    async fn connection(&self) -> Result<&Connection, BalanceError> {
        self.connection
            // In a box: it is large, and needed once.
            .get_or_init(|| Box::pin(Connection::open(&self.options, &self.environment)))
            .await
            .as_ref()
            .map_err(Clone::clone)
    }
}

impl Store for DynamoDb {
    type Request = WriteRequest;

    fn prepare(&self, request_id: CallId, records: &[Arc<Record>]) -> WriteRequest {
        WriteRequest::new(request_id, records)
    }

    async fn write(
        &self,
        request: &mut WriteRequest,
        attempt: &Attempt,
    ) -> Result<WriteAnswer, Fault> {
        attempt::limit(attempt, async {
            let connection = self.connection().await.map_err(Fault::Final)?;
            request.send(connection, &attempt.gate, &self.options).await
        })
        .await
    }

    async fn fence(
        &self,
        request: &WriteRequest,
        standing: &[CallId],
        attempt: &Attempt,
    ) -> Result<FenceAnswer, Fault> {
        attempt::limit(attempt, async {
            let connection = self.connection().await.map_err(Fault::Final)?;
            fence::send(request, standing, connection, &attempt.gate, &self.options).await
        })
        .await
    }

    async fn read(
        &self,
        users: &[UserId],
        attempt: &Attempt,
    ) -> Result<HashMap<UserId, StoredBalance>, Fault> {
        attempt::limit(attempt, async {
            let connection = self.connection().await.map_err(Fault::Final)?;
            match users {
                [user_id] => read::one(user_id, connection, &attempt.gate, &self.options).await,
                users => read::several(users, connection, &attempt.gate, &self.options).await,
            }
        })
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
