use super::*;

fn record(changes: &[(&str, Option<AttributeValue>)]) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let mut item = HashMap::from([
        ("idempotentKey".to_owned(), text("key-1")),
        ("userId".to_owned(), text("user-1")),
        ("amount".to_owned(), AttributeValue::N("30.10".to_owned())),
        ("type".to_owned(), text("debit")),
        ("timestamp".to_owned(), text("2024-05-06T07:08:09.010Z")),
    ]);
    for (name, value) in changes {
        match value {
            Some(value) => drop(item.insert((*name).to_owned(), value.clone())),
            None => drop(item.remove(*name)),
        }
    }
    item
}

#[test]
fn a_record_of_this_package_is_told_in_full() {
    let expected = RecordedTransaction {
        idempotent_key: "key-1".to_owned(),
        user_id: "user-1".to_owned(),
        amount: "30.1".to_owned(),
        transaction_type: "debit".to_owned(),
        timestamp: "2024-05-06T07:08:09.010Z".to_owned(),
        metadata: None,
        hold: None,
        returned_from: None,
        malformed: None,
    };
    assert_eq!(read(&record(&[])), expected);
}

#[test]
fn all_digits_are_told_and_no_exponent() {
    for (stored, told) in [
        ("1E+3", "1000".to_owned()),
        ("1E-3", "0.001".to_owned()),
        (
            "9.9999999999999999999999999999999999999E+125",
            format!("{}{}", "9".repeat(38), "0".repeat(88)),
        ),
    ] {
        let amount = AttributeValue::N(stored.to_owned());
        assert_eq!(read(&record(&[("amount", Some(amount))])).amount, told);
    }
}

#[test]
fn a_number_that_dynamodb_cannot_hold_is_not_spelt_out() {
    let amount = AttributeValue::N("1E+999999999".to_owned());
    let told = read(&record(&[("amount", Some(amount))]));
    assert_eq!(told.amount, "1E+999999999");
    assert!(told.malformed.is_some());
}

#[test]
fn what_others_wrote_is_told_as_far_as_it_goes() {
    let told = read(&record(&[("amount", None), ("type", None)]));
    assert_eq!((told.amount.as_str(), told.transaction_type.as_str()), ("", ""));
    let malformed = told.malformed.unwrap();
    assert!(malformed.contains("amount must be") && malformed.contains("type must be"));
}

#[test]
fn metadata_comes_in_the_order_of_its_names() {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let map = ["c", "a", "b"].map(|name| (name.to_owned(), text(name)));
    let metadata = AttributeValue::M(HashMap::from(map));
    let told = read(&record(&[("metadata", Some(metadata))]));
    let pair = |name: &str| (name.to_owned(), name.to_owned());
    assert_eq!(told.metadata, Some(vec![pair("a"), pair("b"), pair("c")]));
    assert_eq!(told.malformed, None);
}
