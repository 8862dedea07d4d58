//! The audit of the tables in memory: the same decisions as about those in DynamoDB.

use crate::core::audit::{Attribute, BalanceItem, FirstPass, RecordItem, Report, Sums};
use crate::money::{DefaultBalance, StoredBalance};
use crate::store::ExistingRecord;
use crate::store::database::Database;
use crate::transaction::IdempotentKey;

pub fn report(database: &Database, default_balance: &DefaultBalance) -> Report {
    let mut pass = FirstPass::new(default_balance);
    for (user_id, balance, held) in database.accounts() {
        pass.add_balance(BalanceItem {
            user_id: user_id.as_str().to_owned(),
            balance: number(balance),
            held: number(held),
            // It is there or not, and always well formed.
            epoch: Attribute::Absent,
        });
    }
    for (key, record) in database.records() {
        pass.add_record(item(key, record));
    }
    let mut recount = pass.end();
    if recount.suspects().is_empty() {
        return recount.end();
    }
    for (user_id, balance, held) in database.accounts() {
        let sums = Sums { balance: balance.clone(), held: held.clone() };
        recount.set_sums(user_id.as_str(), sums);
    }
    for (key, record) in database.records() {
        recount.add_record(item(key, record));
    }
    recount.end_pass();
    recount.end()
}

fn number(stored: &StoredBalance) -> Attribute {
    match stored {
        StoredBalance::Absent => Attribute::Absent,
        StoredBalance::Number(number) => Attribute::Number(number.clone()),
        StoredBalance::Corrupt => Attribute::Other,
    }
}

fn item(key: &IdempotentKey, record: &ExistingRecord) -> RecordItem {
    let text = |text: Option<&String>| text.cloned().map_or(Attribute::Absent, Attribute::Text);
    let hold_state = record.hold.as_ref().map(|hold| hold.state.as_str().to_owned());
    RecordItem {
        idempotent_key: key.as_str().to_owned(),
        user_id: text(record.user_id.as_ref()),
        amount: record.amount.clone().map_or(Attribute::Absent, Attribute::Number),
        transaction_type: text(record.transaction_type.as_ref()),
        timestamp: text(record.timestamp.as_ref()),
        call_id: text(record.call_id.as_ref()),
        hold_state: text(hold_state.as_ref()),
    }
}
