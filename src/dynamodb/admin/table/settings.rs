//! Settings of a table that are fine for other data and endanger a ledger.

use aws_sdk_dynamodb::types::{
    MultiRegionConsistency, TableDescription, TimeToLiveDescription, TimeToLiveStatus,
};

use super::Table;
use crate::error::{BalanceError, ErrorCode};

/// Something about a table that people should know before they keep money in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// For scripts; docs/command-line.md lists them.
    pub code: &'static str,
    pub message: String,
}

/// Whether DynamoDB takes transactions on the table at all.
pub(super) fn check_transactions(
    table: &Table<'_>,
    description: &TableDescription,
) -> Result<(), BalanceError> {
    if !is_strong(description) {
        return Ok(());
    }
    Err(BalanceError::new(
        ErrorCode::TableMismatch,
        format!(
            "Table mismatch: {:?} is a global table with multi-Region strong consistency, on which \
             DynamoDB refuses transactions: no money can move. Choose a table of one Region.",
            table.name
        ),
    ))
}

/// A table that other Regions write to as well.
pub(super) fn replication(table: &Table<'_>, description: &TableDescription) -> Option<Warning> {
    // DynamoDB names the version and the consistency of global tables only.
    let is_global = !description.replicas().is_empty()
        || description.global_table_version().is_some()
        || description.multi_region_consistency().is_some();
    if !is_global || is_strong(description) {
        return None;
    }
    let regions: Vec<&str> =
        description.replicas().iter().filter_map(|replica| replica.region_name()).collect();
    let where_else =
        if regions.is_empty() { String::new() } else { format!(" ({})", regions.join(", ")) };
    Some(Warning {
        code: "GLOBAL_TABLE",
        message: format!(
            "Table {:?} is a global table{where_else}: transactions are atomic in one Region only, \
             and of two Regions that write the same item the last one wins. Two Regions that move \
             money of one user lose some of it, and a key counts once in each. Write from one \
             Region only.",
            table.name
        ),
    })
}

/// A table whose items DynamoDB deletes by itself.
pub(super) fn expiry(table: &Table<'_>, found: &TimeToLiveDescription) -> Option<Warning> {
    // While it is being turned off, items still expire.
    if found.time_to_live_status() == Some(&TimeToLiveStatus::Disabled) {
        return None;
    }
    let consequence = if table.key == "idempotentKey" {
        "A record that expires frees its key, so that an old retry moves the money again, and the \
         balance does not add up any more."
    } else {
        "A balance that expires becomes the default balance: what the user had is gone."
    };
    Some(Warning {
        code: "TIME_TO_LIVE",
        message: format!(
            "Table {:?} has a time to live: DynamoDB deletes items by their attribute {:?}. \
             {consequence} Turn it off.",
            table.name,
            found.attribute_name().unwrap_or("?")
        ),
    })
}

/// Without the permission, say, or on an emulator that does not know the question.
pub(super) fn unknown_time_to_live(table: &Table<'_>, why: &str) -> Warning {
    Warning {
        code: "TIME_TO_LIVE",
        message: format!(
            "Not known whether table {:?} has a time to live, which a ledger must not have \
             (needs dynamodb:DescribeTimeToLive): {why}",
            table.name
        ),
    }
}

fn is_strong(description: &TableDescription) -> bool {
    description.multi_region_consistency() == Some(&MultiRegionConsistency::Strong)
}
