use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::money::{Decimal, StoredBalance};
use crate::store::{CallId, Record, RefusedBalance, Role};
use crate::transaction::Transaction;
use crate::value::Value;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn transaction(transaction_type: &str) -> Transaction {
    Transaction::validate(
        text("key-1"),
        text("user-1"),
        &Value::Number(50.0),
        &text(transaction_type),
    )
    .unwrap()
}

fn refused(balance: StoredBalance) -> RefusedBalance {
    RefusedBalance { balance, held: StoredBalance::Absent, epoch: None }
}

/// What this call wants to write: a credit of 50.
fn record() -> Record {
    Record {
        transaction: transaction("credit"),
        timestamp: "2024-05-06T07:08:09.010Z".into(),
        call_id: CallId::unique(),
        place: None,
        role: Role::Transaction,
    }
}

/// A record of the same request, written by another call.
fn twin() -> ExistingRecord {
    ExistingRecord {
        user_id: Some("user-1".to_owned()),
        amount: Decimal::parse("50"),
        transaction_type: Some("credit".to_owned()),
        call_id: Some(CallId::unique().to_string()),
        ..ExistingRecord::default()
    }
}

/// What a lone call hears that finds a record under its key.
fn judge(record: Record, existing: &ExistingRecord) -> Result<Written, BalanceError> {
    let group = Group::new(vec![Arc::new(record)]);
    of_taken_keys(&group, &[EntryState::Taken(existing.clone())])
}

fn verdict(existing: &ExistingRecord) -> (ErrorCode, String) {
    let error = judge(record(), existing).unwrap_err();
    assert_eq!(error.index, None, "it is no group");
    (error.code, error.message)
}

#[test]
fn a_duplicate_is_told_to_the_letter() {
    let error = duplicate(&record().transaction.idempotent_key);
    assert_eq!((error.code, &*error.message), (ErrorCode::DuplicateTransaction, DUPLICATE));
}

const DUPLICATE: &str = "Duplicate transaction: This idempotentKey has already been used.key-1";

fn assert_replayed(existing: &ExistingRecord) {
    assert_eq!(judge(record(), existing), Ok(Written::Replayed(vec![existing.clone()])));
}

fn assert_reused(existing: &ExistingRecord, fields: &str) {
    let message = format!(
        "{DUPLICATE} (for a request with another {fields}; nothing was changed, use a new key)"
    );
    assert_eq!(verdict(existing), (ErrorCode::IdempotentKeyReused, message));
}

#[test]
fn a_record_of_this_very_call_is_a_success() {
    let record = record();
    let own = ExistingRecord { call_id: Some(record.call_id.to_string()), ..twin() };
    assert_eq!(judge(record, &own), Ok(Written::Recorded));
}

#[test]
fn the_same_request_of_another_call_is_replayed() {
    assert_replayed(&twin());
}

#[test]
fn a_record_without_a_call_id_is_somebody_elses() {
    // Records of the old implementation have none.
    assert_replayed(&ExistingRecord { call_id: None, ..twin() });
}

#[test]
fn the_amount_is_compared_as_a_number() {
    for spelling in ["50", "50.0", "5E1", "5e+1", "0.5E2", "50.000"] {
        assert_replayed(&ExistingRecord { amount: Decimal::parse(spelling), ..twin() });
    }
}

#[test]
fn each_field_that_differs_is_named() {
    let other_user = ExistingRecord { user_id: Some("user-2".to_owned()), ..twin() };
    assert_reused(&other_user, "userId");
    let other_amount = ExistingRecord { amount: Decimal::parse("50.01"), ..twin() };
    assert_reused(&other_amount, "amount");
    let other_type = ExistingRecord { transaction_type: Some("debit".to_owned()), ..twin() };
    assert_reused(&other_type, "type");
}

#[test]
fn all_fields_that_differ_are_named() {
    let (code, message) = verdict(&ExistingRecord {
        user_id: Some("user-2".to_owned()),
        transaction_type: Some("debit".to_owned()),
        ..twin()
    });
    assert_eq!(code, ErrorCode::IdempotentKeyReused);
    assert!(message.contains("userId and type"), "{message}");
    assert!(!message.contains("amount"), "{message}");
}

#[test]
fn a_record_that_cannot_be_read_differs_in_everything() {
    let (code, message) = verdict(&ExistingRecord::default());
    assert_eq!(code, ErrorCode::IdempotentKeyReused);
    for field in ["userId", "amount", "type"] {
        assert!(message.contains(field), "{message}");
    }
}

#[test]
fn what_the_other_request_was_is_not_told() {
    let secret = "somebody-elses-user-id";
    let (_, message) = verdict(&ExistingRecord {
        user_id: Some(secret.to_owned()),
        amount: Decimal::parse("987654.321"),
        ..twin()
    });
    assert!(!message.contains(secret), "{message}");
    assert!(!message.contains("987654"), "{message}");
}

/// A group of debits of user-1: keys, amounts.
fn group(members: &[(&str, &str, f64, &str)]) -> Group {
    let (call_id, size) = (CallId::unique(), members.len());
    let records = members.iter().enumerate().map(|(index, (key, user, amount, kind))| {
        let (key, user_id) = (text(key), text(user));
        let transaction =
            Transaction::validate(key, user_id, &Value::Number(*amount), &text(kind)).unwrap();
        let place = (size > 1).then_some(PlaceInGroup { index, size });
        Arc::new(Record {
            transaction,
            timestamp: "".into(),
            call_id,
            place,
            role: Role::Transaction,
        })
    });
    Group::new(records.collect())
}

/// A transfer of 5 from user-1 to user-2.
fn transfer() -> Group {
    group(&[("out", "user-1", 5.0, "debit"), ("in", "user-2", 5.0, "credit")])
}

fn stored(group: &Group) -> Vec<EntryState> {
    group.entries().iter().map(|entry| EntryState::Taken(entry.left().unwrap())).collect()
}

/// The code and the index that a transfer hears.
fn reused(states: &[EntryState]) -> (ErrorCode, Option<u8>) {
    let error = of_taken_keys(&transfer(), states).unwrap_err();
    (error.code, error.index)
}

#[test]
fn a_group_that_was_recorded_by_another_call_is_replayed() {
    let states = stored(&transfer());
    let Ok(Written::Replayed(existing)) = of_taken_keys(&transfer(), &states) else {
        panic!("it was the same request");
    };
    assert_eq!(existing.into_iter().map(EntryState::Taken).collect::<Vec<_>>(), states);
}

#[test]
fn a_group_that_this_very_call_recorded_is_a_success() {
    let group = transfer();
    assert_eq!(of_taken_keys(&group, &stored(&group)), Ok(Written::Recorded));
    // Another transaction is at work on one of them.
    let mut states = stored(&group);
    states[0] = EntryState::Unclear;
    assert_eq!(of_taken_keys(&group, &states), Ok(Written::Recorded));
}

#[test]
fn a_group_of_which_only_a_part_is_recorded_is_a_key_reused() {
    let mut states = stored(&transfer());
    states[0] = EntryState::Free;
    assert_eq!(reused(&states), (ErrorCode::IdempotentKeyReused, Some(1)));
}

#[test]
fn a_group_whose_records_were_made_by_different_calls_is_a_key_reused() {
    let states = [stored(&transfer())[0].clone(), stored(&transfer())[1].clone()];
    assert_eq!(reused(&states), (ErrorCode::IdempotentKeyReused, Some(1)));
}

#[test]
fn a_group_whose_records_were_made_one_by_one_is_a_key_reused() {
    let alone = |member| stored(&group(&[member])).remove(0);
    let states = [alone(("out", "user-1", 5.0, "debit")), alone(("in", "user-2", 5.0, "credit"))];
    assert_eq!(reused(&states), (ErrorCode::IdempotentKeyReused, Some(0)));
}

#[test]
fn a_group_that_is_the_beginning_of_a_longer_one_is_a_key_reused() {
    let longer = group(&[
        ("out", "user-1", 5.0, "debit"),
        ("in", "user-2", 5.0, "credit"),
        ("fee", "user-3", 1.0, "credit"),
    ]);
    assert_eq!(reused(&stored(&longer)[..2]), (ErrorCode::IdempotentKeyReused, Some(0)));
}

#[test]
fn a_group_in_another_order_is_a_key_reused() {
    let states =
        stored(&group(&[("in", "user-2", 5.0, "credit"), ("out", "user-1", 5.0, "debit")]));
    let swapped = [states[1].clone(), states[0].clone()];
    assert_eq!(reused(&swapped), (ErrorCode::IdempotentKeyReused, Some(0)));
}

#[test]
fn the_first_transaction_of_a_group_that_differs_is_named() {
    let states =
        stored(&group(&[("out", "user-1", 5.0, "debit"), ("in", "user-2", 6.0, "credit")]));
    assert_eq!(reused(&states), (ErrorCode::IdempotentKeyReused, Some(1)));
}

fn funds(balances: &[(&str, &str)]) -> FundsOfUsers {
    let mut funds = FundsOfUsers::default();
    for (user, balance) in balances {
        let user_id = UserId::validate_for_transaction(text(user)).unwrap();
        let balance = Decimal::parse(balance).map_or(StoredBalance::Corrupt, StoredBalance::Number);
        funds.insert(user_id, Funds::of(&refused(balance), &Decimal::parse("100").unwrap()));
    }
    funds
}

/// Code, available, index.
type Heard = Option<(ErrorCode, Option<String>, Option<u8>)>;

fn refusal(balances: &[(&str, &str)], members: &[(&str, &str, f64, &str)]) -> Heard {
    let error = funds(balances).refusal_of(&group(members))?;
    let available = error.available.as_ref().map(|available| available.to_plain_string());
    Some((error.code, available, error.index))
}

#[test]
fn a_debit_larger_than_the_balance_is_an_insufficient_balance_that_says_what_there_is() {
    let debit = ("key", "user-1", 50.0, "debit");
    let heard = refusal(&[("user-1", "49.5")], &[debit]);
    assert_eq!(heard, Some((ErrorCode::InsufficientBalance, Some("49.5".to_owned()), None)));
    let error = funds(&[("user-1", "49.5")]).refusal_of(&group(&[debit])).unwrap();
    assert_eq!(error.message, "Insufficient balance: Cannot process debit transaction.");
}

#[test]
fn a_balance_covers_as_much_as_itself_and_a_negative_one_nothing() {
    let debit = |amount| [("key", "user-1", amount, "debit")];
    assert_eq!(refusal(&[("user-1", "49.99")], &debit(49.99)), None);
    assert!(refusal(&[("user-1", "-1")], &debit(0.01)).is_some());
}

#[test]
fn a_credit_needs_no_funds_but_a_balance_that_is_a_number() {
    let credit = [("key", "user-1", 5.0, "credit")];
    assert_eq!(refusal(&[("user-1", "-1000")], &credit), None);
    let heard = refusal(&[("user-1", "corrupt")], &credit);
    assert_eq!(heard, Some((ErrorCode::CorruptBalance, None, None)));
}

#[test]
fn without_a_stored_balance_the_default_is_what_there_is() {
    let default = Decimal::parse("100").unwrap();
    let mut funds = FundsOfUsers::default();
    let user_id = UserId::validate_for_transaction(text("user-1")).unwrap();
    funds.insert(user_id, Funds::of(&refused(StoredBalance::Absent), &default));
    assert_eq!(funds.refusal_of(&group(&[("key", "user-1", 100.0, "debit")])), None);
    assert!(funds.refusal_of(&group(&[("key", "user-1", 100.01, "debit")])).is_some());
}

#[test]
fn a_group_may_spend_what_it_brought_before() {
    let members = [("a", "user-1", 5.0, "credit"), ("b", "user-1", 7.0, "debit")];
    assert_eq!(refusal(&[("user-1", "2")], &members), None);
    let members = [("b", "user-1", 7.0, "debit"), ("a", "user-1", 5.0, "credit")];
    let heard = refusal(&[("user-1", "2")], &members);
    assert_eq!(heard, Some((ErrorCode::InsufficientBalance, Some("2".to_owned()), Some(0))));
}

#[test]
fn what_is_available_in_a_group_is_what_those_before_have_left() {
    let members = [("a", "user-1", 5.0, "debit"), ("b", "user-1", 5.0, "debit")];
    let heard = refusal(&[("user-1", "7")], &members);
    assert_eq!(heard, Some((ErrorCode::InsufficientBalance, Some("2".to_owned()), Some(1))));
}

#[test]
fn a_balance_that_was_not_seen_refuses_nobody() {
    assert_eq!(refusal(&[("user-2", "0")], &[("key", "user-1", 5.0, "debit")]), None);
}

#[test]
fn what_is_taken_is_gone_for_the_next_group_and_what_is_brought_is_there() {
    let mut funds = funds(&[("user-1", "10"), ("user-2", "0")]);
    assert!(funds.take(&group(&[("a", "user-1", 6.0, "debit"), ("b", "user-2", 6.0, "credit")])));
    assert!(!funds.take(&group(&[("c", "user-1", 5.0, "debit"), ("d", "user-2", 5.0, "credit")])));
    assert!(funds.take(&group(&[("e", "user-2", 6.0, "debit")])));
    assert!(!funds.take(&group(&[("f", "user-2", 0.01, "debit")])));
}

#[test]
fn a_refusal_of_what_is_covered_is_a_contradiction_of_the_service() {
    assert_eq!(refused_although_covered().code, ErrorCode::ServiceError);
}

proptest! {
    #[test]
    fn only_this_very_call_is_a_success(
        user_id in prop::option::of("user-[12]"),
        amount in prop::option::of("(50|5E1|50\\.0|51)"),
        transaction_type in prop::option::of("(credit|debit)"),
        is_own: bool,
    ) {
        let record = record();
        let call_id = if is_own { record.call_id } else { CallId::unique() };
        let is_same = user_id.as_deref() == Some("user-1")
            && amount.as_deref().is_some_and(|amount| amount != "51")
            && transaction_type.as_deref() == Some("credit");
        let existing = ExistingRecord {
            user_id,
            amount: amount.and_then(|amount| Decimal::parse(&amount)),
            transaction_type,
            call_id: Some(call_id.to_string()),
            ..ExistingRecord::default()
        };
        let code = judge(record, &existing).map_err(|error| error.code);
        let expected = match (is_own, is_same) {
            (true, _) => Ok(Written::Recorded),
            (false, true) => Ok(Written::Replayed(vec![existing])),
            (false, false) => Err(ErrorCode::IdempotentKeyReused),
        };
        prop_assert_eq!(code, expected);
    }

}
