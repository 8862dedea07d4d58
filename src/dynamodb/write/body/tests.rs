use std::collections::{BTreeMap, BTreeSet};

use aws_smithy_json::deserialize::token::skip_value;
use aws_smithy_json::deserialize::{Token as JsonToken, json_token_iter};
use proptest::prelude::*;

use super::*;
use crate::dynamodb::tests::{options, record, write_of};
use crate::money::Amount;
use crate::store::PlaceInGroup;
use crate::transaction::{IdempotentKey, UserId};
use crate::value::Value;

/// In which the requests of these tests are composed.
fn epoch() -> Epoch {
    Epoch::parse("1700000000000").unwrap()
}

fn body(records: &[(f64, &str)], default_balance: f64) -> String {
    let records = records.iter().map(|(amount, kind)| record(*amount, kind)).collect();
    of_write(&write_of(records, epoch()), "token", &options(default_balance))
}

/// The only update of a body.
fn update(records: &[(f64, &str)], default_balance: f64) -> String {
    let body = body(records, default_balance);
    let (_, update) = body.split_once(r#"{"Update":"#).expect("a balance is updated");
    update.to_owned()
}

/// The value of a member that is text and has nothing in it that is escaped.
fn member<'a>(json: &'a str, name: &str) -> &'a str {
    let (_, rest) = json.split_once(&format!(r#""{name}":""#)).expect("the member is there");
    rest.split_once('"').expect("it ends").0
}

fn value(update: &str, name: &str) -> String {
    let (_, rest) = update.split_once(&format!(r#""{name}":{{""#)).expect("the value is there");
    rest.split_once('}').expect("it ends").0.replace('"', "")
}

#[test]
fn a_lone_credit_is_spelt_like_this() {
    let record = record(50.25, "credit");
    let call_id = record.call_id.to_string();
    let body = of_write(&write_of(vec![record], epoch()), "token", &options(100.0));
    let expected = concat!(
        r#"{"ClientRequestToken":"token","TransactItems":["#,
        r#"{"Put":{"TableName":"Movements","Item":{"idempotentKey":{"S":"key-1"},"#,
        r#""userId":{"S":"user-1"},"amount":{"N":"50.25"},"type":{"S":"credit"},"#,
        r#""timestamp":{"S":"2024-05-06T07:08:09.010Z"},"callId":{"S":"CALL"}},"#,
        r#""ConditionExpression":"attribute_not_exists(idempotentKey)","#,
        r#""ReturnValuesOnConditionCheckFailure":"ALL_OLD"}},"#,
        r#"{"Update":{"TableName":"Balances","Key":{"userId":{"S":"user-1"}},"#,
        r#""UpdateExpression":"SET balance = if_not_exists(balance, :default) + :amount, "#,
        r#"epoch = :epoch REMOVE fencedCalls","#,
        r#""ConditionExpression":"(attribute_not_exists(balance) OR attribute_type(balance, "#,
        r#":number)) AND NOT (epoch BETWEEN :next AND :latest)","#,
        r#""ReturnValuesOnConditionCheckFailure":"ALL_OLD","#,
        r#""ExpressionAttributeValues":{":default":{"N":"100"},":amount":{"N":"50.25"},"#,
        r#"":epoch":{"N":"1700000000000"},":next":{"N":"1700000000001"},"#,
        r#"":latest":{"N":"1700003600000"},":number":{"S":"N"}}}}]}"#,
    );
    assert_eq!(body, expected.replace("CALL", &call_id));
}

#[test]
fn a_debit_that_the_default_covers_passes_without_a_balance() {
    for amount in [99.99, 100.0] {
        let update = update(&[(amount, "debit")], 100.0);
        assert!(member(&update, "UpdateExpression").contains("- :amount"));
        assert_eq!(
            member(&update, "ConditionExpression"),
            "(attribute_not_exists(balance) OR balance >= :floor) AND NOT (epoch BETWEEN :next AND \
             :latest)"
        );
    }
}

#[test]
fn a_debit_larger_than_the_default_needs_a_balance() {
    for (amount, default_balance) in [(100.01, 100.0), (1.0, 0.0), (1e-130, 0.0)] {
        let update = update(&[(amount, "debit")], default_balance);
        assert_eq!(
            member(&update, "ConditionExpression"),
            "(balance >= :floor) AND NOT (epoch BETWEEN :next AND :latest)"
        );
    }
}

#[test]
fn the_expressions_use_exactly_the_values_that_are_defined() {
    // DynamoDB refuses a value that no expression mentions as it does one that is missing.
    for records in [
        vec![(1.0, "credit")],
        vec![(1.0, "debit")],
        vec![(1000.0, "debit")],
        vec![(1.0, "debit"), (1.0, "credit")],
    ] {
        let update = update(&records, 100.0);
        let expressions =
            [member(&update, "UpdateExpression"), member(&update, "ConditionExpression")];
        let used: BTreeSet<String> = expressions
            .iter()
            .flat_map(|it| it.split([' ', ',', '(', ')']))
            .filter(|word| word.starts_with(':'))
            .map(str::to_owned)
            .collect();
        let (_, values) = update.split_once("ExpressionAttributeValues").unwrap();
        let defined = values.split('"').filter(|word| word.starts_with(':') && word.len() > 2);
        assert_eq!(used, defined.map(str::to_owned).collect());
    }
}

#[test]
fn several_records_move_the_balance_by_their_sum() {
    for (records, sign, amount) in [
        (vec![(0.1, "credit"), (0.2, "credit")], "+ :amount", "N:0.3"),
        (vec![(5.0, "credit"), (7.5, "debit")], "- :amount", "N:2.5"),
        (vec![(7.5, "credit"), (5.0, "debit"), (1.0, "debit")], "+ :amount", "N:1.5"),
        (vec![(5.0, "debit"), (5.0, "credit")], "+ :amount", "N:0"),
    ] {
        let update = update(&records, 100.0);
        assert!(member(&update, "UpdateExpression").contains(sign), "{records:?}");
        assert_eq!(value(&update, ":amount"), amount, "{records:?}");
    }
}

#[test]
fn several_records_need_the_balance_to_cover_each_debit_at_its_place() {
    for (records, is_default_enough, floor) in [
        (vec![(500.0, "credit"), (600.0, "debit")], true, "N:100"),
        (vec![(500.0, "credit"), (600.01, "debit")], false, "N:100.01"),
        // A balance below zero may not cover the debit, whatever it is credited with.
        (vec![(10.0, "credit"), (8.0, "debit")], true, "N:-2"),
        (vec![(8.0, "debit"), (10.0, "credit")], true, "N:8"),
    ] {
        let update = update(&records, 100.0);
        let condition = member(&update, "ConditionExpression");
        assert_eq!(condition.contains("attribute_not_exists"), is_default_enough, "{records:?}");
        assert_eq!(value(&update, ":floor"), floor, "{records:?}");
    }
}

#[test]
fn each_user_has_an_update_of_their_own_after_all_records() {
    let mut other = record(5.0, "credit");
    other.transaction.user_id =
        UserId::validate_for_transaction(Value::Text("user-2".to_owned())).unwrap();
    let write = write_of(vec![record(5.0, "debit"), other, record(1.0, "debit")], epoch());
    let body = of_write(&write, "token", &options(100.0));
    let kinds: Vec<&str> = body
        .match_indices(r#"{"Put":"#)
        .chain(body.match_indices(r#"{"Update":"#))
        .map(|(_, kind)| kind)
        .collect();
    assert_eq!(kinds.len(), 5);
    assert!(body.rfind(r#"{"Put":"#) < body.find(r#"{"Update":"#));
    let updates: Vec<&str> = body.split(r#"{"Update":"#).skip(1).collect();
    assert!(updates[0].contains(r#"{"S":"user-1"}"#) && value(updates[0], ":floor") == "N:6");
    assert!(updates[1].contains(r#"{"S":"user-2"}"#) && !updates[1].contains(":floor"));
}

#[test]
fn a_record_has_its_metadata_and_its_place_in_a_group() {
    let mut record = record(5.0, "credit");
    assert!(!body(&[(5.0, "credit")], 100.0).contains("group"));
    let entry = (Value::Text("order".to_owned()), Value::Text("17".to_owned()));
    record.transaction.metadata = Some(Metadata::validate(vec![entry]).unwrap());
    record.place = Some(PlaceInGroup { index: 1, size: 3 });
    let body = of_write(&write_of(vec![record], epoch()), "token", &options(100.0));
    for part in [
        r#""metadata":{"M":{"order":{"S":"17"}}}"#,
        r#""groupIndex":{"N":"1"}"#,
        r#""groupSize":{"N":"3"}"#,
    ] {
        assert!(body.contains(part), "{body}");
    }
}

#[test]
fn looking_for_records_and_ending_an_epoch_write_no_record() {
    let write = write_of(vec![record(5.0, "credit"), record(6.0, "debit")], epoch());
    let absence = of_absence(&write, "token", &options(100.0));
    assert_eq!(absence.matches(r#"{"ConditionCheck":{"TableName":"Movements""#).count(), 2);
    assert!(!absence.contains("Put") && !absence.contains("Update\""), "{absence}");
    let user_id = write.balances[0].user_id.clone();
    for absent in [None, write.entries.first().cloned()] {
        let count = usize::from(absent.is_some());
        let ending = EpochEnding { user_id: user_id.clone(), epoch: epoch(), undone: absent };
        let ended = of_epoch_ending(&ending, "token", &options(100.0));
        assert_eq!(ended.matches("ConditionCheck\"").count(), count);
        assert_eq!(member(&ended, "UpdateExpression"), "SET epoch = :next");
        assert!(!ended.contains("Put"), "{ended}");
    }
}

/// All strings of a JSON document, unescaped, with how often each is there.
fn strings_of(json: &str) -> BTreeMap<String, usize> {
    let mut strings = BTreeMap::new();
    let mut check = json_token_iter(json.as_bytes());
    skip_value(&mut check).expect("it is one JSON value");
    assert!(check.next().is_none(), "there is something after it");
    for token in json_token_iter(json.as_bytes()) {
        if let JsonToken::ValueString { value, .. } = token.expect("it is JSON") {
            *strings.entry(value.to_unescaped().unwrap().into_owned()).or_default() += 1;
        }
    }
    strings
}

proptest! {
    #[test]
    fn whatever_names_are_made_of_arrives_as_it_is(key in ".{1,20}", user in ".{1,20}", table in ".{1,20}") {
        let mut record = record(5.0, "credit");
        record.transaction.idempotent_key = IdempotentKey::validate(Value::Text(key.clone())).unwrap();
        record.transaction.user_id =
            UserId::validate_for_transaction(Value::Text(user.clone())).unwrap();
        record.transaction.amount = Amount::validate(&Value::Number(5.0)).unwrap();
        let mut options = options(100.0);
        options.transactions_table = table.clone();
        let strings = strings_of(&of_write(&write_of(vec![record], epoch()), "token", &options));
        prop_assert!(strings.contains_key(&key) && strings.contains_key(&table));
        prop_assert!(strings[&user] >= 2, "in the record and in the key of the balance");
    }
}
