//! `model MEDIAN SPREAD [history]`: the model of the service with these latencies, the median in
//! milliseconds, and with the index that a history is read from if that is asked for; prints its port.

use std::env;
use std::time::Duration;

use benchmark_servers::latency::Latency;
use benchmark_servers::{http, model};

const USAGE: &str = "usage: model MEDIAN SPREAD [history]";

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let (median, spread, has_history) = match arguments.as_slice() {
        [median, spread] => (median, spread, false),
        [median, spread, history] if history == "history" => (median, spread, true),
        _ => panic!("{USAGE}"),
    };
    let median: f64 = median.parse().expect(USAGE);
    let latency =
        Latency::new(Duration::from_secs_f64(median / 1000.0), spread.parse().expect(USAGE));
    let service = model::Service::new(latency.expect(USAGE));
    let service = if has_history { service.with_history() } else { service };
    http::serve(None, move |call| {
        let service = service.clone();
        async move { service.answer(call).await }
    });
}
