//! What calls are made of in the histories, validated once because a million of them use it.

use std::sync::Arc;

use fastrand::Rng;

use crate::core::group::Group;
use crate::money::{Amount, Decimal, StoredBalance};
use crate::store::{
    CallId, Closing, ExistingRecord, HoldState, HoldStatus, PlaceInGroup, Record, Role,
};
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
        let position =
            usize::try_from(movement.sum.abs() - 1).expect("a transaction moves something");
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

    fn role(&self, movement: &Movement) -> Role {
        match movement.part {
            Part::Hold => Role::Hold { expires_at: Some(EXPIRES_AT.to_owned()) },
            Part::Rest { hold } => Role::Return { hold: self.keys[hold].clone() },
            _ => Role::Transaction,
        }
    }

    /// How a hold is closed, as the ledger hands it over.
    pub fn closing(&self, hold: &Movement, by: IdempotentKey, closing: &Close) -> Closing {
        let amount = |number: i64| self.amounts.get(usize::try_from(number - 1).ok()?).cloned();
        Closing {
            idempotent_key: by,
            call_id: CallId::unique(),
            hold: self.keys[hold.key].clone(),
            user_id: self.users[hold.user].clone(),
            amount: amount(closing.amount).unwrap(),
            captured: closing.captured.and_then(amount),
            rest: amount(closing.rest()),
            now: (if closing.is_late { LATE } else { IN_TIME }).to_owned(),
            before: ExistingRecord {
                hold: Some(Box::new(HoldStatus::open(Some(EXPIRES_AT.to_owned())))),
                ..ExistingRecord::default()
            },
        }
    }

    /// A group as the ledger hands it over.
    pub fn group(&self, movements: &[Movement]) -> Group {
        if let [hold, key] = movements
            && let Part::Closing(closing) = &hold.part
        {
            return Group::closing(self.closing(hold, self.keys[key.key].clone(), closing), "");
        }
        let (call_id, size) = (CallId::unique(), movements.len());
        let record = |(index, movement)| {
            Arc::new(Record {
                transaction: self.transaction(movement),
                timestamp: "".into(),
                call_id,
                place: (size > 1).then_some(PlaceInGroup { index, size }),
                role: self.role(movement),
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
    /// What it adds to the balance: negative for a debit.
    pub sum: i64,
    pub part: Part,
}

/// What a movement is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Transaction,
    /// A debit that is given back unless it is captured.
    Hold,
    /// Of the hold with the movement's key. The next movement is of the key of the call.
    Closing(Close),
    /// Gives back what a hold was not captured for.
    Rest {
        hold: usize,
    },
    /// Of a call that gives nothing back.
    FreeKey,
}

/// How a hold is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// What the hold has, as far as the caller knows.
    pub amount: i64,
    pub captured: Option<i64>,
    /// After it has expired.
    pub is_late: bool,
}

impl Close {
    fn rest(&self) -> i64 {
        self.amount - self.captured.unwrap_or_default()
    }

    pub fn state(&self) -> HoldState {
        if self.captured.is_some() { HoldState::Captured } else { HoldState::Released }
    }
}

/// Times, as far as they matter here: text that sorts.
const IN_TIME: &str = "3";
const EXPIRES_AT: &str = "5";
const LATE: &str = "7";

impl Movement {
    /// Key, user, and whether it closes a hold.
    pub fn name(&self) -> (usize, usize, bool) {
        (self.key, self.user, matches!(self.part, Part::Closing(_)))
    }

    pub fn is_stored(&self, existing: &ExistingRecord, vocabulary: &Vocabulary) -> bool {
        let mut asked = ExistingRecord::from(&Record {
            transaction: vocabulary.transaction(self),
            timestamp: "".into(),
            call_id: CallId::unique(),
            place: existing.place,
            role: vocabulary.role(self),
        });
        // It may have been closed since.
        if asked.hold.is_some() && existing.hold.is_some() {
            asked.hold.clone_from(&existing.hold);
        }
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
    pub has_holds: bool,
}

impl Shapes {
    /// The transactions of a call. `earlier`: those of calls before it, some of which come again.
    pub fn call(&self, earlier: &[Vec<Movement>], rng: &mut Rng) -> Vec<Movement> {
        if self.has_holds && rng.u8(..3) > 0 {
            return self.about_holds(earlier, rng);
        }
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
                let (user, sum, part) = (rng.usize(..self.users), sum(rng), Part::Transaction);
                movements.push(Movement { key, user, sum, part });
            }
        }
        // A transfer is what most groups are.
        if let [from, to] = &mut movements[..] {
            (from.sum, to.sum) = (-from.sum.abs(), from.sum.abs());
        }
        movements
    }

    /// Opens a hold, or closes one that an earlier call has opened.
    fn about_holds(self, earlier: &[Vec<Movement>], rng: &mut Rng) -> Vec<Movement> {
        let is_hold = |it: &&Movement| it.part == Part::Hold;
        let holds: Vec<&Movement> = earlier.iter().flatten().filter(is_hold).collect();
        let is_closing = |it: &&Vec<Movement>| matches!(it[0].part, Part::Closing(_));
        let closings: Vec<_> = earlier.iter().filter(is_closing).collect();
        let hold = rng.choice(holds).filter(|_| rng.u8(..4) > 0);
        let Some(hold) = hold else {
            let (key, user) = (rng.usize(..self.keys), rng.usize(..self.users));
            let sum = -rng.i64(1..=MAX_AMOUNT);
            return vec![Movement { key, user, sum, part: Part::Hold }];
        };
        if rng.u8(..4) == 0
            && let Some(again) = rng.choice(closings)
        {
            return again.clone();
        }
        let by = rng.usize(..self.keys);
        if by == hold.key {
            return vec![hold.clone()];
        }
        let amount = -hold.sum;
        let captured = match rng.u8(..4) {
            0 => None,
            1 => Some(rng.i64(1..=amount)),
            _ => Some(amount),
        };
        let close = Close { amount, captured, is_late: rng.u8(..4) == 0 };
        let rest = close.rest();
        let part = if rest > 0 { Part::Rest { hold: hold.key } } else { Part::FreeKey };
        vec![
            Movement { sum: 0, part: Part::Closing(close), ..*hold },
            Movement { key: by, user: hold.user, sum: rest, part },
        ]
    }

    /// The same call, or nearly the same.
    fn again(self, mut movements: Vec<Movement>, rng: &mut Rng) -> Vec<Movement> {
        if matches!(movements[0].part, Part::Closing(_)) {
            return movements;
        }
        match rng.u8(..8) {
            0 => {
                let movement = rng.choice(&mut movements).unwrap();
                let sum = sum(rng);
                movement.sum = if movement.part == Part::Hold { -sum.abs() } else { sum };
            }
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
