//! What the model promises, asked as a peer would ask it.

use std::time::Instant;

use serde_json::{Value, json};

use super::*;

const KEPT: &str = "attribute_not_exists(idempotentKey)";
const CREDIT: &str = "(attribute_not_exists(balance) OR attribute_type(balance, :number)) \
                      AND NOT contains(fencedCalls, :call)";
const DEBIT: &str = "(attribute_not_exists(balance) OR balance >= :amount) \
                     AND NOT contains(fencedCalls, :call)";

struct Model {
    state: State,
    now: Instant,
}

impl Model {
    fn new() -> Self {
        Self { state: State::default(), now: Instant::now() }
    }

    /// Carries a request out; it is answered 5 ms later.
    fn ask(&mut self, operation: &str, body: &Value) -> (u16, Value) {
        let call =
            Call { path: "/".into(), operation: operation.into(), body: body.to_string().into() };
        let answered = self.now + Duration::from_millis(5);
        let answer = Request::read(&call)
            .and_then(|request| self.state.carry_out(request, self.now, answered))
            .unwrap_or_else(Refusal::into_answer);
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    fn pass(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
    }

    fn write(&mut self, body: &Value) -> (u16, Value) {
        self.ask("TransactWriteItems", body)
    }

    fn balance(&mut self, user: &str) -> Value {
        let key = json!({"userId": {"S": user}});
        let body = json!({"TableName": "UserBalances", "Key": key, "ConsistentRead": true});
        self.ask("GetItem", &body).1["Item"]["balance"]["N"].clone()
    }
}

fn put(key: &str, user: &str, amount: &str, kind: &str) -> Value {
    json!({"Put": {
        "TableName": "Transactions",
        "Item": {
            "idempotentKey": {"S": key},
            "userId": {"S": user},
            "amount": {"N": amount},
            "type": {"S": kind},
        },
        "ConditionExpression": KEPT,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }})
}

fn update(user: &str, sign: char, amount: &str) -> Value {
    let condition = if sign == '+' { CREDIT } else { DEBIT };
    json!({"Update": {
        "TableName": "UserBalances",
        "Key": {"userId": {"S": user}},
        "UpdateExpression": format!("SET balance = if_not_exists(balance, :default) {sign} :amount"),
        "ConditionExpression": condition,
        "ExpressionAttributeValues": {
            ":default": {"N": "100"},
            ":amount": {"N": amount},
            ":number": {"S": "N"},
            ":call": {"S": "call"},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }})
}

fn credit(key: &str, user: &str, amount: &str) -> Value {
    json!({"TransactItems": [put(key, user, amount, "credit"), update(user, '+', amount)]})
}

fn debit(key: &str, user: &str, amount: &str) -> Value {
    json!({"TransactItems": [put(key, user, amount, "debit"), update(user, '-', amount)]})
}

fn codes(answer: &Value) -> Vec<&str> {
    let reasons = answer["CancellationReasons"].as_array().unwrap();
    reasons.iter().map(|reason| reason["Code"].as_str().unwrap()).collect()
}

#[test]
fn sums_are_exact_and_the_audit_says_so() {
    let mut model = Model::new();
    for key in 0..10 {
        assert_eq!(model.write(&debit(&key.to_string(), "a", "0.1")).0, 200);
        model.pass(5);
    }
    assert_eq!(model.balance("a"), "99");
    let audit = audit::check(&model.state);
    assert_eq!((audit.users, audit.records, audit.wrong), (1, 10, 0));
}

#[test]
fn the_audit_finds_a_lost_update() {
    let mut model = Model::new();
    let overwrite = json!({"TransactItems": [
        {"Put": {"TableName": "Transactions", "Item": {
            "idempotentKey": {"S": "k"}, "userId": {"S": "a"},
            "amount": {"N": "0.3"}, "type": {"S": "credit"},
        }}},
        {"Put": {"TableName": "UserBalances", "Item": {
            "userId": {"S": "a"}, "balance": {"N": "100.1"},
        }}},
    ]});
    assert_eq!(model.write(&overwrite).0, 200);
    let audit = audit::check(&model.state);
    assert_eq!((audit.wrong, audit.difference.as_str()), (1, "0.2"));
}

#[test]
fn a_transaction_holds_its_items_until_it_is_answered() {
    let mut model = Model::new();
    assert_eq!(model.write(&credit("1", "a", "1")).0, 200);
    let (status, answer) = model.write(&credit("2", "a", "1"));
    assert_eq!((status, codes(&answer)), (400, vec!["None", "TransactionConflict"]));
    assert_eq!(model.write(&credit("3", "b", "1")).0, 200, "another user is free");
    model.pass(5);
    assert_eq!(model.write(&credit("2", "a", "1")).0, 200);
    assert_eq!(model.state.statistics.conflicts, 1);
    assert_eq!(model.state.statistics.attempts, 4);
}

#[test]
fn a_refused_transaction_changes_nothing_and_tells_what_was_there() {
    let mut model = Model::new();
    assert_eq!(model.write(&credit("1", "a", "1")).0, 200);
    model.pass(5);
    let (_, taken) = model.write(&credit("1", "a", "1"));
    assert_eq!(codes(&taken), ["ConditionalCheckFailed", "None"]);
    assert_eq!(taken["CancellationReasons"][0]["Item"]["amount"]["N"], "1");
    model.pass(5);
    let (_, uncovered) = model.write(&debit("2", "a", "101.01"));
    assert_eq!(codes(&uncovered), ["None", "ConditionalCheckFailed"]);
    assert_eq!(uncovered["CancellationReasons"][1]["Item"]["balance"]["N"], "101");
    assert_eq!(model.balance("a"), "101");
    assert_eq!(model.state.statistics.records, 1);
}

#[test]
fn a_token_is_carried_out_once() {
    let mut model = Model::new();
    let mut transaction = credit("1", "a", "1");
    transaction["ClientRequestToken"] = "token".into();
    assert_eq!(model.write(&transaction).0, 200);
    let (_, early) = model.write(&transaction);
    assert!(early["__type"].as_str().unwrap().ends_with("#TransactionInProgressException"));
    model.pass(5);
    assert_eq!(model.write(&transaction).0, 200);
    assert_eq!(model.balance("a"), "101");
    let mut other = credit("2", "a", "1");
    other["ClientRequestToken"] = "token".into();
    let (_, mismatch) = model.write(&other);
    assert!(
        mismatch["__type"].as_str().unwrap().ends_with("#IdempotentParameterMismatchException")
    );
}

#[test]
fn an_item_takes_1000_units_of_writing_a_second() {
    let mut model = Model::new();
    let mut committed = 0;
    // A transaction every millisecond for 2 seconds, none of which overlap.
    for key in 0..2000 {
        model.state.slots.values_mut().for_each(|slot| slot.taken_until = model.now);
        let (status, answer) = model.write(&credit(&key.to_string(), "a", "1"));
        if status == 200 {
            committed += 1;
        } else {
            assert_eq!(codes(&answer), ["None", "ThrottlingError"]);
        }
        model.pass(1);
    }
    // 500 a second, and what was saved up before.
    assert!((1000..=1052).contains(&committed), "{committed} committed");
}

#[test]
fn an_item_takes_3000_units_of_reading_a_second() {
    let mut model = Model::new();
    let key = json!({"userId": {"S": "a"}});
    let body = json!({"TableName": "UserBalances", "Key": key, "ConsistentRead": true});
    let refused = (0..1000).filter(|_| model.ask("GetItem", &body).0 == 400).count();
    assert_eq!(refused, 700);
    let keys = json!([{"userId": {"S": "a"}}, {"userId": {"S": "b"}}]);
    let view = json!({"Keys": keys, "ConsistentRead": true});
    let batch = json!({"RequestItems": {"UserBalances": view}});
    let (status, answer) = model.ask("BatchGetItem", &batch);
    assert_eq!(status, 200);
    let left = &answer["UnprocessedKeys"]["UserBalances"];
    assert_eq!(left, &json!({"Keys": [{"userId": {"S": "a"}}], "ConsistentRead": true}));
}

#[test]
fn units_are_two_for_each_action_and_started_kilobyte() {
    let mut model = Model::new();
    let mut actions: Vec<_> =
        (0..99).map(|key| put(&key.to_string(), "a", "1", "credit")).collect();
    actions.push(update("a", '+', "99"));
    assert_eq!(model.write(&json!({"TransactItems": actions})).0, 200);
    assert_eq!(model.state.statistics.write_units, 200);
    assert_eq!(model.state.statistics.records, 99);
    let long = "k".repeat(1024);
    assert_eq!(model.write(&credit(&long, "b", "1")).0, 200);
    assert_eq!(model.state.statistics.write_units, 206);
}

#[test]
fn a_batch_of_reads_has_what_is_there() {
    let mut model = Model::new();
    model.write(&credit("1", "a", "0.25"));
    let keys = json!([{"userId": {"S": "a"}}, {"userId": {"S": "b"}}]);
    let view = json!({"Keys": keys, "ConsistentRead": true, "ProjectionExpression": "balance, #u",
                      "ExpressionAttributeNames": {"#u": "userId"}});
    let (_, answer) = model.ask("BatchGetItem", &json!({"RequestItems": {"UserBalances": view}}));
    let item = json!({"userId": {"S": "a"}, "balance": {"N": "100.25"}});
    assert_eq!(answer["Responses"], json!({"UserBalances": [item]}));
    assert!((model.state.statistics.read_units - 2.0).abs() < 1e-9);
}

#[test]
fn a_fenced_call_is_refused() {
    let mut model = Model::new();
    let fence = json!({"TransactItems": [
        {"ConditionCheck": {
            "TableName": "Transactions",
            "Key": {"idempotentKey": {"S": "1"}},
            "ConditionExpression": KEPT,
        }},
        {"Update": {
            "TableName": "UserBalances",
            "Key": {"userId": {"S": "a"}},
            "UpdateExpression": "SET fencedCalls = :fences",
            "ConditionExpression": "NOT (balance >= :amount) AND attribute_not_exists(fencedCalls)",
            "ExpressionAttributeValues": {":fences": {"SS": ["call"]}, ":amount": {"N": "500"}},
        }},
    ]});
    assert_eq!(model.write(&fence).0, 200);
    model.pass(5);
    let (_, refused) = model.write(&credit("1", "a", "1"));
    assert_eq!(codes(&refused), ["None", "ConditionalCheckFailed"]);
}

/// A write as it is sent with an epoch of the balance.
fn epoch_write(key: &str, sign: char, amount: i64, [after, epoch, latest]: [u32; 3]) -> Value {
    let kind = if sign == '+' { "credit" } else { "debit" };
    let balance =
        if sign == '+' { "attribute_type(balance, :number)" } else { "balance >= :floor" };
    let mut values = json!({
        ":default": {"N": "100"},
        ":amount": {"N": amount.to_string()},
        ":epoch": {"N": epoch.to_string()},
        ":after": {"N": after.to_string()},
        ":latest": {"N": latest.to_string()},
    });
    let (name, value) = if sign == '+' {
        (":number", json!({"S": "N"}))
    } else {
        (":floor", json!({"N": amount.to_string()}))
    };
    values[name] = value;
    let update = json!({"Update": {
        "TableName": "UserBalances",
        "Key": {"userId": {"S": "a"}},
        "UpdateExpression": format!(
            "SET balance = if_not_exists(balance, :default) {sign} :amount, epoch = :epoch \
             REMOVE fencedCalls"
        ),
        "ConditionExpression": format!(
            "(attribute_not_exists(balance) OR {balance}) AND NOT (epoch BETWEEN :after AND :latest)"
        ),
        "ExpressionAttributeValues": values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }});
    json!({"TransactItems": [put(key, "a", &amount.to_string(), kind), update]})
}

fn epoch_fence(key: &str, [after, latest]: [u32; 2]) -> Value {
    json!({"TransactItems": [
        {"ConditionCheck": {
            "TableName": "Transactions",
            "Key": {"idempotentKey": {"S": key}},
            "ConditionExpression": KEPT,
        }},
        {"Update": {
            "TableName": "UserBalances",
            "Key": {"userId": {"S": "a"}},
            "UpdateExpression": "SET epoch = :after",
            "ConditionExpression": "NOT (epoch BETWEEN :after AND :latest)",
            "ExpressionAttributeValues":
                {":after": {"N": after.to_string()}, ":latest": {"N": latest.to_string()}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }},
    ]})
}

#[test]
fn a_write_leaves_its_epoch_and_one_before_it_is_refused() {
    let mut model = Model::new();
    assert_eq!(model.write(&epoch_write("1", '+', 5, [7, 7, 9])).0, 200);
    model.pass(5);
    let (_, refused) = model.write(&epoch_write("2", '-', 1, [6, 6, 9]));
    assert_eq!(codes(&refused), ["None", "ConditionalCheckFailed"]);
    let item = &refused["CancellationReasons"][1]["Item"];
    assert_eq!(item["epoch"]["N"], "7");
    assert_eq!(item["balance"]["N"], "105");
    model.pass(5);
    assert_eq!(model.write(&epoch_write("2", '-', 1, [8, 8, 9])).0, 200);
    assert_eq!(model.balance("a"), "104");
}

#[test]
fn a_fence_by_epoch_stops_the_request_behind_it() {
    let mut model = Model::new();
    assert_eq!(model.write(&epoch_fence("1", [7, 9])).0, 200);
    model.pass(5);
    let (_, refused) = model.write(&epoch_write("1", '+', 5, [6, 6, 9]));
    assert_eq!(codes(&refused), ["None", "ConditionalCheckFailed"]);
    model.pass(5);
    let (_, standing) = model.write(&epoch_fence("1", [7, 9]));
    assert_eq!(codes(&standing), ["None", "ConditionalCheckFailed"]);
    assert_eq!(standing["CancellationReasons"][1]["Item"]["epoch"]["N"], "7");
}

/// The item, if an update on the condition that it has a balance of 5 was carried out.
fn after_update(model: &mut Model, update: &str, condition: &str) -> Option<Value> {
    let body = json!({"TransactItems": [{"Update": {
        "TableName": "UserBalances",
        "Key": {"userId": {"S": "a"}},
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": {
            ":one": {"N": "1"}, ":five": {"N": "5"}, ":nine": {"N": "9"}, ":text": {"S": "5"},
        },
    }}]});
    let (status, _) = model.write(&body);
    model.pass(5);
    let key = json!({"userId": {"S": "a"}});
    let read = json!({"TableName": "UserBalances", "Key": key, "ConsistentRead": true});
    (status == 200).then(|| model.ask("GetItem", &read).1["Item"].clone())
}

#[test]
fn an_update_sets_and_removes_several_attributes() {
    let mut model = Model::new();
    let everything =
        after_update(&mut model, "SET x = :one, y = :five, z = :nine", "attribute_not_exists(x)");
    assert_eq!(
        everything.unwrap(),
        json!({"userId": {"S": "a"}, "x": {"N": "1"}, "y": {"N": "5"}, "z": {"N": "9"}})
    );
    // The operands are those before the update, also of what it removes.
    let moved =
        after_update(&mut model, "REMOVE x, gone SET y = x, z = y + z", "attribute_exists(x)");
    assert_eq!(moved.unwrap(), json!({"userId": {"S": "a"}, "y": {"N": "1"}, "z": {"N": "14"}}));
    for overlapping in ["SET y = :one REMOVE y", "SET y = :one, y = :five", "REMOVE y REMOVE z"] {
        assert_eq!(
            after_update(&mut model, overlapping, "attribute_exists(y)"),
            None,
            "{overlapping}"
        );
    }
}

#[test]
fn between_includes_its_bounds_and_nothing_that_is_missing_or_of_another_type() {
    let mut model = Model::new();
    after_update(&mut model, "SET x = :five, w = :text", "attribute_not_exists(x)").unwrap();
    for (condition, is_met) in [
        ("x BETWEEN :five AND :nine", true),
        ("x BETWEEN :one AND :five", true),
        ("x BETWEEN :nine AND :nine", false),
        ("x BETWEEN :one AND :five AND w = :text", true),
        ("NOT x BETWEEN :one AND :five", false),
        ("missing BETWEEN :one AND :nine", false),
        ("NOT (missing BETWEEN :one AND :nine)", true),
        ("NOT (w BETWEEN :one AND :nine)", true),
        ("NOT (x = :one OR (x BETWEEN :one AND :nine AND w = :text))", false),
        // Bounds that are not in order are no condition.
        ("x BETWEEN :nine AND :one", false),
        ("NOT (x BETWEEN :nine AND :one)", false),
    ] {
        let done = after_update(&mut model, "SET z = :one", condition);
        assert_eq!(done.is_some(), is_met, "{condition}");
    }
}

#[test]
fn what_the_model_cannot_read_is_a_validation_error() {
    let mut model = Model::new();
    let mut odd = credit("1", "a", "1");
    for (expression, field) in [
        ("size(balance) > :amount", "ConditionExpression"),
        ("balance >= :unknown", "ConditionExpression"),
        ("balance >= :amount AND", "ConditionExpression"),
        ("balance BETWEEN :amount", "ConditionExpression"),
        ("ADD balance :amount", "UpdateExpression"),
        ("", "UpdateExpression"),
        ("SET balance = missing + :amount", "UpdateExpression"),
    ] {
        let before = odd.clone();
        odd["TransactItems"][1]["Update"][field] = expression.into();
        let (_, answer) = model.write(&odd);
        let code = answer["__type"].as_str().unwrap();
        assert!(code.ends_with("#ValidationException"), "{expression}: {code}");
        odd = before;
    }
    assert_eq!(model.state.statistics.records, 0);
}

/// A record with a time, and the balance it moves.
fn timed(key: &str, user: &str, timestamp: &str) -> Value {
    let mut transaction = credit(key, user, "1");
    transaction["TransactItems"][0]["Put"]["Item"]["timestamp"] = json!({"S": timestamp});
    transaction
}

fn model_with_history() -> Model {
    let mut model = Model::new();
    model.state.index = Some(Index::default());
    model
}

fn query(user: &str, changes: &Value) -> Value {
    let mut query = json!({
        "TableName": "Transactions",
        "IndexName": "UserHistory",
        "KeyConditionExpression": "userId = :user",
        "ExpressionAttributeValues": {":user": {"S": user}},
    });
    for (name, value) in changes.as_object().unwrap() {
        query[name] = value.clone();
    }
    query
}

fn keys(answer: &Value) -> Vec<&str> {
    let items = answer["Items"].as_array().unwrap();
    items.iter().map(|item| item["idempotentKey"]["S"].as_str().unwrap()).collect()
}

#[test]
fn a_history_is_read_by_user_and_in_the_order_of_time() {
    let mut model = model_with_history();
    for (key, user, timestamp) in [("x", "a", "2"), ("y", "b", "1"), ("z", "a", "1")] {
        assert_eq!(model.write(&timed(key, user, timestamp)).0, 200);
        model.pass(5);
    }
    assert_eq!(keys(&model.ask("Query", &query("a", &json!({}))).1), ["z", "x"]);
    let newest = json!({"ScanIndexForward": false});
    assert_eq!(keys(&model.ask("Query", &query("a", &newest)).1), ["x", "z"]);
    assert_eq!(keys(&model.ask("Query", &query("c", &json!({}))).1), Vec::<&str>::new());
}

#[test]
fn a_history_has_bounds_and_pages() {
    let mut model = model_with_history();
    for number in 1..=5 {
        model.write(&timed(&format!("k{number}"), "a", &number.to_string()));
        model.pass(5);
    }
    let range = json!({
        "KeyConditionExpression": "userId = :user AND #t BETWEEN :from AND :to",
        "ExpressionAttributeNames": {"#t": "timestamp"},
        "ExpressionAttributeValues": {
            ":user": {"S": "a"}, ":from": {"S": "2"}, ":to": {"S": "4"},
        },
        "Limit": 2,
    });
    let (_, first) = model.ask("Query", &query("a", &range));
    assert_eq!(keys(&first), ["k2", "k3"]);
    let mut rest = range.clone();
    rest["ExclusiveStartKey"] = first["LastEvaluatedKey"].clone();
    let (_, second) = model.ask("Query", &query("a", &rest));
    assert_eq!(keys(&second), ["k4"]);
    assert_eq!(second["LastEvaluatedKey"], Value::Null);
}

#[test]
fn without_the_index_a_query_is_told_so() {
    let mut model = Model::new();
    let (status, answer) = model.ask("Query", &query("a", &json!({})));
    assert_eq!(status, 400);
    assert!(answer.to_string().contains("does not have the specified index"), "{answer}");
}

#[test]
fn an_index_takes_a_unit_for_each_record_and_kilobyte() {
    let mut model = model_with_history();
    model.write(&timed("1", "a", "1"));
    assert_eq!(model.state.statistics.write_units, 5);
    model.write(&timed(&"k".repeat(1024), "b", "1"));
    assert_eq!(model.state.statistics.write_units, 5 + 8);
}

#[test]
fn a_user_with_a_busy_index_is_throttled_and_others_are_not() {
    let mut model = model_with_history();
    let mut committed = 0;
    // Batches of 99 records of one user, one every 10 ms for 2 seconds: the balance could take them.
    for batch in 0..200 {
        let mut actions: Vec<Value> = (0..99)
            .map(|number| timed(&format!("{batch}-{number}"), "a", "1")["TransactItems"][0].clone())
            .collect();
        actions.push(update("a", '+', "99"));
        let (status, answer) = model.write(&json!({"TransactItems": actions}));
        if status == 200 {
            committed += 99;
        } else {
            assert_eq!(codes(&answer).first(), Some(&"ThrottlingError"));
        }
        model.pass(10);
    }
    // 1,000 records a second, what was saved up before, and a batch that was carried out in full.
    assert!((1900..=2200).contains(&committed), "{committed} committed");
    assert!(model.state.statistics.throttled > 0);
    assert_eq!(model.write(&timed("other", "b", "1")).0, 200);
}
