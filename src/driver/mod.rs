//! Carries out what the core decides: takes calls in, sends requests, brings back what came of them.

pub mod admission;
pub mod closing;
pub mod course;
pub mod dispatcher;
pub mod ledger;
pub mod observation;
pub mod reply;
pub mod statistics;
mod timestamps;
