//! Whether the balances are what the records say: pure decisions about the items of both tables,
//! which are read while money keeps moving.
//!
//! The first pass reads everything and is no snapshot, so that a user who does not add up is only
//! a suspect. Then the suspects' balances are read, and all records once more. Records are only
//! ever added, and holds only ever closed. So a suspect who has as many records, and as many of them
//! closed, after the second pass as after the first had exactly those at the moment between the two at
//! which the balance was read: the verdict is exact. A suspect with more has moved in between, and has
//! to be looked at again.

use std::collections::HashMap;

use crate::money::sum::Sum;
use crate::money::{Decimal, DefaultBalance, StoredBalance};
use crate::store::HoldState;
use crate::transaction::TransactionType;

/// How many findings of one kind are kept; the others are only counted.
const MAX_KEPT: usize = 10_000;

/// An attribute of an item, of which nothing is certain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    Absent,
    Text(String),
    Number(Decimal),
    Other,
}

/// An item of the table of balances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceItem {
    pub user_id: String,
    pub balance: Attribute,
    pub held: Attribute,
    pub epoch: Attribute,
}

/// An item of the table of transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordItem {
    pub idempotent_key: String,
    pub user_id: Attribute,
    pub amount: Attribute,
    pub transaction_type: Attribute,
    pub timestamp: Attribute,
    pub call_id: Attribute,
    pub hold_state: Attribute,
}

/// The table that an item was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Balances,
    Transactions,
}

/// A user whose balance is not the default plus the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    pub user_id: String,
    /// `None`: nothing is stored, although there are records.
    pub balance: Option<Decimal>,
    pub expected: Decimal,
    pub records: u64,
}

/// A user for whom other money is held than what the open holds have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldMismatch {
    pub user_id: String,
    /// `None`: nothing is stored.
    pub held: Option<Decimal>,
    pub expected: Decimal,
    pub open_holds: u64,
}

/// A user whose balance is below zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negative {
    pub user_id: String,
    pub balance: Decimal,
}

/// An item that this package would not have written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub table: Table,
    pub key: String,
    pub complaint: String,
}

/// Findings of one kind: all are counted, the first ones kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings<T> {
    pub count: u64,
    pub kept: Vec<T>,
}

impl<T> Findings<T> {
    fn add(&mut self, finding: T) {
        self.count += 1;
        if self.kept.len() < MAX_KEPT {
            self.kept.push(finding);
        }
    }
}

impl<T> Default for Findings<T> {
    fn default() -> Self {
        Self { count: 0, kept: Vec::new() }
    }
}

/// What an audit came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub users: u64,
    pub records: u64,
    /// How often the records were read.
    pub passes: u32,
    /// What a user without a stored balance was taken to have.
    pub default_balance: Decimal,
    /// The default balance with which the users in `mismatches` would add up, if it is the same for all of
    /// them and there are several.
    pub fitting_default_balance: Option<Decimal>,
    pub mismatches: Findings<Mismatch>,
    pub held_mismatches: Findings<HeldMismatch>,
    pub negatives: Findings<Negative>,
    pub malformed: Findings<Malformed>,
    /// Users whose money moved during every pass: not judged.
    pub busy: Findings<String>,
}

/// The records of one user, added up.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tally {
    sum: Sum,
    records: u64,
    /// Boxed: most users have none, and there may be millions of them.
    holds: Option<Box<Holds>>,
}

/// The holds of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Holds {
    /// What the open ones have.
    held: Sum,
    open: u64,
    closed: u64,
}

impl Holds {
    fn none() -> Self {
        Self { held: Sum::zero(), open: 0, closed: 0 }
    }

    fn count(&mut self, amount: &Decimal, state: HoldState) {
        match state {
            HoldState::Open => {
                self.open += 1;
                self.held.add(amount);
            }
            HoldState::Captured | HoldState::Released => self.closed += 1,
        }
    }
}

impl Tally {
    fn zero() -> Self {
        Self { sum: Sum::zero(), records: 0, holds: None }
    }

    /// Both numbers only grow.
    fn has_moved_since(&self, before: &Self) -> bool {
        let closed = |tally: &Self| tally.holds.as_ref().map_or(0, |holds| holds.closed);
        (self.records, closed(self)) != (before.records, closed(before))
    }

    fn open_holds(&self) -> u64 {
        self.holds.as_ref().map_or(0, |holds| holds.open)
    }

    fn held(&self) -> Decimal {
        let held = |holds: &Holds| holds.held.on_top_of(&Decimal::default());
        self.holds.as_deref().map(held).unwrap_or_default()
    }

    fn count(&mut self, movement: &BalanceChange) {
        self.records += 1;
        if let Some(state) = movement.hold {
            let holds = self.holds.get_or_insert_with(|| Box::new(Holds::none()));
            holds.count(&movement.amount, state);
        }
        match movement.transaction_type {
            TransactionType::Credit => self.sum.add(&movement.amount),
            TransactionType::Debit => self.sum.subtract(&movement.amount),
        }
    }
}

/// What a record says about money.
struct BalanceChange {
    user_id: String,
    amount: Decimal,
    transaction_type: TransactionType,
    hold: Option<HoldState>,
}

/// The stored sums of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    pub balance: StoredBalance,
    pub held: StoredBalance,
}

impl Sums {
    fn absent() -> Self {
        Self { balance: StoredBalance::Absent, held: StoredBalance::Absent }
    }

    /// Whether they are the default plus the records, and what the open holds have.
    fn add_up(&self, tally: &Tally, default_balance: &Decimal) -> bool {
        adds_up(&self.balance, tally, default_balance) && is_held(&self.held, tally)
    }
}

/// A user during the first pass.
struct Account {
    sums: Sums,
    tally: Tally,
}

impl Account {
    fn unseen() -> Self {
        Self { sums: Sums::absent(), tally: Tally::zero() }
    }
}

/// The first pass: takes the items of both tables, in any order.
pub struct FirstPass {
    accounts: HashMap<String, Account>,
    report: Report,
}

impl FirstPass {
    pub fn new(default_balance: &DefaultBalance) -> Self {
        Self {
            accounts: HashMap::new(),
            report: Report {
                passes: 1,
                default_balance: default_balance.as_decimal().clone(),
                ..Report::default()
            },
        }
    }

    /// How many users are held in memory.
    pub fn users(&self) -> usize {
        self.accounts.len()
    }

    pub fn add_balance(&mut self, item: BalanceItem) {
        let complaint = complain(&[
            (
                matches!(item.balance, Attribute::Absent | Attribute::Number(_)),
                "balance must be a number",
            ),
            (
                matches!(item.held, Attribute::Absent | Attribute::Number(_)),
                "held must be a number",
            ),
            (
                matches!(item.epoch, Attribute::Absent | Attribute::Number(_)),
                "epoch must be a number",
            ),
        ]);
        self.report_malformed(Table::Balances, &item.user_id, complaint);
        let (balance, held) = (stored(item.balance), stored(item.held));
        if let StoredBalance::Number(number) = &balance
            && number.is_negative()
        {
            let negative = Negative { user_id: item.user_id.clone(), balance: number.clone() };
            self.report.negatives.add(negative);
        }
        let account = self.accounts.entry(item.user_id).or_insert_with(Account::unseen);
        account.sums = Sums { balance, held };
    }

    pub fn add_record(&mut self, item: RecordItem) {
        self.report.records += 1;
        let complaint = complain_of_record(&item);
        self.report_malformed(Table::Transactions, &item.idempotent_key, complaint);
        if let Some(movement) = read_movement(item) {
            let account =
                self.accounts.entry(movement.user_id.clone()).or_insert_with(Account::unseen);
            account.tally.count(&movement);
        }
    }

    /// Ends the pass: whoever adds up is cleared, the others are suspects.
    pub fn end(mut self) -> Recount {
        self.report.users = u64::try_from(self.accounts.len()).unwrap_or(u64::MAX);
        let default_balance = &self.report.default_balance;
        let suspects = self
            .accounts
            .into_iter()
            .filter(|(_, account)| {
                account.sums.balance != StoredBalance::Corrupt
                    && !account.sums.add_up(&account.tally, default_balance)
            })
            .map(|(user_id, account)| (user_id, Suspect::new(account.tally)))
            .collect();
        Recount { suspects, report: self.report }
    }

    fn report_malformed(&mut self, table: Table, key: &str, complaint: Option<String>) {
        if let Some(complaint) = complaint {
            self.report.malformed.add(Malformed { table, key: key.to_owned(), complaint });
        }
    }
}

/// A user who did not add up.
struct Suspect {
    /// The records as the pass before counted them.
    before: Tally,
    /// The sums as they were between the two passes.
    sums: Sums,
    /// The records as this pass counts them.
    now: Tally,
}

impl Suspect {
    fn new(before: Tally) -> Self {
        Self { before, sums: Sums::absent(), now: Tally::zero() }
    }
}

/// The passes after the first one, over the suspects only. Each takes first the balances of all
/// suspects, then all records.
pub struct Recount {
    suspects: HashMap<String, Suspect>,
    report: Report,
}

impl Recount {
    pub fn suspects(&self) -> Vec<String> {
        self.suspects.keys().cloned().collect()
    }

    /// A suspect's sums, read after the pass before and before this one. A suspect for whom none were
    /// found has none.
    pub fn set_sums(&mut self, user_id: &str, sums: Sums) {
        if let Some(suspect) = self.suspects.get_mut(user_id) {
            suspect.sums = sums;
        }
    }

    pub fn add_record(&mut self, item: RecordItem) {
        if let Some(movement) = read_movement(item)
            && let Some(suspect) = self.suspects.get_mut(&movement.user_id)
        {
            suspect.now.count(&movement);
        }
    }

    /// Ends a pass: judges the suspects for whom nothing has moved, and keeps the others.
    pub fn end_pass(&mut self) {
        self.report.passes += 1;
        let (judged, moving): (HashMap<_, _>, HashMap<_, _>) = self
            .suspects
            .drain()
            .partition(|(_, suspect)| !suspect.now.has_moved_since(&suspect.before));
        self.suspects = moving
            .into_iter()
            .map(|(user_id, suspect)| (user_id, Suspect::new(suspect.now)))
            .collect();
        for (user_id, suspect) in judged {
            self.judge(user_id, suspect);
        }
    }

    fn judge(&mut self, user_id: String, suspect: Suspect) {
        self.judge_held(&user_id, &suspect);
        if adds_up(&suspect.sums.balance, &suspect.now, &self.report.default_balance) {
            return;
        }
        let expected = suspect.now.sum.on_top_of(&self.report.default_balance);
        let balance = match suspect.sums.balance {
            StoredBalance::Number(number) => Some(number),
            StoredBalance::Absent => None,
            // It became so during the audit; the first pass could not tell.
            StoredBalance::Corrupt => {
                self.report.malformed.add(Malformed {
                    table: Table::Balances,
                    key: user_id,
                    complaint: "balance must be a number".to_owned(),
                });
                return;
            }
        };
        let records = suspect.now.records;
        self.report.mismatches.add(Mismatch { user_id, balance, expected, records });
    }

    fn judge_held(&mut self, user_id: &str, suspect: &Suspect) {
        let held = match &suspect.sums.held {
            StoredBalance::Number(held) => Some(held.clone()),
            StoredBalance::Absent => None,
            // Told as malformed.
            StoredBalance::Corrupt => return,
        };
        if !is_held(&suspect.sums.held, &suspect.now) {
            let (expected, open_holds) = (suspect.now.held(), suspect.now.open_holds());
            let user_id = user_id.to_owned();
            self.report.held_mismatches.add(HeldMismatch { user_id, held, expected, open_holds });
        }
    }

    /// Ends the audit: who is still a suspect has kept moving.
    pub fn end(mut self) -> Report {
        for user_id in self.suspects.into_keys() {
            self.report.busy.add(user_id);
        }
        self.report.fitting_default_balance =
            fitting_default(&self.report.mismatches, &self.report.default_balance);
        // In the order of names rather than of hashes: two reports can be compared.
        self.report.mismatches.kept.sort_by(|a, b| a.user_id.cmp(&b.user_id));
        self.report.held_mismatches.kept.sort_by(|a, b| a.user_id.cmp(&b.user_id));
        self.report.negatives.kept.sort_by(|a, b| a.user_id.cmp(&b.user_id));
        self.report.malformed.kept.sort_by(|a, b| a.key.cmp(&b.key));
        self.report.busy.kept.sort();
        self.report
    }
}

/// The default balance that explains all mismatches that are kept: they differ by the same amount. None is below
/// zero.
fn fitting_default(mismatches: &Findings<Mismatch>, default_balance: &Decimal) -> Option<Decimal> {
    let difference = |it: &Mismatch| Some(it.balance.as_ref()?.minus(&it.expected));
    let (first, others) = mismatches.kept.split_first()?;
    let shared = difference(first)?;
    let is_shared = |it: &Mismatch| difference(it).as_ref() == Some(&shared);
    let fitting = default_balance.plus(&shared);
    let is_explanation = !others.is_empty() && others.iter().all(is_shared);
    (is_explanation && !fitting.is_negative()).then_some(fitting)
}

/// Whether a balance is the default plus the records. This package never writes a record without
/// a balance, so that a user without a balance has no records.
fn adds_up(balance: &StoredBalance, tally: &Tally, default_balance: &Decimal) -> bool {
    match balance {
        StoredBalance::Absent => tally.records == 0,
        StoredBalance::Number(number) => *number == tally.sum.on_top_of(default_balance),
        StoredBalance::Corrupt => false,
    }
}

/// Whether what is held is what the open holds have.
fn is_held(held: &StoredBalance, tally: &Tally) -> bool {
    match held {
        StoredBalance::Absent => tally.open_holds() == 0,
        StoredBalance::Number(held) => *held == tally.held(),
        // Told as malformed.
        StoredBalance::Corrupt => true,
    }
}

fn stored(attribute: Attribute) -> StoredBalance {
    match attribute {
        Attribute::Absent => StoredBalance::Absent,
        Attribute::Number(number) => StoredBalance::Number(number),
        Attribute::Text(_) | Attribute::Other => StoredBalance::Corrupt,
    }
}

/// The money a record speaks of; `None` if it does not say whose, how much or which way.
fn read_movement(item: RecordItem) -> Option<BalanceChange> {
    let transaction_type = transaction_type(&item.transaction_type)?;
    let hold = hold_state(&item.hold_state);
    match (item.user_id, item.amount) {
        (Attribute::Text(user_id), Attribute::Number(amount)) if amount.is_positive() => {
            Some(BalanceChange { user_id, amount, transaction_type, hold })
        }
        _ => None,
    }
}

fn transaction_type(attribute: &Attribute) -> Option<TransactionType> {
    [TransactionType::Credit, TransactionType::Debit]
        .into_iter()
        .find(|known| matches!(attribute, Attribute::Text(text) if text == known.as_str()))
}

fn hold_state(attribute: &Attribute) -> Option<HoldState> {
    match attribute {
        Attribute::Text(text) => HoldState::parse(text),
        Attribute::Absent | Attribute::Number(_) | Attribute::Other => None,
    }
}

fn complain_of_record(item: &RecordItem) -> Option<String> {
    let is_timestamp = |text: &str| humantime::parse_rfc3339(text).is_ok();
    complain(&[
        (
            matches!(&item.user_id, Attribute::Text(text) if !text.is_empty()),
            "userId must be a string",
        ),
        (
            matches!(&item.amount, Attribute::Number(amount) if amount.is_positive()),
            "amount must be a number greater than 0",
        ),
        (
            transaction_type(&item.transaction_type).is_some(),
            "type must be either \"credit\" or \"debit\"",
        ),
        (
            matches!(&item.timestamp, Attribute::Text(text) if is_timestamp(text)),
            "timestamp must be a time in ISO 8601 and UTC",
        ),
        (
            item.hold_state == Attribute::Absent || hold_state(&item.hold_state).is_some(),
            "holdState must be open, captured or released",
        ),
        // Records of the implementation before this one have none.
        (matches!(item.call_id, Attribute::Absent | Attribute::Text(_)), "callId must be a string"),
    ])
}

/// Puts together what is wrong with an item.
fn complain(rules: &[(bool, &str)]) -> Option<String> {
    let broken: Vec<&str> =
        rules.iter().filter(|(holds, _)| !holds).map(|(_, rule)| *rule).collect();
    (!broken.is_empty()).then(|| broken.join("; "))
}

#[cfg(test)]
mod tests;
