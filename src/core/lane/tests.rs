//! The rules one by one, and random histories that are judged by a sequential model.

mod database;
mod histories;
mod history;
mod judge;
mod rules;
