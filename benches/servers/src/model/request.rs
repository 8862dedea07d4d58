//! Requests in DynamoDB's JSON.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Refusal;
use super::value::{AttributeValue, Item};
use crate::http::Call;

#[derive(Debug)]
pub enum Request {
    Get(GetItem),
    BatchGet(BatchGetItem),
    Query(Query),
    Write(TransactWriteItems),
}

pub type Names = HashMap<String, String>;
pub type Values = HashMap<String, AttributeValue>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetItem {
    pub table_name: String,
    pub key: Item,
    #[serde(flatten)]
    pub view: View,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchGetItem {
    pub request_items: HashMap<String, Keys>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Keys {
    pub keys: Vec<Item>,
    #[serde(flatten)]
    pub view: View,
}

/// How an item is to be read.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct View {
    #[serde(default)]
    pub consistent_read: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projection_expression: Option<String>,
    #[serde(default, skip_serializing_if = "Names::is_empty")]
    pub expression_attribute_names: Names,
}

/// Of an index: those of the table itself nobody makes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Query {
    pub table_name: String,
    pub index_name: String,
    pub key_condition_expression: String,
    #[serde(default)]
    pub expression_attribute_names: Names,
    #[serde(default)]
    pub expression_attribute_values: Values,
    pub scan_index_forward: Option<bool>,
    #[serde(default = "without_limit")]
    pub limit: usize,
    pub exclusive_start_key: Option<Item>,
}

fn without_limit() -> usize {
    usize::MAX
}

impl Query {
    pub fn is_forward(&self) -> bool {
        self.scan_index_forward.unwrap_or(true)
    }

    /// What a record has to meet.
    pub fn condition(&self) -> Condition {
        Condition {
            condition_expression: Some(self.key_condition_expression.clone()),
            expression_attribute_names: self.expression_attribute_names.clone(),
            expression_attribute_values: self.expression_attribute_values.clone(),
            return_values_on_condition_check_failure: None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransactWriteItems {
    pub transact_items: Vec<Action>,
    pub client_request_token: Option<String>,
    /// What the token stands for.
    #[serde(skip)]
    pub fingerprint: u64,
}

#[derive(Debug, Deserialize)]
pub enum Action {
    Put(Put),
    Update(Update),
    ConditionCheck(ConditionCheck),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Put {
    pub table_name: String,
    pub item: Item,
    #[serde(flatten)]
    pub condition: Condition,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Update {
    pub table_name: String,
    pub key: Item,
    pub update_expression: String,
    #[serde(flatten)]
    pub condition: Condition,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConditionCheck {
    pub table_name: String,
    pub key: Item,
    #[serde(flatten)]
    pub condition: Condition,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Condition {
    pub condition_expression: Option<String>,
    #[serde(default)]
    pub expression_attribute_names: Names,
    #[serde(default)]
    pub expression_attribute_values: Values,
    pub return_values_on_condition_check_failure: Option<String>,
}

impl Request {
    pub fn read(call: &Call) -> Result<Self, Refusal> {
        let body = &call.body;
        let request = match call.operation.as_str() {
            "GetItem" => serde_json::from_slice(body).map(Self::Get),
            "BatchGetItem" => serde_json::from_slice(body).map(Self::BatchGet),
            "Query" => serde_json::from_slice(body).map(Self::Query),
            "TransactWriteItems" => {
                serde_json::from_slice(body).map(|request: TransactWriteItems| {
                    Self::Write(TransactWriteItems { fingerprint: fingerprint(body), ..request })
                })
            }
            operation => {
                let message = format!("the model does not know {operation}");
                return Err(Refusal::Error { code: "UnknownOperationException", message });
            }
        };
        request.map_err(|error| Refusal::Error {
            code: "SerializationException",
            message: error.to_string(),
        })
    }

    /// How many items it touches.
    pub fn items(&self) -> usize {
        match self {
            Self::Get(_) | Self::Query(_) => 1,
            Self::BatchGet(batch) => {
                batch.request_items.values().map(|table| table.keys.len()).sum()
            }
            Self::Write(transaction) => transaction.transact_items.len(),
        }
    }
}

fn fingerprint(body: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    hasher.finish()
}
