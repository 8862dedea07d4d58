//! What is asked seldom: tables, and the audit of what is in them.

pub mod audit;
mod retrying;
mod scan;
pub mod table;
