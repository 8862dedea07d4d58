//! `floor ADDRESS read|transact CALLERS DURATION`: the time in seconds; prints its figures as JSON.

use std::env;
use std::time::Duration;

use benchmark_servers::floor::{Load, Operation, measure};

const USAGE: &str = "usage: floor ADDRESS read|transact CALLERS DURATION";

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [address, operation, callers, duration] = arguments.as_slice() else { panic!("{USAGE}") };
    let load = Load {
        operation: Operation::of(operation).expect(USAGE),
        callers: callers.parse().expect(USAGE),
        duration: Duration::from_secs_f64(duration.parse().expect(USAGE)),
    };
    let figures = measure(address, load);
    println!("{}", serde_json::to_string(&figures).expect("figures are JSON"));
}
