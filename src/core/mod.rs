//! Decides about money, and does nothing itself: no I/O, no clock, no randomness of its own. It knows
//! neither Node nor AWS, and calls nobody.
//!
//! There are two state machines, `WriteQueue` and `ReadQueue`, with four kinds of methods:
//!
//! - *What has happened*: `push`, `cancel`, `on_completed`, `on_lost`, `on_timeout`. They may be called in
//!   any order, and return the replies that are to be sent.
//! - *What is to be done*: `next_attempt`, to be asked after anything has happened until it gives
//!   nothing more. Each attempt is brought back once, by `on_completed`, or by `on_lost` if the driver
//!   does not know what became of it.
//! - *When to ask again*: `next_timeout`, to be asked last, as of the same instant. At that time, at the
//!   latest, `on_timeout` is called, and then `next_attempt`.
//! - *Questions*, such as `is_empty`, which change nothing.
//!
//! The time is an argument. It never goes backwards. No method blocks or takes longer than its share.
//! Whoever drives them is `driver::dispatcher`; whoever tests them needs no more than a loop.

pub mod abandoned;
pub mod audit;
pub mod backoff;
pub mod balance_change;
pub mod epoch;
pub mod group;
pub mod history;
pub mod holds;
pub mod in_flight;
pub mod indefinite;
pub mod outcome;
pub mod quick_map;
pub mod reads;
pub mod writes;
