//! The floor: one hand-signed request per call on one pool of connections and one thread. Nobody
//! who sends a request for each call can do with much less.

mod requests;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::Serialize;
use tokio::task::{LocalSet, spawn_local};

use crate::signature::Signer;
pub use requests::Operation;
use requests::Requests;

/// Until all connections are open; there is nothing to compile.
const WARM_UP: Duration = Duration::from_millis(300);

/// The same figures that the driver of the other peers gives.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    calls: usize,
    seconds: f64,
    cpu_microseconds: i64,
    /// In milliseconds, as the next one.
    p50: f64,
    p99: f64,
}

#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub operation: Operation,
    pub callers: usize,
    pub duration: Duration,
}

pub fn measure(address: &str, load: Load) -> Figures {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime starts");
    LocalSet::new().block_on(&runtime, async move {
        let peer = Rc::new(Peer::new(address, load));
        run(&peer, load.callers, WARM_UP).await;
        let cpu_before = cpu_microseconds();
        let started = Instant::now();
        let mut latencies = run(&peer, load.callers, load.duration).await;
        let seconds = started.elapsed().as_secs_f64();
        let cpu_microseconds = cpu_microseconds() - cpu_before;
        latencies.sort_unstable();
        Figures {
            calls: latencies.len(),
            seconds,
            cpu_microseconds,
            p50: percentile(&latencies, 50),
            p99: percentile(&latencies, 99),
        }
    })
}

async fn run(peer: &Rc<Peer>, callers: usize, duration: Duration) -> Vec<Duration> {
    let end = Instant::now() + duration;
    let callers: Vec<_> = (0..callers)
        .map(|_| {
            let peer = peer.clone();
            spawn_local(async move {
                let mut latencies = Vec::new();
                while Instant::now() < end {
                    let started = Instant::now();
                    peer.call().await;
                    latencies.push(started.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for caller in callers {
        latencies.extend(caller.await.expect("a caller ends"));
    }
    latencies
}

struct Peer {
    client: Client<HttpConnector, Full<Bytes>>,
    address: String,
    operation: Operation,
    signer: RefCell<Signer>,
    requests: RefCell<Requests>,
}

impl Peer {
    fn new(address: &str, Load { operation, callers, .. }: Load) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            client: Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(callers)
                .build(connector),
            address: address.to_owned(),
            operation,
            signer: RefCell::new(Signer::new("local", "local", address)),
            requests: RefCell::new(Requests::new(operation)),
        }
    }

    async fn call(&self) {
        let now = Timestamp::now();
        let target = self.operation.target();
        let body = self.requests.borrow_mut().next(now);
        let signature = self.signer.borrow_mut().sign(now, target, body.as_bytes());
        let request = Request::post(format!("http://{}/", self.address))
            .header("content-type", "application/x-amz-json-1.0")
            .header("host", &self.address)
            .header("x-amz-date", signature.date)
            .header("x-amz-target", target)
            .header("authorization", signature.authorization)
            .body(Full::new(Bytes::from(body)))
            .expect("the request is valid");
        let response = self.client.request(request).await.expect("the stand-in answers");
        assert!(response.status().is_success(), "the stand-in refused: {}", response.status());
        let answer = response.into_body().collect().await.expect("the answer arrives").to_bytes();
        let answer = serde_json::from_slice(&answer).expect("it is JSON");
        assert!(self.operation.is_answered_by(&answer), "the stand-in answered {answer}");
    }
}

fn cpu_microseconds() -> i64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the system counts CPU time");
    (usage.user_time() + usage.system_time()).num_microseconds()
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1000.0)
}
