//! The database as a sequential program: the balance of one user, the records of all, and what the
//! conditions of `src/dynamodb` make of a request. It remembers every state it was in.

use std::ops::{Add, Sub};
use std::sync::Arc;

use fastrand::Rng;

use crate::core::balance_change::{BalanceChange, Net};
use crate::core::epoch::Epoch;
use crate::error::{BalanceError, ErrorCode};
use crate::money::{Amount, Decimal, StoredBalance};
use crate::store::{
    CallId, EpochAnswer, ExistingRecord, Record, RecordState, Refusal, RefusedBalance, WriteAnswer,
};
use crate::transaction::{IdempotentKey, Transaction, TransactionType, UserId};
use crate::value::Value;

/// `huge` × 10³⁸ + `small`: DynamoDB's 38 digits do not hold 10³⁸ + 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money {
    pub huge: i64,
    pub small: i64,
}

impl Money {
    pub const HUGE: Self = Self { huge: 1, small: 0 };

    pub const fn small(small: i64) -> Self {
        Self { huge: 0, small }
    }

    fn is_storable(self, vocabulary: &Vocabulary) -> bool {
        self.huge == 0 || vocabulary.decimal(self).is_storable()
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { huge: self.huge + other.huge, small: self.small + other.small }
    }
}

impl Sub for Money {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { huge: self.huge - other.huge, small: self.small - other.small }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    Absent,
    Number(Money),
    Corrupt,
}

/// What records are made of, validated once because a million histories use it.
pub struct Vocabulary {
    keys: Vec<IdempotentKey>,
    users: [UserId; 2],
    amounts: Vec<Amount>,
    decimals: Vec<Decimal>,
}

const LARGEST_SMALL_AMOUNT: i64 = 9;

impl Vocabulary {
    pub const KEYS: usize = 300;

    pub fn new() -> Self {
        let text = |text: String| Value::Text(text);
        let user = |name: &str| UserId::validate_for_transaction(text(name.to_owned())).unwrap();
        let key = |number| IdempotentKey::validate(text(format!("k{number}"))).unwrap();
        let amount = |number: f64| Amount::validate(&Value::Number(number)).unwrap();
        let small = (1..=9_u8).map(|number| amount(f64::from(number)));
        Self {
            keys: (0..Self::KEYS).map(key).collect(),
            users: [user("user"), user("other")],
            amounts: small.chain([amount(1e38)]).collect(),
            decimals: (0..2000).map(|it| Decimal::parse(&it.to_string()).unwrap()).collect(),
        }
    }

    fn decimal(&self, money: Money) -> Decimal {
        let known = usize::try_from(money.small).ok().and_then(|small| self.decimals.get(small));
        match known {
            Some(decimal) if money.huge == 0 => decimal.clone(),
            _ => {
                let huge = Decimal::parse(&format!("{}e38", money.huge)).unwrap();
                huge.plus(&Decimal::parse(&money.small.to_string()).unwrap())
            }
        }
    }

    fn transaction(&self, content: &Content) -> Transaction {
        let amount = match content.amount {
            Money::HUGE => self.amounts.last().unwrap(),
            Money { small, .. } => &self.amounts[usize::try_from(small - 1).unwrap()],
        };
        Transaction {
            idempotent_key: self.keys[content.key].clone(),
            user_id: self.users[usize::from(content.is_other_user)].clone(),
            amount: amount.clone(),
            transaction_type: content.transaction_type,
        }
    }

    pub fn record(&self, content: &Content) -> Record {
        Record {
            transaction: self.transaction(content),
            timestamp: String::new(),
            call_id: CallId::unique(),
        }
    }
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub key: usize,
    pub is_other_user: bool,
    pub amount: Money,
    pub transaction_type: TransactionType,
}

impl Content {
    pub fn random(rng: &mut Rng, keys: usize, has_huge: bool) -> Self {
        let is_huge = has_huge && rng.u8(..4) == 0;
        let small = Money::small(rng.i64(1..=LARGEST_SMALL_AMOUNT));
        Self {
            key: rng.usize(..keys),
            is_other_user: false,
            amount: if is_huge { Money::HUGE } else { small },
            transaction_type: if rng.u8(..5) < 2 {
                TransactionType::Credit
            } else {
                TransactionType::Debit
            },
        }
    }

    /// The sequential program: what this transaction alone makes of a balance.
    pub fn applied_to(&self, balance: Money) -> Option<Money> {
        match self.transaction_type {
            TransactionType::Credit => Some(balance + self.amount),
            TransactionType::Debit => (self.amount <= balance).then(|| balance - self.amount),
        }
    }
}

/// Whose record it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Call(usize),
    OtherProcess,
}

#[derive(Clone, Debug)]
pub struct Stored {
    pub owner: Owner,
    /// `None` if it cannot be read.
    pub content: Option<Content>,
    /// The first state that had it.
    pub since: usize,
    existing: ExistingRecord,
}

/// A transaction as part of a request.
#[derive(Debug)]
pub struct Part {
    pub call: usize,
    pub content: Content,
    pub record: Arc<Record>,
    /// DynamoDB rejects whatever contains it.
    pub is_poisoned: bool,
}

impl Part {
    pub fn is_own(&self, existing: &ExistingRecord) -> bool {
        existing.call_id == Some(self.record.call_id.to_string())
    }
}

/// What became of a write at its instant.
#[derive(Debug)]
pub enum Effect {
    Answered(WriteAnswer),
    Rejected(BalanceError),
}

pub struct Database<'a> {
    pub vocabulary: &'a Vocabulary,
    default_balance: Money,
    /// The latest epoch of a write.
    pub epoch: Option<Epoch>,
    records: Vec<Option<Stored>>,
    states: Vec<Balance>,
}

impl<'a> Database<'a> {
    pub fn new(vocabulary: &'a Vocabulary, default_balance: Money, balance: Balance) -> Self {
        let records = Vec::new();
        Self { vocabulary, default_balance, epoch: None, records, states: vec![balance] }
    }

    pub fn balance(&self) -> Balance {
        *self.states.last().unwrap()
    }

    /// The number of the present state.
    pub fn state(&self) -> usize {
        self.states.len() - 1
    }

    pub fn record(&self, key: usize) -> Option<&Stored> {
        self.records.get(key)?.as_ref()
    }

    /// What a balance counts for; `None` if it is corrupt.
    pub fn worth(&self, balance: Balance) -> Option<Money> {
        match balance {
            Balance::Absent => Some(self.default_balance),
            Balance::Number(money) => Some(money),
            Balance::Corrupt => None,
        }
    }

    /// Whether some state since `first` in which the key was free had a balance like that.
    pub fn was_ever(
        &self,
        first: usize,
        key: usize,
        is_like_that: impl Fn(Option<Money>) -> bool,
    ) -> bool {
        let taken = self.record(key).map_or(self.states.len(), |stored| stored.since);
        let states = self.states.iter().take(taken).skip(first);
        states.into_iter().any(|&balance| is_like_that(self.worth(balance)))
    }

    pub fn does_not_fit(&self, content: &Content, balance: Money) -> bool {
        content.applied_to(balance).is_some_and(|sum| !sum.is_storable(self.vocabulary))
    }

    pub fn set_balance(&mut self, balance: Balance) {
        self.states.push(balance);
    }

    pub fn insert(
        &mut self,
        owner: Owner,
        key: usize,
        content: Option<Content>,
        call_id: Option<CallId>,
    ) {
        let existing = content.as_ref().map_or_else(ExistingRecord::default, |content| {
            let transaction = self.vocabulary.transaction(content);
            ExistingRecord {
                user_id: Some(transaction.user_id.as_str().to_owned()),
                amount: Some(transaction.amount.as_decimal().clone()),
                transaction_type: Some(transaction.transaction_type.as_str().to_owned()),
                call_id: call_id.map(|call_id| call_id.to_string()),
            }
        });
        if self.records.len() <= key {
            self.records.resize(key + 1, None);
        }
        assert!(self.records[key].is_none(), "a record was overwritten");
        self.records[key] = Some(Stored { owner, content, since: self.state(), existing });
    }

    /// Whether a request can never take effect any more.
    pub fn is_dead(&self, epoch: Epoch, parts: &[Part]) -> bool {
        epoch.is_over(self.epoch)
            || parts.iter().any(|part| self.record(part.content.key).is_some())
    }

    /// All of a request or nothing. Where DynamoDB may complain of two things, `rng` decides.
    pub fn write(&mut self, epoch: Epoch, parts: &[Part], rng: &mut Rng) -> Effect {
        let records: Vec<RecordState> = parts.iter().map(|part| self.look_up(part)).collect();
        let is_taken = records.iter().any(|state| *state != RecordState::Free);
        let movement = BalanceChange::of(parts.iter().map(|part| &part.record.transaction));
        let allowed = self.allowed(&movement).filter(|_| !epoch.is_over(self.epoch));
        let rejection = self.rejection(parts, allowed.as_ref());
        let is_refused = is_taken || allowed.is_none();
        match (rejection, allowed) {
            // Alone, a record that is there is looked for.
            (Some(why), _) if !(is_taken && parts.len() == 1) && (!is_refused || rng.bool()) => {
                Effect::Rejected(why)
            }
            (_, Some(sum)) if !is_taken => {
                self.commit(parts, &sum);
                self.epoch = Some(epoch);
                Effect::Answered(WriteAnswer::Committed)
            }
            (_, allowed) => {
                let balance = allowed.is_none().then(|| self.refused_balance());
                Effect::Answered(WriteAnswer::Refused(Refusal { records, balance }))
            }
        }
    }

    /// No request of this epoch takes effect any more.
    pub fn end_epoch(&mut self, epoch: Epoch, absent: Option<&Part>) -> EpochAnswer {
        if let Some(RecordState::Taken(existing)) = absent.map(|part| self.look_up(part)) {
            return EpochAnswer::KeyTaken(existing);
        }
        if !epoch.is_over(self.epoch) {
            self.epoch = Some(epoch.next());
        }
        EpochAnswer::Ended
    }

    fn look_up(&self, part: &Part) -> RecordState {
        self.record(part.content.key)
            .map_or(RecordState::Free, |stored| RecordState::Taken(stored.existing.clone()))
    }

    /// The balance afterwards; `None` if the present one does not allow the movement.
    fn allowed(&self, movement: &BalanceChange) -> Option<Decimal> {
        let old = self.vocabulary.decimal(self.worth(self.balance())?);
        if movement.floor().is_some_and(|floor| old < floor) {
            return None;
        }
        Some(match movement.net() {
            Net::Credit(amount) => old.plus(&amount),
            Net::Debit(amount) => old.minus(&amount),
        })
    }

    fn rejection(&self, parts: &[Part], sum: Option<&Decimal>) -> Option<BalanceError> {
        let has_huge = parts.iter().any(|part| part.content.amount == Money::HUGE)
            || self.worth(self.balance()).is_some_and(|worth| worth.huge != 0);
        if parts.iter().any(|part| part.is_poisoned) {
            Some(BalanceError::new(ErrorCode::ServiceError, "poisoned"))
        } else if has_huge && sum.is_some_and(|sum| !sum.is_storable()) {
            Some(BalanceError::new(ErrorCode::AmountOutOfRange, "does not fit"))
        } else {
            None
        }
    }

    /// One by one, as if each had come alone, with the credits first.
    fn commit(&mut self, parts: &[Part], sum: &Decimal) {
        let is_credit = |part: &&Part| part.content.transaction_type == TransactionType::Credit;
        let is_debit = |part: &&Part| !is_credit(part);
        let mut balance = self.worth(self.balance()).expect("the condition excludes it");
        for part in parts.iter().filter(is_credit).chain(parts.iter().filter(is_debit)) {
            balance = part.content.applied_to(balance).expect("a debit was not covered");
        }
        assert_eq!(self.vocabulary.decimal(balance), *sum, "the sum differs from its parts");
        self.set_balance(Balance::Number(balance));
        for part in parts {
            let content = Some(part.content.clone());
            let call_id = Some(part.record.call_id);
            self.insert(Owner::Call(part.call), part.content.key, content, call_id);
        }
    }

    fn refused_balance(&self) -> RefusedBalance {
        let balance = match self.balance() {
            Balance::Absent => StoredBalance::Absent,
            Balance::Corrupt => StoredBalance::Corrupt,
            Balance::Number(money) => StoredBalance::Number(self.vocabulary.decimal(money)),
        };
        RefusedBalance { balance, epoch: self.epoch }
    }
}
