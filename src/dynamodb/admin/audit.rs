//! What operators ask for: tables, whether they are as they should be, and whether the balances are
//! what the records say.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::core::audit::{FirstPass, Recount, Report};
use crate::dynamodb::admin::scan::{Page, Scan, sums_of};
use crate::dynamodb::admin::table;
pub use crate::dynamodb::admin::table::TableState;
pub use crate::dynamodb::admin::table::index::IndexState;
pub use crate::dynamodb::admin::table::settings::Warning;
use crate::dynamodb::client::Connection;
use crate::dynamodb::opening::{self, Opening};
use crate::error::{BalanceError, ErrorCode};
use crate::options::Options;
use crate::options::tables::TablesOptions;

/// How often the records are read at most: once for all users, and again for those who did not
/// add up.
const PASSES: u32 = 4;
/// DynamoDB writes the items of a transaction one after the other. A pause before and after the
/// suspects' balances are read keeps one that is half visible from looking like an error.
const SETTLING: Duration = Duration::from_millis(500);
/// Past this the audit gives up, rather than take all memory: see docs/command-line.md.
const MAX_USERS: usize = 20_000_000;

/// How far an audit has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    pub pass: u32,
    /// Items read in this pass.
    pub read: u64,
    /// About how many there are: DynamoDB counts every six hours. `None`: it did not say.
    pub total: Option<u64>,
}

/// Makes what is missing. `report_progress` is told of an index that is being built.
pub async fn create_tables(
    options: &Options,
    environment: &HashMap<String, String>,
    wanted: TablesOptions,
    report_progress: impl Fn(&IndexState),
) -> Result<(), BalanceError> {
    let opening = Opening::new(options.clone(), environment.clone());
    let connection = opening.connection().await.map_err(opening::failure)?;
    table::create(connection, options, wanted, &report_progress).await
}

/// Whether both tables are there, with the right keys and without settings that endanger money.
pub async fn check_tables(
    options: &Options,
    environment: &HashMap<String, String>,
) -> Result<Vec<TableState>, BalanceError> {
    let opening = Opening::new(options.clone(), environment.clone());
    let connection = opening.connection().await.map_err(opening::failure)?;
    let look = table::look(connection, options);
    timeout(options.deadlines.call, look).await.unwrap_or_else(|_| {
        Err(BalanceError::new(
            ErrorCode::NothingHappened,
            "DynamoDB did not say in time whether the tables are there. Nothing was changed: \
             check again.",
        ))
    })
}

/// Reads both tables and compares the balances with the records.
pub async fn audit(
    options: &Options,
    environment: &HashMap<String, String>,
    report_progress: impl Fn(Progress),
) -> Result<Report, BalanceError> {
    let opening = Opening::new(options.clone(), environment.clone());
    let connection = opening.connection().await.map_err(opening::failure)?;
    let sizes = table::sizes(connection, options).await;
    let mut recount = first_pass(connection, options, sizes, &report_progress).await?;
    for pass in 2..=PASSES {
        let suspects = recount.suspects();
        if suspects.is_empty() {
            break;
        }
        sleep(SETTLING).await;
        for (user_id, balance) in sums_of(&suspects, connection, options).await? {
            recount.set_sums(&user_id, balance);
        }
        sleep(SETTLING).await;
        let [_, records] = sizes;
        count_again(&mut recount, pass, records, connection, options, &report_progress).await?;
    }
    Ok(recount.end())
}

async fn first_pass(
    connection: &Connection,
    options: &Options,
    [balances, records]: [Option<u64>; 2],
    report_progress: &impl Fn(Progress),
) -> Result<Recount, BalanceError> {
    let total = balances.zip(records).map(|(balances, records)| balances + records);
    let mut progress = Progress { pass: 1, read: 0, total };
    let mut pass = FirstPass::new(&options.default_balance);
    let take = |page| {
        match page {
            Page::Balances(items) => {
                progress.read += length(&items);
                for item in items {
                    pass.add_balance(item);
                }
            }
            Page::Records(items) => {
                progress.read += length(&items);
                for item in items {
                    pass.add_record(item);
                }
            }
        }
        report_progress(progress);
        if pass.users() > MAX_USERS { Err(too_many_users()) } else { Ok(()) }
    };
    Scan::new(connection, options).balances().records().each_page(take).await?;
    Ok(pass.end())
}

async fn count_again(
    recount: &mut Recount,
    pass: u32,
    total: Option<u64>,
    connection: &Connection,
    options: &Options,
    report_progress: &impl Fn(Progress),
) -> Result<(), BalanceError> {
    let mut progress = Progress { pass, read: 0, total };
    let take = |page| {
        if let Page::Records(items) = page {
            progress.read += length(&items);
            for item in items {
                recount.add_record(item);
            }
        }
        report_progress(progress);
        Ok(())
    };
    Scan::new(connection, options).records().each_page(take).await?;
    recount.end_pass();
    Ok(())
}

fn length<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

fn too_many_users() -> BalanceError {
    BalanceError::new(
        ErrorCode::ServiceError,
        format!(
            "The tables hold more than {MAX_USERS} users, the most that an audit keeps in memory. \
             There is no verdict, and nothing was changed. Export the tables to S3 and compare \
             them there."
        ),
    )
}
