//! What `createTables` can be told.

use crate::core::history::Index;
use crate::error::BalanceError;
use crate::options::invalid_option;
use crate::value::Value;

/// The options as they arrived.
#[derive(Clone, Debug)]
pub struct UncheckedTablesOptions {
    /// The names of all that was given.
    pub names: Vec<String>,
    pub history: Value,
    pub holds: Value,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TablesOptions {
    /// Whether the table of transactions is to have the index that the history is read from.
    pub history: bool,
    /// Whether it is to have the index that open holds are read from.
    pub holds: bool,
}

impl TablesOptions {
    pub fn validate(unchecked: &UncheckedTablesOptions) -> Result<Self, BalanceError> {
        let known = Index::ALL.map(Index::option);
        if let Some(name) = unchecked.names.iter().find(|name| !known.contains(&name.as_str())) {
            let complaint =
                format!("is not an option of createTables; there are {}", known.join(" and "));
            return Err(invalid_option(name, &complaint));
        }
        Ok(Self {
            history: validate_choice("history", &unchecked.history)?,
            holds: validate_choice("holds", &unchecked.holds)?,
        })
    }

    /// The indexes that are asked for.
    pub fn indexes(self) -> impl Iterator<Item = Index> {
        Index::ALL.into_iter().filter(move |index| match index {
            Index::UserHistory => self.history,
            Index::OpenHolds => self.holds,
        })
    }
}

fn validate_choice(name: &str, value: &Value) -> Result<bool, BalanceError> {
    match value {
        Value::Undefined => Ok(false),
        Value::Boolean(choice) => Ok(*choice),
        other => Err(invalid_option(name, &format!("must be true or false, not {}", other.kind()))),
    }
}

#[cfg(test)]
mod tests;
