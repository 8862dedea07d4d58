//! What the command line asks for besides the client's own methods.

use std::collections::HashMap;
use std::future::Future;

use napi::bindgen_prelude::{Either, Object, PromiseRaw, Result, ToNapiValue};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, JsValue as _, Status};
use napi_derive::napi;

use super::failure::Failure;
use super::{options, runtime};
use crate::core::audit::{Findings, HeldMismatch, Malformed, Mismatch, Negative, Report, Table};
use crate::dynamodb::admin::audit::{self, IndexState, Progress, Warning};
use crate::error::BalanceError;
use crate::options::Options;
use crate::options::credentials::CredentialsSource;
use crate::options::tables::TablesOptions;

/// A table as it was found; `trouble` is why it cannot be used.
#[napi(object)]
pub struct TableState {
    pub name: String,
    pub trouble: Option<Failure>,
    pub warnings: Vec<WarningData>,
    pub unchecked: Vec<WarningData>,
    /// Of the table of transactions.
    pub indexes: Vec<IndexData>,
}

/// An index as it was found; `trouble` is why it cannot be used. `option` of `createTables` adds it.
#[napi(object)]
pub struct IndexData {
    pub index: String,
    pub option: String,
    pub status: String,
    pub is_backfilling: bool,
    pub trouble: Option<Failure>,
}

#[napi(object)]
pub struct WarningData {
    pub code: String,
    pub message: String,
}

/// How far an audit has come.
#[napi(object)]
pub struct AuditProgress {
    pub pass: u32,
    pub read: i64,
    pub total: Option<i64>,
}

/// What an audit came to. Decimals are text: a JavaScript number could not hold them.
#[napi(object)]
pub struct AuditReport {
    pub users: i64,
    pub records: i64,
    pub passes: u32,
    pub default_balance: String,
    pub fitting_default_balance: Option<String>,
    pub mismatch_count: i64,
    pub mismatches: Vec<MismatchData>,
    pub held_mismatch_count: i64,
    pub held_mismatches: Vec<HeldMismatchData>,
    pub negative_count: i64,
    pub negatives: Vec<NegativeData>,
    pub malformed_count: i64,
    pub malformed: Vec<MalformedData>,
    pub busy_count: i64,
    pub busy: Vec<String>,
}

#[napi(object)]
pub struct MismatchData {
    pub user_id: String,
    pub balance: Option<String>,
    pub expected: String,
    pub records: i64,
}

#[napi(object)]
pub struct HeldMismatchData {
    pub user_id: String,
    pub held: Option<String>,
    pub expected: String,
    pub open_holds: i64,
}

#[napi(object)]
pub struct NegativeData {
    pub user_id: String,
    pub balance: String,
}

/// `table` is the name of the option that names it.
#[napi(object)]
pub struct MalformedData {
    pub table: String,
    pub key: String,
    pub complaint: String,
}

/// Tells JavaScript how far the audit has come. Weak: it does not keep the process alive.
pub type ProgressFunction =
    ThreadsafeFunction<AuditProgress, (), AuditProgress, Status, false, true>;

/// Tells JavaScript of an index that is being built. Weak: it does not keep the process alive.
pub type IndexProgressFunction = ThreadsafeFunction<IndexData, (), IndexData, Status, false, true>;

/// Makes what is missing of the tables. Resolves either way.
#[napi]
pub fn create_tables<'env>(
    env: &'env Env,
    options: Object<'_>,
    environment: HashMap<String, String>,
    history: bool,
    holds: bool,
    on_progress: IndexProgressFunction,
) -> Result<PromiseRaw<'env, Either<(), Failure>>> {
    let options = read_options(&options)?;
    settle(env, async move {
        let tell = |state: &IndexState| {
            on_progress.call(state.clone().into(), ThreadsafeFunctionCallMode::NonBlocking);
        };
        audit::create_tables(&options?, &environment, TablesOptions { history, holds }, tell).await
    })
}

/// Looks at both tables and changes nothing. Resolves either way.
#[napi]
pub fn check_tables<'env>(
    env: &'env Env,
    options: Object<'_>,
    environment: HashMap<String, String>,
) -> Result<PromiseRaw<'env, Either<Vec<TableState>, Failure>>> {
    let options = read_options(&options)?;
    settle(env, async move {
        let states = audit::check_tables(&options?, &environment).await?;
        Ok(states.into_iter().map(TableState::from).collect())
    })
}

/// Compares the balances with the records. Resolves either way.
#[napi]
pub fn audit<'env>(
    env: &'env Env,
    options: Object<'_>,
    environment: HashMap<String, String>,
    on_progress: ProgressFunction,
) -> Result<PromiseRaw<'env, Either<AuditReport, Failure>>> {
    let options = read_options(&options)?;
    settle(env, async move {
        let tell = |progress: Progress| {
            // Progress is news, not a duty: where JavaScript is gone, nobody misses it.
            on_progress.call(progress.into(), ThreadsafeFunctionCallMode::NonBlocking);
        };
        audit::audit(&options?, &environment, tell).await.map(AuditReport::from)
    })
}

/// Credentials come from the AWS chain: a command line has no other source.
fn read_options(options: &Object<'_>) -> Result<std::result::Result<Options, BalanceError>> {
    Ok(Options::validate(options::read(options)?, CredentialsSource::AwsChain))
}

fn settle<T, F>(env: &Env, outcome: F) -> Result<PromiseRaw<'_, Either<T, Failure>>>
where
    T: ToNapiValue + Send + 'static,
    F: Future<Output = std::result::Result<T, BalanceError>> + Send + 'static,
{
    let (deferred, promise) = env.create_deferred()?;
    let answer = |outcome| {
        deferred.resolve(move |_| {
            Ok(match outcome {
                Ok(result) => Either::A(result),
                Err(error) => Either::B(Failure::from(error)),
            })
        });
    };
    match runtime::handle() {
        Ok(runtime) => drop(runtime.spawn(async move { answer(outcome.await) })),
        Err(error) => answer(Err(error)),
    }
    Ok(PromiseRaw::new(env.raw(), promise.raw()))
}

impl From<audit::TableState> for TableState {
    fn from(state: audit::TableState) -> Self {
        let plain = |warnings: Vec<Warning>| warnings.into_iter().map(WarningData::from).collect();
        Self {
            name: state.name,
            trouble: state.trouble.map(Failure::from),
            warnings: plain(state.warnings),
            unchecked: plain(state.unchecked),
            indexes: state.indexes.into_iter().map(IndexData::from).collect(),
        }
    }
}

impl From<IndexState> for IndexData {
    fn from(state: IndexState) -> Self {
        Self {
            index: state.index.name().to_owned(),
            option: state.index.option().to_owned(),
            status: state.status,
            is_backfilling: state.is_backfilling,
            trouble: state.trouble.map(Failure::from),
        }
    }
}

impl From<Warning> for WarningData {
    fn from(warning: Warning) -> Self {
        Self { code: warning.code.to_owned(), message: warning.message }
    }
}

impl From<Progress> for AuditProgress {
    fn from(progress: Progress) -> Self {
        Self { pass: progress.pass, read: count(progress.read), total: progress.total.map(count) }
    }
}

impl From<Report> for AuditReport {
    fn from(report: Report) -> Self {
        let (mismatch_count, mismatches) = split(report.mismatches);
        let (held_mismatch_count, held_mismatches) = split(report.held_mismatches);
        let (negative_count, negatives) = split(report.negatives);
        let (malformed_count, malformed) = split(report.malformed);
        let (busy_count, busy) = split(report.busy);
        Self {
            users: count(report.users),
            records: count(report.records),
            passes: report.passes,
            default_balance: report.default_balance.to_plain_string(),
            fitting_default_balance: report
                .fitting_default_balance
                .map(|balance| balance.to_plain_string()),
            mismatch_count,
            mismatches,
            held_mismatch_count,
            held_mismatches,
            negative_count,
            negatives,
            malformed_count,
            malformed,
            busy_count,
            busy,
        }
    }
}

impl From<Mismatch> for MismatchData {
    fn from(mismatch: Mismatch) -> Self {
        Self {
            user_id: mismatch.user_id,
            balance: mismatch.balance.map(|balance| balance.to_string()),
            expected: mismatch.expected.to_string(),
            records: count(mismatch.records),
        }
    }
}

impl From<HeldMismatch> for HeldMismatchData {
    fn from(mismatch: HeldMismatch) -> Self {
        Self {
            user_id: mismatch.user_id,
            held: mismatch.held.map(|held| held.to_string()),
            expected: mismatch.expected.to_string(),
            open_holds: count(mismatch.open_holds),
        }
    }
}

impl From<Negative> for NegativeData {
    fn from(negative: Negative) -> Self {
        Self { user_id: negative.user_id, balance: negative.balance.to_string() }
    }
}

impl From<Malformed> for MalformedData {
    fn from(malformed: Malformed) -> Self {
        let table = match malformed.table {
            Table::Balances => "balancesTable",
            Table::Transactions => "transactionsTable",
        };
        Self { table: table.to_owned(), key: malformed.key, complaint: malformed.complaint }
    }
}

fn split<T, U: From<T>>(findings: Findings<T>) -> (i64, Vec<U>) {
    (count(findings.count), findings.kept.into_iter().map(U::from).collect())
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
