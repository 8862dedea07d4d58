use proptest::prelude::*;

use super::*;

fn listing(fields: impl FnOnce(&mut UncheckedListing)) -> Result<Listing, BalanceError> {
    let mut unchecked = UncheckedListing {
        user_id: Value::Text("user-1".to_owned()),
        from: Value::Undefined,
        to: Value::Undefined,
        order: Value::Undefined,
        limit: Value::Undefined,
        cursor: Value::Undefined,
    };
    fields(&mut unchecked);
    Listing::validate(unchecked)
}

fn range(from: f64, to: f64) -> Range {
    Range::validate(&Value::Number(from), &Value::Number(to)).unwrap()
}

fn transaction(number: usize) -> RecordedTransaction {
    RecordedTransaction {
        idempotent_key: format!("key-{number}"),
        user_id: "user-1".to_owned(),
        amount: "1".to_owned(),
        transaction_type: "credit".to_owned(),
        timestamp: "2024-05-06T07:08:09.010Z".into(),
        metadata: None,
        hold: None,
        returned_from: None,
        malformed: None,
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let Listing { series, limit, after } = listing(|_| {}).unwrap();
    assert_eq!(series.range, Range { from: None, to: None });
    assert_eq!(series.order, Order::Newest);
    assert_eq!(limit, 100);
    assert_eq!(after, None);
}

#[test]
fn a_wrong_field_is_named() {
    type Change = fn(&mut UncheckedListing);
    let wrong: [(&str, Change); 7] = [
        ("userId", |it| it.user_id = Value::Null),
        ("from", |it| it.from = Value::Number(f64::NAN)),
        ("to", |it| it.to = Value::Null),
        ("order", |it| it.order = Value::Text("oldest first".to_owned())),
        ("limit", |it| it.limit = Value::Number(0.0)),
        ("limit", |it| it.limit = Value::Number(1000.5)),
        ("limit", |it| it.limit = Value::Text("10".to_owned())),
    ];
    for (name, set) in wrong {
        let error = listing(set).unwrap_err();
        assert!(error.message.starts_with(&format!("Invalid input: {name} ")), "{}", error.message);
    }
}

#[test]
fn instants_outside_of_what_a_timestamp_can_say_are_the_first_and_the_last_one() {
    assert_eq!(bound(-8.64e15), "1970-01-01T00:00:00.000");
    assert_eq!(bound(8.64e15), "9999-12-31T23:59:59.999");
}

proptest! {
    /// Whoever writes timestamps of microseconds: the text is within the bounds if the time is.
    #[test]
    fn a_record_is_in_a_range_as_text_if_it_is_so_in_time(
        from in 0_u32..2000,
        length in 0_u32..2000,
        micros in 0_u32..4_000_000,
        is_fine in any::<bool>(),
    ) {
        let start = 1_700_000_000_000_u64;
        let bounds = range(
            f64::from(from) + 1_700_000_000_000.0,
            f64::from(from + length) + 1_700_000_000_000.0,
        );
        let micros = if is_fine { micros } else { micros / 1000 * 1000 };
        let instant =
            UNIX_EPOCH + Duration::from_millis(start) + Duration::from_micros(micros.into());
        let text = if is_fine {
            humantime::format_rfc3339_micros(instant).to_string()
        } else {
            humantime::format_rfc3339_millis(instant).to_string()
        };
        let is_in_time = micros >= from * 1000 && micros < (from + length) * 1000;
        let is_in_text = bounds.from.unwrap() <= text && text <= bounds.to.unwrap();
        prop_assert_eq!(is_in_text, is_in_time, "{}", text);
    }

    /// Pages that are followed to the end bring everything once, and none is empty in between.
    #[test]
    fn pages_bring_all_of_it_once(count in 0_usize..60, limit in 1_u32..20) {
        let all: Vec<RecordedTransaction> = (0..count).map(transaction).collect();
        let limit_as_value = f64::from(limit);
        let mut told = Vec::new();
        let mut cursor = Value::Undefined;
        loop {
            let listing = listing(|it| {
                it.limit = Value::Number(limit_as_value);
                it.cursor = cursor;
            }).unwrap();
            // As the database does it: from the position on, one more than the limit.
            let from = listing.after.as_ref().map_or(0, |after| {
                let is_it = |it: &RecordedTransaction| it.idempotent_key == after.idempotent_key;
                all.iter().position(is_it).unwrap() + 1
            });
            let found = all[from..].iter().take(limit as usize + 1).cloned().collect();
            let page = listing.page(found, None);
            prop_assert!(page.transactions.len() <= limit as usize);
            prop_assert!(count == 0 || !page.transactions.is_empty());
            told.extend(page.transactions);
            match page.cursor {
                None => break,
                Some(next) => cursor = Value::Text(next),
            }
        }
        prop_assert_eq!(told, all);
    }
}

/// Where records are large, the database reads less than the limit.
#[test]
fn a_page_that_was_cut_short_goes_on_where_reading_stopped() {
    let listing = listing(|_| {}).unwrap();
    for found in [vec![], vec![transaction(0), transaction(1)]] {
        let end = Index::UserHistory.position_of(&transaction(1));
        let page = listing.page(found.clone(), Some(end.clone()));
        assert_eq!(page.transactions, found);
        let cursor = Value::Text(page.cursor.unwrap());
        assert_eq!(cursor::read(&cursor, &listing.series), Ok(end));
    }
}
