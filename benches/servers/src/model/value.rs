//! Items and their values, in DynamoDB's JSON.

use std::collections::{BTreeMap, BTreeSet};

use bigdecimal::BigDecimal;
use serde::{Deserialize, Serialize};

pub type Item = BTreeMap<String, AttributeValue>;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum AttributeValue {
    S(String),
    N(String),
    #[serde(rename = "SS")]
    Ss(BTreeSet<String>),
    #[serde(rename = "BOOL")]
    Bool(bool),
}

impl AttributeValue {
    pub fn number(&self) -> Option<BigDecimal> {
        match self {
            Self::N(number) => number.parse().ok(),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::S(text) => Some(text),
            _ => None,
        }
    }

    pub fn of_number(number: &BigDecimal) -> Self {
        Self::N(number.normalized().to_plain_string())
    }

    /// What `attribute_type` calls it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::Ss(_) => "SS",
            Self::Bool(_) => "BOOL",
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            // Two digits take a byte, sign and exponent another.
            Self::N(number) => number.len() / 2 + 1,
            Self::Ss(texts) => texts.iter().map(String::len).sum(),
            Self::Bool(_) => 1,
        }
    }
}

/// The size of an item in bytes, as capacity counts it.
pub fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value.size()).sum()
}
