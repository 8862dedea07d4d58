//! `model MEDIAN SPREAD`: the model of the service with these latencies, the median in
//! milliseconds; prints its port.

use std::env;
use std::time::Duration;

use benchmark_servers::latency::Latency;
use benchmark_servers::{http, model};

const USAGE: &str = "usage: model MEDIAN SPREAD";

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [median, spread] = arguments.as_slice() else { panic!("{USAGE}") };
    let median: f64 = median.parse().expect(USAGE);
    let latency =
        Latency::new(Duration::from_secs_f64(median / 1000.0), spread.parse().expect(USAGE));
    let service = model::Service::new(latency.expect(USAGE));
    http::serve(None, move |call| {
        let service = service.clone();
        async move { service.answer(call).await }
    });
}
