//! What the floor sends: requests as this package sends them for a single call, composed anew for
//! each, with the keys of the benchmark's driver.

use jiff::Timestamp;
use serde_json::Value;

const USERS: u64 = 10_000;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    Read,
    Transact,
}

impl Operation {
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "read" => Some(Self::Read),
            "transact" => Some(Self::Transact),
            _ => None,
        }
    }

    pub fn target(self) -> &'static str {
        match self {
            Self::Read => "DynamoDB_20120810.GetItem",
            Self::Transact => "DynamoDB_20120810.TransactWriteItems",
        }
    }

    pub fn is_answered_by(self, answer: &Value) -> bool {
        match self {
            Self::Read => answer["Item"]["balance"]["N"] == "100",
            Self::Transact => answer == &serde_json::json!({}),
        }
    }
}

/// Composes the requests of one process.
#[derive(Debug)]
pub struct Requests {
    operation: Operation,
    calls: u64,
    /// Tells the keys and tokens of this process from those of others.
    prefix: u128,
    /// Of all balances, in milliseconds: they are only written by this process.
    epoch: i64,
}

impl Requests {
    pub fn new(operation: Operation) -> Self {
        let epoch = Timestamp::now().as_millisecond();
        Self { operation, calls: 0, prefix: rand::random(), epoch }
    }

    pub fn next(&mut self, now: Timestamp) -> String {
        self.calls += 1;
        match self.operation {
            Operation::Read => self.get_item(),
            Operation::Transact => self.transact_write_items(now),
        }
    }

    fn get_item(&self) -> String {
        let user = self.calls % USERS;
        format!(
            r#"{{"TableName":"UserBalances","Key":{{"userId":{{"S":"user-{user}"}}}},"ConsistentRead":true,"ProjectionExpression":"balance"}}"#
        )
    }

    /// Credits and debits in turns, as the driver has them.
    fn transact_write_items(&self, now: Timestamp) -> String {
        let Self { calls, prefix, epoch, .. } = self;
        let user = calls % USERS;
        let (transaction_type, sign, is_allowed, more_values) = if calls % 2 == 0 {
            ("credit", '+', "attribute_type(balance, :number)", r#"":number":{"S":"N"}"#)
        } else {
            ("debit", '-', "balance >= :floor", r#"":floor":{"N":"0.1"}"#)
        };
        let (key, call_id) = (hyphenated(*prefix), hyphenated(rand::random()));
        let token = format!("{:016x}{calls:020x}", prefix >> 64);
        let (next, latest) = (epoch + 1, epoch + 3_600_000);
        format!(
            r#"{{"ClientRequestToken":"{token}","TransactItems":[{{"Put":{{"TableName":"Transactions","Item":{{"idempotentKey":{{"S":"{key}-{calls}"}},"userId":{{"S":"user-{user}"}},"amount":{{"N":"0.1"}},"type":{{"S":"{transaction_type}"}},"timestamp":{{"S":"{now:.3}"}},"callId":{{"S":"{call_id}"}}}},"ConditionExpression":"attribute_not_exists(idempotentKey)","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}}}},{{"Update":{{"TableName":"UserBalances","Key":{{"userId":{{"S":"user-{user}"}}}},"UpdateExpression":"SET balance = if_not_exists(balance, :default) {sign} :amount, epoch = :epoch REMOVE fencedCalls","ConditionExpression":"(attribute_not_exists(balance) OR {is_allowed}) AND NOT (epoch BETWEEN :next AND :latest)","ReturnValuesOnConditionCheckFailure":"ALL_OLD","ExpressionAttributeValues":{{":default":{{"N":"100"}},":amount":{{"N":"0.1"}},":epoch":{{"N":"{epoch}"}},":next":{{"N":"{next}"}},":latest":{{"N":"{latest}"}},{more_values}}}}}}}]}}"#
        )
    }
}

/// As the text of a UUID is.
fn hyphenated(number: u128) -> String {
    let hex = format!("{number:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::Call;
    use crate::latency::Latency;
    use crate::model::Service;

    fn transactions() -> Requests {
        Requests::new(Operation::Transact)
    }

    #[tokio::test]
    async fn the_model_takes_the_transactions() {
        let service = Service::new(Latency::new(Duration::ZERO, 0.0).unwrap());
        let mut requests = transactions();
        for _ in 0..4 {
            let body = requests.next(Timestamp::now()).into();
            let call = Call { path: "/".into(), operation: "TransactWriteItems".into(), body };
            let answer = service.answer(call).await;
            let body = serde_json::from_slice(&answer.body).unwrap();
            assert!(Operation::Transact.is_answered_by(&body), "{answer:?}");
        }
    }

    /// Of a credit with a key as long as the driver's, by this package.
    const SIZE_OF_A_CREDIT: usize = 1_028;

    #[test]
    fn a_transaction_has_the_size_of_one_by_this_package() {
        let mut requests = Requests { calls: 123_455, ..transactions() };
        let credit = requests.next(Timestamp::from_second(1_795_778_296).unwrap());
        assert_eq!(credit.len(), SIZE_OF_A_CREDIT, "{credit}");
    }

    #[test]
    fn each_call_has_a_token_and_a_key_of_its_own() {
        let mut requests = transactions();
        let mut token_and_key = || {
            let body: Value = serde_json::from_str(&requests.next(Timestamp::now())).unwrap();
            let key = &body["TransactItems"][0]["Put"]["Item"]["idempotentKey"]["S"];
            [body["ClientRequestToken"].to_string(), key.to_string()]
        };
        let (first, second) = (token_and_key(), token_and_key());
        assert!(first.iter().zip(&second).all(|(one, other)| one != other));
    }
}
