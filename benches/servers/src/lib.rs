//! What the benchmarks measure against: a stand-in that answers at once, a model of the service,
//! and the floor, which is what a request costs when nobody but hyper is in the way.

pub mod floor;
pub mod http;
pub mod latency;
pub mod model;
pub mod signature;
pub mod stand_in;
