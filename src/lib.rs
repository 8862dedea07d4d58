//! User balances on DynamoDB that stay correct when calls race, are retried, or crash.
//!
//! `binding` takes JavaScript values, `transaction` and `money` validate them, `driver` accepts the call,
//! `core` decides who travels with whom and what an answer means, `driver` sends and brings back, `store`
//! says what is asked of a database, and `dynamodb` asks it.

// Denied and not forbidden: what napi's macros expand to allows it for itself.
#![deny(unsafe_code)]

pub mod binding;
pub mod core;
pub mod driver;
pub mod dynamodb;
pub mod error;
pub mod money;
pub mod options;
pub mod store;
pub mod transaction;
pub mod value;
