//! What calls are made of in the histories, validated once because a million of them use it.

use std::sync::Arc;

use fastrand::Rng;

use crate::core::group::Group;
use crate::money::{Amount, Decimal, StoredBalance};
use crate::store::{CallId, ExistingRecord, PlaceInGroup, Record};
use crate::transaction::{IdempotentKey, Transaction, TransactionType, UserId};
use crate::value::Value;

pub const MAX_KEYS: usize = 600;
pub const MAX_USERS: usize = 5;
const MAX_AMOUNT: i64 = 9;

pub struct Vocabulary {
    pub keys: Vec<IdempotentKey>,
    pub users: Vec<UserId>,
    amounts: Vec<Amount>,
    decimals: Vec<Decimal>,
}

impl Vocabulary {
    pub fn new() -> Self {
        let text = |text: String| Value::Text(text);
        let user = |number| UserId::validate_for_transaction(text(format!("u{number}"))).unwrap();
        let key = |number| IdempotentKey::validate(text(format!("k{number}"))).unwrap();
        let amount = |number: i64| Amount::validate_exact(&text(number.to_string())).unwrap();
        Self {
            keys: (0..MAX_KEYS).map(key).collect(),
            users: (0..MAX_USERS).map(user).collect(),
            amounts: (1..=MAX_AMOUNT).map(amount).collect(),
            decimals: (-200..3000).map(|it: i64| parse(&it.to_string())).collect(),
        }
    }

    pub fn decimal(&self, number: i64) -> Decimal {
        let known = usize::try_from(number + 200).ok().and_then(|it| self.decimals.get(it));
        known.cloned().unwrap_or_else(|| parse(&number.to_string()))
    }

    pub fn transaction(&self, movement: &Movement) -> Transaction {
        let position = usize::try_from(movement.sum.abs() - 1).unwrap();
        Transaction {
            idempotent_key: self.keys[movement.key].clone(),
            user_id: self.users[movement.user].clone(),
            amount: self.amounts[position].clone(),
            transaction_type: if movement.sum > 0 {
                TransactionType::Credit
            } else {
                TransactionType::Debit
            },
            metadata: None,
        }
    }

    /// A group as the ledger hands it over.
    pub fn group(&self, movements: &[Movement]) -> Group {
        let (call_id, size) = (CallId::unique(), movements.len());
        let record = |(index, movement)| {
            Arc::new(Record {
                transaction: self.transaction(movement),
                timestamp: String::new(),
                call_id,
                place: (size > 1).then_some(PlaceInGroup { index, size }),
            })
        };
        Group::new(movements.iter().enumerate().map(record).collect())
    }
}

fn parse(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

/// A whole number; `None` where there is another thing.
pub fn whole(balance: &StoredBalance, default_balance: i64) -> Option<i64> {
    match balance {
        StoredBalance::Absent => Some(default_balance),
        StoredBalance::Number(number) => Some(number.to_plain_string().parse().unwrap()),
        StoredBalance::Corrupt => None,
    }
}

/// A transaction by the numbers of its key and its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    pub key: usize,
    pub user: usize,
    /// Negative for a debit.
    pub sum: i64,
}

impl Movement {
    pub fn is_stored(&self, existing: &ExistingRecord, vocabulary: &Vocabulary) -> bool {
        let mut asked = ExistingRecord::from(&Record {
            transaction: vocabulary.transaction(self),
            timestamp: String::new(),
            call_id: CallId::unique(),
            place: existing.place,
        });
        asked.call_id.clone_from(&existing.call_id);
        asked == *existing
    }
}

/// What shapes calls have in a history.
#[derive(Clone, Copy, Debug)]
pub struct Shapes {
    pub keys: usize,
    pub users: usize,
    pub has_groups: bool,
}

impl Shapes {
    /// The transactions of a call. `earlier`: those of calls before it, some of which come again.
    pub fn call(&self, earlier: &[Vec<Movement>], rng: &mut Rng) -> Vec<Movement> {
        if self.has_groups
            && rng.u8(..5) == 0
            && let Some(again) = rng.choice(earlier)
        {
            return self.again(again.clone(), rng);
        }
        let size = if self.has_groups && rng.u8(..4) > 0 { rng.usize(1..=5) } else { 1 };
        let mut movements: Vec<Movement> = Vec::new();
        for _ in 0..size {
            let key = rng.usize(..self.keys);
            if !movements.iter().any(|it| it.key == key) {
                movements.push(Movement { key, user: rng.usize(..self.users), sum: sum(rng) });
            }
        }
        // A transfer is what most groups are.
        if let [from, to] = &mut movements[..] {
            (from.sum, to.sum) = (-from.sum.abs(), from.sum.abs());
        }
        movements
    }

    /// The same call, or nearly the same.
    fn again(self, mut movements: Vec<Movement>, rng: &mut Rng) -> Vec<Movement> {
        match rng.u8(..8) {
            0 => rng.choice(&mut movements).unwrap().sum = sum(rng),
            1 => rng.choice(&mut movements).unwrap().user = rng.usize(..self.users),
            2 if movements.len() > 1 => drop(movements.pop()),
            3 => movements.reverse(),
            _ => {}
        }
        movements
    }
}

fn sum(rng: &mut Rng) -> i64 {
    let amount = rng.i64(1..=MAX_AMOUNT);
    if rng.u8(..5) < 2 { amount } else { -amount }
}
