//! What a caller notes down with a transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{BalanceError, ErrorCode};
use crate::value::Value;

/// How much a caller may note down: entries, and bytes of UTF-8 of all names and values.
const MAX_ENTRIES: usize = 50;
const MAX_BYTES: usize = 2_048;

/// Names and values, which mean nothing to this package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata(Arc<BTreeMap<String, String>>);

impl Metadata {
    /// Of entries in the order in which the caller gave them.
    pub fn validate(entries: Vec<(Value, Value)>) -> Result<Self, BalanceError> {
        if entries.len() > MAX_ENTRIES {
            let count = entries.len();
            return Err(refuse(&format!("must have at most {MAX_ENTRIES} entries, not {count}")));
        }
        let mut checked = BTreeMap::new();
        let mut bytes = 0;
        for (name, value) in entries {
            let (name, value) = (name_of(name)?, value);
            let Value::Text(value) = value else {
                let complaint = format!("{name:?} must be a string, not {}", kind_of(&value));
                return Err(refuse(&complaint));
            };
            bytes += name.len() + value.len();
            checked.insert(name, value);
        }
        if bytes > MAX_BYTES {
            let complaint = format!("must be at most {MAX_BYTES} bytes long in UTF-8, not {bytes}");
            return Err(refuse(&complaint));
        }
        Ok(Self(Arc::new(checked)))
    }

    pub fn entries(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

fn name_of(name: Value) -> Result<String, BalanceError> {
    match name {
        Value::Text(name) if name.is_empty() => Err(refuse("must not have an empty name")),
        Value::Text(name) => Ok(name),
        other => Err(refuse(&format!("names must be strings, not {}", kind_of(&other)))),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::MalformedText => "one with unpaired surrogates",
        other => other.kind(),
    }
}

fn refuse(complaint: &str) -> BalanceError {
    BalanceError::new(ErrorCode::InvalidMetadata, format!("Metadata {complaint}"))
}
