//! Where a client keeps its money: in DynamoDB, or in memory for the tests of an application.

use std::collections::HashMap;
use std::time::SystemTime;

use crate::core::history::{Expired, ExpiredPage, Listing, Page};
use crate::dynamodb::DynamoDb;
use crate::dynamodb::history::History;
use crate::error::BalanceError;
use crate::options::tables::TablesOptions;
use crate::store::in_memory::InMemory;
use crate::store::{
    Attempt, EpochAnswer, EpochEnding, Fault, Item, ItemKey, Reporter, Store, Token, Write,
    WriteAnswer,
};

#[derive(Debug)]
pub enum ClientStore {
    DynamoDb { database: Box<DynamoDb>, history: Box<History> },
    InMemory(InMemory),
}

impl ClientStore {
    pub fn dynamodb(database: DynamoDb) -> Self {
        let history = Box::new(database.history());
        Self::DynamoDb { database: Box::new(database), history }
    }

    /// Makes the tables that are missing; in memory there are all of them.
    pub async fn create_tables(&self, wanted: TablesOptions) -> Result<(), BalanceError> {
        match self {
            Self::DynamoDb { database, .. } => database.create_tables(wanted).await,
            Self::InMemory(_) => Ok(()),
        }
    }

    /// A page, unless `cancelled` ends earlier.
    pub async fn page(
        &self,
        listing: Listing,
        cancelled: impl Future<Output = ()>,
        reporter: &impl Reporter,
    ) -> Result<Page, BalanceError> {
        match self {
            Self::DynamoDb { history, .. } => history.read(listing, cancelled, reporter).await,
            Self::InMemory(store) => Ok(store.page(&listing)),
        }
    }

    pub async fn expired(
        &self,
        expired: Expired,
        cancelled: impl Future<Output = ()>,
        reporter: &impl Reporter,
    ) -> Result<ExpiredPage, BalanceError> {
        match self {
            Self::DynamoDb { history, .. } => history.read(expired, cancelled, reporter).await,
            Self::InMemory(store) => Ok(store.expired(&expired)),
        }
    }
}

impl Store for ClientStore {
    fn now(&self) -> SystemTime {
        match self {
            Self::DynamoDb { database, .. } => database.now(),
            Self::InMemory(store) => store.now(),
        }
    }

    async fn write(
        &self,
        write: &Write,
        token: Token,
        attempt: &Attempt,
    ) -> Result<WriteAnswer, Fault> {
        match self {
            Self::DynamoDb { database, .. } => database.write(write, token, attempt).await,
            Self::InMemory(store) => store.write(write, token, attempt).await,
        }
    }

    async fn end_epoch(
        &self,
        ending: &EpochEnding,
        attempt: &Attempt,
    ) -> Result<EpochAnswer, Fault> {
        match self {
            Self::DynamoDb { database, .. } => database.end_epoch(ending, attempt).await,
            Self::InMemory(store) => store.end_epoch(ending, attempt).await,
        }
    }

    async fn read(
        &self,
        items: &[ItemKey],
        attempt: &Attempt,
    ) -> Result<HashMap<ItemKey, Item>, Fault> {
        match self {
            Self::DynamoDb { database, .. } => database.read(items, attempt).await,
            Self::InMemory(store) => store.read(items, attempt).await,
        }
    }
}
