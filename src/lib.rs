//! User balances on DynamoDB that stay true under races, retries and crashes.
//!
//! A call's way: `binding` takes JavaScript values, `transaction` and `money` validate them,
//! `ledger` tells the story, `store` says what it asks of a database, `dynamodb` asks it, and
//! `verdict` and `retry` decide what the answer means.

// Denied and not forbidden: what napi's macros expand to allows it for itself.
#![deny(unsafe_code)]

pub mod admission;
pub mod binding;
pub mod cancellation;
pub mod credentials;
pub mod dynamodb;
pub mod error;
pub mod fence;
pub mod ledger;
pub mod money;
pub mod options;
pub mod retry;
pub mod store;
pub mod transaction;
pub mod value;
pub mod verdict;
