//! What JavaScript is told of calls and of the requests that carry them, and what it says about whose
//! they are.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use napi_derive::napi;

use super::client::{NativeClient, ordinal};
use crate::driver::course::Course;
use crate::driver::observation::{ObservedCall, ObservedRequest, Observer, Tables, Taken};
use crate::error::BalanceError;
use crate::options::Options;
use crate::store::{Exchange, Journal, Reporter, Server};

/// How long a trace header may be, in bytes: some times what AWS makes.
const MAX_TRACE: usize = 1_024;

/// The observer of a client, with what its requests have in common.
pub struct Reports {
    pub observer: Arc<Observer>,
    pub balances_table: String,
    pub transactions_table: String,
}

#[napi(object)]
pub struct NotesData {
    pub calls: Vec<CallData>,
    pub requests: Vec<RequestData>,
}

/// What became of a call. Times are in milliseconds.
#[napi(object)]
pub struct CallData {
    pub number: f64,
    pub attempts: u32,
    pub waited: Option<f64>,
    pub batch_size: Option<u32>,
    pub server: Option<ServerData>,
    pub request_id: Option<String>,
}

#[napi(object)]
pub struct ServerData {
    pub address: String,
    pub port: Option<u16>,
    pub region: String,
}

#[napi(object)]
pub struct RequestData {
    pub operation: String,
    pub tables: Vec<String>,
    pub numbers: Vec<f64>,
    pub batch_size: u32,
    pub attempt: u32,
    /// Since 1970.
    pub start_time: f64,
    pub duration: f64,
    pub status: Option<u16>,
    pub server: Option<ServerData>,
    pub request_id: Option<String>,
    pub error: Option<String>,
}

#[napi(object)]
pub struct TablesData {
    pub balances: String,
    pub transactions: String,
}

/// The numbers of `client.stats()`, by its names.
#[napi(object)]
pub struct StatisticsData {
    pub held_calls: f64,
    pub waiting_calls: f64,
    pub requests_in_flight: f64,
    pub attempts: f64,
    pub committed_requests: f64,
    pub committed_calls: f64,
    pub conflicts: f64,
    pub throttled: f64,
    pub unanswered: f64,
    pub not_taken: f64,
    pub ended_epochs: f64,
}

#[napi]
impl NativeClient {
    /// The call that is made next under this number is observed until it is answered.
    #[napi]
    pub fn observe(&self, number: f64) {
        self.reports.observer.observe(ordinal(number));
    }

    /// It was not made.
    #[napi]
    pub fn disregard(&self, number: f64) {
        self.reports.observer.disregard(ordinal(number));
    }

    #[napi]
    pub fn tables(&self) -> TablesData {
        TablesData {
            balances: self.reports.balances_table.clone(),
            transactions: self.reports.transactions_table.clone(),
        }
    }

    #[napi]
    #[allow(clippy::cast_precision_loss, reason = "JavaScript counts in doubles")]
    pub fn statistics(&self) -> StatisticsData {
        let figures = self.ledger.figures();
        StatisticsData {
            held_calls: figures.held_calls as f64,
            waiting_calls: figures.waiting_calls as f64,
            requests_in_flight: figures.requests_in_flight as f64,
            attempts: figures.attempts as f64,
            committed_requests: figures.committed_requests as f64,
            committed_calls: figures.committed_calls as f64,
            conflicts: figures.conflicts as f64,
            throttled: figures.throttled as f64,
            unanswered: figures.unanswered as f64,
            not_taken: figures.not_taken as f64,
            ended_epochs: figures.ended_epochs as f64,
        }
    }

    /// What the requests of calls say, that are made from now on, in the header `X-Amzn-Trace-Id`. What
    /// cannot be a header is left out.
    #[napi]
    pub fn set_trace(&self, trace: Option<String>) {
        let is_header = |text: &String| {
            (1..=MAX_TRACE).contains(&text.len())
                && text.chars().all(|letter| letter.is_ascii_graphic() || letter == ' ')
                && text.trim() == text
        };
        self.ledger.set_trace(trace.filter(is_header).map(Arc::from));
    }
}

impl Reports {
    pub fn new(options: &Options) -> Self {
        Self {
            observer: Arc::default(),
            balances_table: options.balances_table.clone(),
            transactions_table: options.transactions_table.clone(),
        }
    }

    /// What there is to tell, if anything is.
    pub fn take(&self) -> Option<NotesData> {
        let Taken { calls, requests } = self.observer.take()?;
        Some(NotesData {
            calls: calls.into_iter().map(CallData::from).collect(),
            requests: requests.into_iter().map(|request| self.of_request(request)).collect(),
        })
    }

    fn of_request(&self, request: ObservedRequest) -> RequestData {
        let ObservedRequest { numbers, tables, batch_size, attempt, started, duration, exchange } =
            request;
        let since_1970 = started.duration_since(UNIX_EPOCH).unwrap_or_default();
        let names = [
            (tables.balances, &self.balances_table),
            (tables.transactions, &self.transactions_table),
        ];
        RequestData {
            operation: exchange.operation.to_owned(),
            tables: names.iter().filter(|(is_in, _)| *is_in).map(|(_, it)| (*it).clone()).collect(),
            numbers: numbers.into_iter().map(double).collect(),
            batch_size: u32::try_from(batch_size).unwrap_or(u32::MAX),
            attempt,
            start_time: since_1970.as_secs_f64() * 1_000.0,
            duration: duration.as_secs_f64() * 1_000.0,
            status: exchange.status,
            server: exchange.server.map(ServerData::from),
            request_id: exchange.request_id,
            error: exchange.error,
        }
    }
}

impl From<ObservedCall> for CallData {
    fn from(call: ObservedCall) -> Self {
        Self {
            number: double(call.number),
            attempts: call.attempts,
            waited: call.waited.map(|waited| waited.as_secs_f64() * 1_000.0),
            batch_size: call.batch_size.map(|size| u32::try_from(size).unwrap_or(u32::MAX)),
            server: call.server.map(ServerData::from),
            request_id: call.request_id,
        }
    }
}

impl From<Server> for ServerData {
    fn from(server: Server) -> Self {
        Self { address: server.address, port: server.port, region: server.region }
    }
}

/// Follows the attempts of a listing.
pub struct ListingReporter {
    number: u64,
    observer: Arc<Observer>,
    trace: Option<Arc<str>>,
    course: Mutex<Course>,
}

impl ListingReporter {
    pub fn new(number: u64, observer: Arc<Observer>, trace: Option<Arc<str>>) -> Self {
        Self { number, observer, trace, course: Mutex::default() }
    }

    /// The error of the listing with what DynamoDB refused of it.
    pub fn tell(&self, error: BalanceError) -> BalanceError {
        self.course.lock().unwrap_or_else(PoisonError::into_inner).tell(error)
    }
}

impl Reporter for ListingReporter {
    fn begin(&self, journal: &Journal) {
        if self.observer.is_on() {
            journal.observe();
        }
        journal.set_trace(self.trace.clone());
    }

    fn end(&self, exchanges: &[Exchange]) {
        self.course.lock().unwrap_or_else(PoisonError::into_inner).add(exchanges);
        let tables = Tables { balances: false, transactions: true };
        self.observer.note(&[self.number], 1, tables, exchanges.to_vec());
    }
}

/// Numbers of calls come from there.
#[expect(clippy::cast_precision_loss)]
fn double(number: u64) -> f64 {
    number as f64
}
