//! Pure decisions about money: no I/O, no clock, no randomness of their own.

pub mod abandoned;
pub mod audit;
pub mod backoff;
pub mod balance_change;
pub mod epoch;
pub mod in_flight;
pub mod indefinite;
pub mod lane;
pub mod outcome;
pub mod reads;
