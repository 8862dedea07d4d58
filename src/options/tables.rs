//! What `createTables` can be told.

use crate::error::BalanceError;
use crate::options::invalid_option;
use crate::value::Value;

/// The options as they arrived.
#[derive(Clone, Debug)]
pub struct UncheckedTablesOptions {
    /// The names of all that was given.
    pub names: Vec<String>,
    pub history: Value,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TablesOptions {
    /// Whether the table of transactions is to have the index that the history is read from.
    pub history: bool,
}

impl TablesOptions {
    pub fn validate(unchecked: &UncheckedTablesOptions) -> Result<Self, BalanceError> {
        if let Some(name) = unchecked.names.iter().find(|name| *name != "history") {
            return Err(invalid_option(name, "is not an option of createTables; there is history"));
        }
        match unchecked.history {
            Value::Undefined => Ok(Self { history: false }),
            Value::Boolean(history) => Ok(Self { history }),
            ref other => {
                let complaint = format!("must be true or false, not {}", other.kind());
                Err(invalid_option("history", &complaint))
            }
        }
    }
}

#[cfg(test)]
mod tests;
