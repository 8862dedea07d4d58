//! `TransactWriteItems`: all of its actions, or none and the reasons.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;

use super::capacity::write_units;
use super::expression::{is_met, updated};
use super::request::{Action, Condition, TransactWriteItems};
use super::state::{ItemId, RECORDS, State};
use super::value::{Item, size};
use super::{Reason, Refusal};
use crate::http::Answer;

/// As many as DynamoDB takes.
const MOST_ACTIONS: usize = 100;

/// DynamoDB remembers tokens for ten minutes; here the oldest goes when there are too many.
const MOST_TOKENS: usize = 1_000_000;

/// What an action makes of its item: nothing, if it is only a check.
struct Judged {
    reason: Reason,
    change: Option<Item>,
    units: u32,
}

impl State {
    pub fn transact(
        &mut self,
        transaction: &TransactWriteItems,
        now: Instant,
        answered: Instant,
    ) -> Result<Answer, Refusal> {
        if let Some(token) = &transaction.client_request_token
            && self.tokens.has_committed(token, transaction.fingerprint, now)?
        {
            return Ok(Answer::ok("{}"));
        }
        let ids = identities(&transaction.transact_items)?;
        self.refuse_taken(&ids, &transaction.transact_items, now)?;
        let judged = self.judge(&ids, &transaction.transact_items, now)?;
        for (id, action) in ids.iter().zip(&judged) {
            let slot = self.slot(id, now);
            slot.taken_until = answered;
            slot.capacity.write(action.units);
            self.statistics.write_units += u64::from(action.units);
        }
        if judged.iter().any(|action| action.reason.code != "None") {
            return Err(Refusal::Cancelled(judged.into_iter().map(|done| done.reason).collect()));
        }
        for (id, action) in ids.iter().zip(judged) {
            if let Some(item) = action.change {
                if let Some(index) = self.index.as_mut().filter(|_| id.table == RECORDS) {
                    self.statistics.write_units += u64::from(index.write(&item, now));
                }
                self.slot(id, now).item = Some(item);
                self.statistics.records += u64::from(id.table == RECORDS);
            }
        }
        self.statistics.committed += 1;
        if let Some(token) = &transaction.client_request_token {
            self.tokens.remember(token.clone(), transaction.fingerprint, answered);
        }
        Ok(Answer::ok("{}"))
    }

    /// A transaction that meets another one, or no capacity, ends before its conditions are looked
    /// at. It is charged nothing, to the benefit of those who often meet others.
    fn refuse_taken(
        &mut self,
        ids: &[ItemId],
        actions: &[Action],
        now: Instant,
    ) -> Result<(), Refusal> {
        let mut is_free = true;
        let mut reasons = Vec::new();
        for (id, action) in ids.iter().zip(actions) {
            let is_index_busy = self.is_index_busy(id, action, now);
            let slot = self.slot(id, now);
            let code = if now < slot.taken_until {
                self.statistics.conflicts += 1;
                "TransactionConflict"
            } else if is_index_busy || !slot.capacity.can_write(now) {
                self.statistics.throttled += 1;
                "ThrottlingError"
            } else {
                "None"
            };
            is_free &= code == "None";
            reasons.push(Reason { code, item: None });
        }
        if is_free { Ok(()) } else { Err(Refusal::Cancelled(reasons)) }
    }

    /// Whether the index cannot take what the table would.
    fn is_index_busy(&mut self, id: &ItemId, action: &Action, now: Instant) -> bool {
        let Some(index) = self.index.as_mut().filter(|_| id.table == RECORDS) else { return false };
        let record = match action {
            Action::Put(put) => Some(&put.item),
            Action::Update(_) => self.slots.get(id).and_then(|slot| slot.item.as_ref()),
            Action::ConditionCheck(_) => None,
        };
        record.is_some_and(|record| index.is_busy(record, now))
    }

    fn judge(
        &mut self,
        ids: &[ItemId],
        actions: &[Action],
        now: Instant,
    ) -> Result<Vec<Judged>, Refusal> {
        ids.iter()
            .zip(actions)
            .map(|(id, action)| judge(action, self.slot(id, now).item.as_ref()))
            .collect()
    }
}

fn judge(action: &Action, stored: Option<&Item>) -> Result<Judged, Refusal> {
    let condition = condition_of(action);
    let is_met = is_met(condition, stored)?;
    let change = match action {
        _ if !is_met => None,
        Action::Put(put) => Some(put.item.clone()),
        Action::Update(update) => {
            let changes = updated(&update.update_expression, condition, stored)?;
            let mut item = stored.unwrap_or(&update.key).clone();
            for (name, value) in changes {
                match value {
                    Some(value) => item.insert(name, value),
                    None => item.remove(&name),
                };
            }
            Some(item)
        }
        Action::ConditionCheck(_) => None,
    };
    let largest = stored.map_or(0, size).max(change.as_ref().map_or(0, size));
    let tells = condition.return_values_on_condition_check_failure.as_deref() == Some("ALL_OLD");
    let reason = if is_met {
        Reason { code: "None", item: None }
    } else {
        Reason { code: "ConditionalCheckFailed", item: stored.filter(|_| tells).cloned() }
    };
    Ok(Judged { reason, change, units: write_units(largest) })
}

fn condition_of(action: &Action) -> &Condition {
    match action {
        Action::Put(put) => &put.condition,
        Action::Update(update) => &update.condition,
        Action::ConditionCheck(check) => &check.condition,
    }
}

fn identities(actions: &[Action]) -> Result<Vec<ItemId>, Refusal> {
    if actions.is_empty() || actions.len() > MOST_ACTIONS {
        return Err(Refusal::validation("a transaction has 1 to 100 actions"));
    }
    let mut seen = HashSet::new();
    actions
        .iter()
        .map(|action| {
            let id = match action {
                Action::Put(put) => ItemId::of(&put.table_name, &put.item),
                Action::Update(update) => ItemId::of(&update.table_name, &update.key),
                Action::ConditionCheck(check) => ItemId::of(&check.table_name, &check.key),
            }?;
            if seen.insert(id.clone()) {
                Ok(id)
            } else {
                Err(Refusal::validation("a transaction has one action on an item"))
            }
        })
        .collect()
}

/// The tokens of what was committed.
#[derive(Debug, Default)]
pub struct Tokens {
    known: HashMap<String, (u64, Instant)>,
    order: VecDeque<String>,
}

impl Tokens {
    fn has_committed(&self, token: &str, fingerprint: u64, now: Instant) -> Result<bool, Refusal> {
        let refusal = |code| Err(Refusal::Error { code, message: token.to_owned() });
        match self.known.get(token) {
            None => Ok(false),
            Some((known, _)) if *known != fingerprint => {
                refusal("IdempotentParameterMismatchException")
            }
            Some((_, answered)) if now < *answered => refusal("TransactionInProgressException"),
            Some(_) => Ok(true),
        }
    }

    fn remember(&mut self, token: String, fingerprint: u64, answered: Instant) {
        self.order.push_back(token.clone());
        self.known.insert(token, (fingerprint, answered));
        if self.order.len() > MOST_TOKENS
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}
