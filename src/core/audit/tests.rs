use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const PASSES: usize = 4;

fn decimal(number: i64) -> Decimal {
    Decimal::parse(&number.to_string()).unwrap()
}

fn text(text: &str) -> Attribute {
    Attribute::Text(text.to_owned())
}

fn balance(user_id: &str, balance: Attribute) -> BalanceItem {
    let (held, epoch) = (Attribute::Absent, Attribute::Absent);
    BalanceItem { user_id: user_id.to_owned(), balance, held, epoch }
}

fn with_held(user_id: &str, of_balance: &str, held: Attribute) -> BalanceItem {
    BalanceItem { held, ..balance(user_id, number(of_balance)) }
}

fn hold(key: &str, user_id: &str, amount: &str, state: &str) -> RecordItem {
    RecordItem { hold_state: text(state), ..record(key, user_id, amount, "debit") }
}

fn record(key: &str, user_id: &str, amount: &str, transaction_type: &str) -> RecordItem {
    RecordItem {
        idempotent_key: key.to_owned(),
        user_id: text(user_id),
        amount: Attribute::Number(Decimal::parse(amount).unwrap()),
        transaction_type: text(transaction_type),
        timestamp: text("2024-02-29T12:34:56.789Z"),
        call_id: Attribute::Absent,
        hold_state: Attribute::Absent,
    }
}

/// The report on empty tables.
fn empty_report() -> Report {
    Report { default_balance: decimal(100), ..Report::default() }
}

/// An audit of tables in which nothing moves.
fn audit(balances: &[BalanceItem], records: &[RecordItem]) -> Report {
    let mut pass = FirstPass::new(&DefaultBalance::default());
    for item in records {
        pass.add_record(item.clone());
    }
    for item in balances {
        pass.add_balance(item.clone());
    }
    let mut recount = pass.end();
    for item in balances {
        let (balance, held) = (stored(item.balance.clone()), stored(item.held.clone()));
        recount.set_sums(&item.user_id, Sums { balance, held });
    }
    for item in records {
        recount.add_record(item.clone());
    }
    recount.end_pass();
    recount.end()
}

fn number(text: &str) -> Attribute {
    Attribute::Number(Decimal::parse(text).unwrap())
}

#[test]
fn a_balance_of_the_default_plus_the_records_is_right() {
    let report = audit(
        &[balance("alice", number("130.1"))],
        &[record("1", "alice", "50.2", "credit"), record("2", "alice", "20.1", "debit")],
    );
    assert_eq!(report, Report { users: 1, records: 2, passes: 2, ..empty_report() });
}

#[test]
fn who_does_not_add_up_by_the_same_amount_would_with_another_default_balance() {
    let records = [record("1", "alice", "50", "credit"), record("2", "bob", "20", "credit")];
    let fitting = |alice: &str, bob: &str, carol: &str| {
        let of_users = [("alice", alice), ("bob", bob), ("carol", carol)];
        audit(&of_users.map(|(user, stored)| balance(user, number(stored))), &records)
            .fitting_default_balance
    };
    assert_eq!(fitting("50", "20", "0"), Some(decimal(0)));
    assert_eq!(fitting("50", "20", "100"), Some(decimal(0)));
    assert_eq!(fitting("50", "21", "0"), None);
    assert_eq!(fitting("50", "120", "100"), None, "one alone says nothing of the others");
    assert_eq!(fitting("150", "120", "100"), None);
    assert_eq!(fitting("49", "19", "-1"), None, "no default balance is below zero");
}

#[test]
fn what_is_held_is_what_the_open_holds_have() {
    let records = [
        hold("1", "alice", "20.5", "open"),
        hold("2", "alice", "10", "captured"),
        hold("3", "alice", "5", "open"),
    ];
    let report = audit(&[with_held("alice", "64.5", number("25.5"))], &records);
    assert_eq!(report, Report { users: 1, records: 3, passes: 2, ..empty_report() });
    for held in [Attribute::Absent, number("0"), number("35.5")] {
        let report = audit(&[with_held("alice", "64.5", held.clone())], &records);
        let finding = HeldMismatch {
            user_id: "alice".to_owned(),
            held: match held {
                Attribute::Number(held) => Some(held),
                _ => None,
            },
            expected: Decimal::parse("25.5").unwrap(),
            open_holds: 2,
        };
        assert_eq!(report.held_mismatches, Findings { count: 1, kept: vec![finding] });
        assert_eq!(report.mismatches.count, 0);
    }
}

#[test]
fn held_money_without_a_hold_is_found() {
    let report = audit(&[with_held("alice", "100", number("-3"))], &[]);
    assert_eq!(report.held_mismatches.count, 1);
    assert_eq!(report.mismatches.count, 0);
}

#[test]
fn what_is_held_and_no_number_and_a_hold_in_no_known_state_are_malformed() {
    let records = [hold("1", "alice", "20", "opened")];
    let report = audit(&[with_held("alice", "80", text("20"))], &records);
    let complaints: Vec<&str> =
        report.malformed.kept.iter().map(|it| it.complaint.as_str()).collect();
    assert_eq!(
        complaints,
        ["holdState must be open, captured or released", "held must be a number"]
    );
    assert_eq!(report.held_mismatches.count, 0);
}

#[test]
fn a_hold_that_is_closed_while_the_audit_runs_is_no_finding() {
    let mut pass = FirstPass::new(&DefaultBalance::default());
    pass.add_record(hold("1", "alice", "20", "open"));
    pass.add_balance(with_held("alice", "80", number("0")));
    let mut recount = pass.end();
    for _ in 1..PASSES {
        let (balance, held) = (stored(number("80")), stored(number("0")));
        recount.set_sums("alice", Sums { balance, held });
        recount.add_record(hold("1", "alice", "20", "captured"));
        recount.end_pass();
    }
    let report = recount.end();
    assert_eq!(report.held_mismatches.count, 0);
    assert_eq!(report.busy.count, 0);
}

#[test]
fn a_difference_beyond_the_digits_of_a_double_is_found() {
    let report = audit(
        &[balance("alice", number("10000000000000000000000000000000000100"))],
        &[
            record("1", "alice", "1e37", "credit"),
            record("2", "alice", "0.00000000000000000001", "credit"),
        ],
    );
    let [mismatch] = report.mismatches.kept.as_slice() else { panic!("{report:?}") };
    assert_eq!(
        mismatch.expected,
        Decimal::parse("10000000000000000000000000000000000100.00000000000000000001").unwrap()
    );
}

#[test]
fn records_without_a_balance_are_a_mismatch() {
    let report = audit(&[], &[record("1", "alice", "5", "credit")]);
    assert_eq!(
        report.mismatches.kept,
        [Mismatch {
            user_id: "alice".to_owned(),
            balance: None,
            expected: decimal(105),
            records: 1
        }]
    );
}

#[test]
fn a_balance_without_records_is_the_default_or_a_mismatch() {
    let report = audit(&[balance("alice", number("100")), balance("bob", number("99"))], &[]);
    assert_eq!(report.mismatches.kept.len(), 1);
    assert_eq!(report.mismatches.kept[0].user_id, "bob");
}

#[test]
fn an_item_without_a_balance_and_without_records_is_right() {
    assert_eq!(audit(&[balance("alice", Attribute::Absent)], &[]).mismatches.count, 0);
}

#[test]
fn a_balance_below_zero_is_reported() {
    let report = audit(&[balance("alice", number("-1"))], &[record("1", "alice", "101", "debit")]);
    assert_eq!(report.mismatches.count, 0);
    assert_eq!(
        report.negatives.kept,
        [Negative { user_id: "alice".to_owned(), balance: decimal(-1) }]
    );
}

#[test]
fn every_malformed_attribute_is_named() {
    let fine = || record("1", "alice", "5", "credit");
    for (item, complaint) in [
        (RecordItem { user_id: Attribute::Absent, ..fine() }, "userId must be a string"),
        (RecordItem { user_id: text(""), ..fine() }, "userId must be a string"),
        (RecordItem { amount: text("5"), ..fine() }, "amount must be a number greater than 0"),
        (RecordItem { amount: number("-5"), ..fine() }, "amount must be a number greater than 0"),
        (
            RecordItem { transaction_type: text("Credit"), ..fine() },
            "type must be either \"credit\" or \"debit\"",
        ),
        (
            RecordItem { timestamp: text("yesterday"), ..fine() },
            "timestamp must be a time in ISO 8601 and UTC",
        ),
        (RecordItem { call_id: number("1"), ..fine() }, "callId must be a string"),
    ] {
        let report = audit(&[], &[item]);
        assert_eq!(report.malformed.kept[0].complaint, complaint);
        assert_eq!(report.malformed.count, 1);
    }
}

#[test]
fn a_malformed_balance_is_not_a_mismatch_as_well() {
    let report = audit(&[balance("alice", text("100"))], &[record("1", "alice", "5", "credit")]);
    assert_eq!(report.malformed.kept[0].complaint, "balance must be a number");
    assert_eq!(report.mismatches.count, 0);
}

#[test]
fn findings_are_all_counted_and_the_first_ones_kept() {
    let balances: Vec<BalanceItem> =
        (0..MAX_KEPT + 5).map(|index| balance(&format!("user-{index}"), number("1"))).collect();
    let report = audit(&balances, &[]);
    assert_eq!(report.mismatches.count, u64::try_from(MAX_KEPT + 5).unwrap());
    assert_eq!(report.mismatches.kept.len(), MAX_KEPT);
}

/// Tables in which money moves while they are read. Users are 0 to 3; a user's balance may be
/// wrong from the beginning by some amount.
#[derive(Clone, Debug)]
struct Tables {
    balances: BTreeMap<usize, i64>,
    records: Vec<(usize, i64)>,
}

const USERS: usize = 4;

impl Tables {
    fn new(errors: &[i64]) -> Self {
        Self {
            balances: errors.iter().enumerate().map(|(user, error)| (user, 100 + error)).collect(),
            records: Vec::new(),
        }
    }

    /// A transaction, as this package makes it: record and balance at one instant.
    fn transact(&mut self, (user, amount): (usize, i64)) {
        *self.balances.get_mut(&user).unwrap() += amount;
        self.records.push((user, amount));
    }

    fn record(&self, index: usize) -> RecordItem {
        let (user, amount) = self.records[index];
        let transaction_type = if amount > 0 { "credit" } else { "debit" };
        let amount = amount.unsigned_abs().to_string();
        record(&index.to_string(), &user.to_string(), &amount, transaction_type)
    }
}

/// What a page of a scan sees, and what moves before the next one.
type Movements = Vec<Vec<(usize, i64)>>;

/// Reads the records one by one in an order that has nothing to do with their age, as a hash
/// does; those that arrive meanwhile are seen if their place is still to come.
fn scan(tables: &mut Tables, movements: &mut Movements, mut take: impl FnMut(RecordItem)) {
    let place = |index: usize| (index * 7919) % 64;
    for position in 0..64 {
        if let Some(batch) = movements.pop() {
            for movement in batch {
                tables.transact(movement);
            }
        }
        for index in (0..tables.records.len()).filter(|&index| place(index) == position) {
            take(tables.record(index));
        }
    }
}

/// The audit of moving tables, as `dynamodb::operations` drives it.
fn audit_moving(tables: &mut Tables, movements: &mut Movements) -> Report {
    let mut pass = FirstPass::new(&DefaultBalance::default());
    for user in 0..USERS {
        if let Some(batch) = movements.pop() {
            for movement in batch {
                tables.transact(movement);
            }
        }
        let stored = Attribute::Number(decimal(tables.balances[&user]));
        pass.add_balance(balance(&user.to_string(), stored));
    }
    scan(tables, movements, |item| pass.add_record(item));
    let mut recount = pass.end();
    for _ in 1..PASSES {
        for user_id in recount.suspects() {
            if let Some(batch) = movements.pop() {
                for movement in batch {
                    tables.transact(movement);
                }
            }
            let stored = tables.balances[&user_id.parse::<usize>().unwrap()];
            let balance = StoredBalance::Number(decimal(stored));
            recount.set_sums(&user_id, Sums { balance, held: StoredBalance::Absent });
        }
        scan(tables, movements, |item| recount.add_record(item));
        recount.end_pass();
    }
    recount.end()
}

fn movement() -> impl Strategy<Value = (usize, i64)> {
    (0..USERS, (-50_i64..50).prop_filter("an amount is not zero", |amount| *amount != 0))
}

proptest! {
    /// Whatever moves at whatever moment: who is called wrong is wrong, by exactly as much.
    #[test]
    fn money_that_moves_is_never_a_false_alarm(
        errors in prop::collection::vec(prop_oneof![3 => Just(0), 1 => -5_i64..5], USERS),
        before in prop::collection::vec(movement(), 0..20),
        mut movements in prop::collection::vec(prop::collection::vec(movement(), 0..3), 0..250),
    ) {
        let mut tables = Tables::new(&errors);
        for movement in before {
            tables.transact(movement);
        }
        let report = audit_moving(&mut tables, &mut movements);
        for mismatch in &report.mismatches.kept {
            let user: usize = mismatch.user_id.parse().unwrap();
            let error = errors[user];
            prop_assert_ne!(error, 0);
            let mut difference = Sum::zero();
            difference.add(mismatch.balance.as_ref().unwrap());
            difference.subtract(&mismatch.expected);
            prop_assert_eq!(difference.on_top_of(&decimal(0)), decimal(error));
        }
    }

    /// Without movement everybody is judged, and exactly the wrong ones are found.
    #[test]
    fn in_tables_at_rest_exactly_the_wrong_ones_are_found(
        errors in prop::collection::vec(prop_oneof![Just(0), -5_i64..5], USERS),
        before in prop::collection::vec(movement(), 0..60),
    ) {
        let mut tables = Tables::new(&errors);
        for movement in before {
            tables.transact(movement);
        }
        let report = audit_moving(&mut tables, &mut Vec::new());
        let found: Vec<String> =
            report.mismatches.kept.iter().map(|mismatch| mismatch.user_id.clone()).collect();
        let wrong: Vec<String> =
            (0..USERS).filter(|&user| errors[user] != 0).map(|user| user.to_string()).collect();
        prop_assert_eq!(found, wrong);
        prop_assert_eq!(report.busy.count, 0);
    }
}
