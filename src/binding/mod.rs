//! The only place that knows Node: JavaScript values in, JavaScript values out, errors as plain
//! data. `client.js` gives them their faces.

pub mod admin;
pub mod client;
pub mod credentials;
pub mod failure;
pub mod history;
pub mod holds;
pub mod options;
pub mod outbox;
pub mod requests;
mod results;
mod runtime;
mod store;
pub mod testing;
pub mod transactions;
pub mod value;
