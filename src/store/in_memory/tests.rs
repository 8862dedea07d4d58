use super::*;
use crate::core::history::UncheckedListing;
use crate::value::Value;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn transaction(key: &str, amount: f64, transaction_type: &str) -> Transaction {
    let amount = Value::Number(amount);
    Transaction::validate(text(key), text("user-1"), &amount, &text(transaction_type)).unwrap()
}

fn store() -> InMemory {
    InMemory::new(Arc::default(), DefaultBalance::default())
}

fn put(store: &InMemory, key: &str, amount: f64, transaction_type: &str, timestamp: &str) {
    let transaction = transaction(key, amount, transaction_type);
    store.put_transaction(transaction, timestamp.to_owned()).unwrap();
}

fn keys(page: &Page) -> Vec<&str> {
    page.transactions.iter().map(|it| it.idempotent_key.as_str()).collect()
}

#[test]
fn an_earlier_transaction_moves_the_balance() {
    let store = store();
    put(&store, "key-1", 30.0, "debit", "2024-05-06T07:08:09.010Z");
    let user = UserId::validate_for_balance(text("user-1")).unwrap();
    let balance = store.tables.state().database.balance(&user);
    assert_eq!(balance, StoredBalance::Number(Decimal::parse("70").unwrap()));
}

#[test]
fn an_earlier_transaction_is_refused_like_any_other() {
    let store = store();
    put(&store, "key-1", 30.0, "debit", "2024-05-06T07:08:09.010Z");
    for transaction in [transaction("key-1", 1.0, "credit"), transaction("key-2", 71.0, "debit")] {
        let outcome = store.put_transaction(transaction, "2024-05-06T07:08:09.010Z".to_owned());
        assert_eq!(outcome.unwrap_err().code, ErrorCode::InvalidOption);
    }
    assert_eq!(store.tables.transactions().len(), 1);
}

#[test]
fn a_history_is_read_page_by_page_in_both_orders() {
    let store = store();
    for (key, second) in [("b", 1), ("a", 1), ("c", 0), ("d", 2)] {
        put(&store, key, 1.0, "credit", &format!("2024-05-06T07:08:0{second}.000Z"));
    }
    for (order, expected) in [("oldest", ["c", "a", "b", "d"]), ("newest", ["d", "b", "a", "c"])] {
        let mut cursor = Value::Undefined;
        let mut found = Vec::new();
        loop {
            let listing = Listing::validate(UncheckedListing {
                user_id: text("user-1"),
                from: Value::Undefined,
                to: Value::Undefined,
                order: text(order),
                limit: Value::Number(1.0),
                cursor,
            });
            let page = store.page(&listing.unwrap());
            found.extend(keys(&page).into_iter().map(str::to_owned));
            let Some(next) = page.cursor else { break };
            cursor = Value::Text(next);
        }
        assert_eq!(found, expected, "{order}");
    }
}

#[test]
fn the_audit_finds_a_balance_that_is_not_what_the_records_say() {
    let store = store();
    put(&store, "key-1", 30.0, "debit", "2024-05-06T07:08:09.010Z");
    assert_eq!(store.audit().mismatches.count, 0);
    let user = UserId::validate_for_balance(text("user-1")).unwrap();
    store.tables.put_balance(&user, Decimal::parse("71").unwrap());
    let report = store.audit();
    assert_eq!((report.users, report.records, report.mismatches.count), (1, 1, 1));
    assert_eq!(report.mismatches.kept[0].expected, Decimal::parse("70").unwrap());
}

#[test]
fn a_stopped_clock_moves_when_it_is_told_to() {
    let tables = Tables::default();
    let noon = SystemTime::UNIX_EPOCH + Duration::from_hours(12);
    tables.stop_clock_at(noon);
    tables.advance_clock(Duration::from_mins(5));
    assert_eq!(tables.now(), noon + Duration::from_mins(5));
}
