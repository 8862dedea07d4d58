//! One signed request and its answer, over a connection of our own.

pub mod attempt;
pub mod certificates;
pub mod clock;
pub mod genuine;
pub mod http;
mod observation;
pub mod protocol;
pub mod signature;
pub mod wire;
