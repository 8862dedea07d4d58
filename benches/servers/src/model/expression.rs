//! Conditions and updates, evaluated while they are read. What the model does not know is a
//! validation error, so that a peer that needs more is noticed.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use bigdecimal::BigDecimal;

use super::Refusal;
use super::request::Condition;
use super::value::{AttributeValue, Item};

/// Whether an item, or its absence, meets a condition; no condition is met by all.
pub fn is_met(condition: &Condition, item: Option<&Item>) -> Result<bool, Refusal> {
    let Some(expression) = &condition.condition_expression else { return Ok(true) };
    let mut reader = Reader::new(expression, condition, item);
    let met = reader.any()?;
    reader.end()?;
    Ok(met)
}

/// What an update makes of an item's attributes, each with its new value, or none if it goes.
pub type Changes = BTreeMap<String, Option<AttributeValue>>;

type Change = (String, Option<AttributeValue>);

/// The changes of an update, whose operands are the attributes of the item as it was.
pub fn updated(
    expression: &str,
    condition: &Condition,
    item: Option<&Item>,
) -> Result<Changes, Refusal> {
    let mut reader = Reader::new(expression, condition, item);
    let mut changes = Changes::new();
    let (mut has_set, mut has_removed) = (false, false);
    while reader.peek().is_some() {
        if !has_set && reader.skip("SET") {
            has_set = true;
            reader.list(&mut changes, |reader| {
                reader.assignment().map(|(name, value)| (name, Some(value)))
            })?;
        } else if !has_removed && reader.skip("REMOVE") {
            has_removed = true;
            reader.list(&mut changes, |reader| Ok((reader.name()?.to_owned(), None)))?;
        } else {
            return Err(reader.unknown());
        }
    }
    if changes.is_empty() { Err(reader.unknown()) } else { Ok(changes) }
}

struct Reader<'a> {
    expression: &'a str,
    tokens: Vec<&'a str>,
    position: usize,
    condition: &'a Condition,
    item: Option<&'a Item>,
}

impl<'a> Reader<'a> {
    fn new(expression: &'a str, condition: &'a Condition, item: Option<&'a Item>) -> Self {
        Self { expression, tokens: tokens(expression), position: 0, condition, item }
    }

    /// `a OR b`
    fn any(&mut self) -> Result<bool, Refusal> {
        let mut met = self.all()?;
        while self.skip("OR") {
            met |= self.all()?;
        }
        Ok(met)
    }

    /// `a AND b`
    fn all(&mut self) -> Result<bool, Refusal> {
        let mut met = self.one()?;
        while self.skip("AND") {
            met &= self.one()?;
        }
        Ok(met)
    }

    fn one(&mut self) -> Result<bool, Refusal> {
        if self.skip("NOT") {
            return Ok(!self.one()?);
        }
        if self.skip("(") {
            let met = self.any()?;
            self.expect(")")?;
            return Ok(met);
        }
        match self.peek() {
            Some("attribute_exists") => self.with_arguments(|reader| Ok(reader.path()?.is_some())),
            Some("attribute_not_exists") => {
                self.with_arguments(|reader| Ok(reader.path()?.is_none()))
            }
            Some("attribute_type") => self.with_arguments(|reader| {
                let value = reader.path()?;
                reader.expect(",")?;
                let name = reader.operand()?;
                let name = name.as_ref().and_then(AttributeValue::text);
                Ok(value.is_some_and(|value| Some(value.type_name()) == name))
            }),
            Some("contains") => self.with_arguments(|reader| {
                let value = reader.path()?;
                reader.expect(",")?;
                let part = reader.operand()?;
                Ok(contains(value.as_ref(), part.as_ref().and_then(AttributeValue::text)))
            }),
            _ => self.comparison(),
        }
    }

    /// `a >= b` or `a BETWEEN b AND c`; what is missing or of another type compares as false.
    fn comparison(&mut self) -> Result<bool, Refusal> {
        let left = self.operand()?;
        if self.skip("BETWEEN") {
            return self.is_between(left.as_ref());
        }
        let operator = self.next()?;
        let right = self.operand()?;
        let (Some(left), Some(right)) = (left, right) else { return Ok(operator == "<>") };
        let order = order(&left, &right);
        match operator {
            "=" => Ok(left == right || order == Some(Ordering::Equal)),
            "<>" => Ok(left != right && order != Some(Ordering::Equal)),
            "<" => Ok(order.is_some_and(Ordering::is_lt)),
            "<=" => Ok(order.is_some_and(Ordering::is_le)),
            ">" => Ok(order.is_some_and(Ordering::is_gt)),
            ">=" => Ok(order.is_some_and(Ordering::is_ge)),
            _ => Err(self.unknown()),
        }
    }

    /// `b AND c`, both of which belong to it.
    fn is_between(&mut self, value: Option<&AttributeValue>) -> Result<bool, Refusal> {
        let low = self.operand()?;
        self.expect("AND")?;
        let high = self.operand()?;
        let (Some(low), Some(high)) = (low, high) else { return Ok(false) };
        if order(&low, &high).is_none_or(Ordering::is_gt) {
            return Err(Refusal::validation("the bounds of BETWEEN are not in order"));
        }
        let Some(value) = value else { return Ok(false) };
        Ok(order(value, &low).is_some_and(Ordering::is_ge)
            && order(value, &high).is_some_and(Ordering::is_le))
    }

    /// Changes with commas between them, each of another attribute.
    fn list(
        &mut self,
        changes: &mut Changes,
        read: fn(&mut Self) -> Result<Change, Refusal>,
    ) -> Result<(), Refusal> {
        loop {
            let (name, value) = read(self)?;
            if changes.insert(name, value).is_some() {
                return Err(Refusal::validation("an update changes an attribute once"));
            }
            if !self.skip(",") {
                return Ok(());
            }
        }
    }

    /// `name = a + b`
    fn assignment(&mut self) -> Result<(String, AttributeValue), Refusal> {
        let name = self.name()?.to_owned();
        self.expect("=")?;
        let left = self.present()?;
        let value = if self.skip("+") {
            AttributeValue::of_number(&(number(&left)? + number(&self.present()?)?))
        } else if self.skip("-") {
            AttributeValue::of_number(&(number(&left)? - number(&self.present()?)?))
        } else {
            left
        };
        Ok((name, value))
    }

    fn present(&mut self) -> Result<AttributeValue, Refusal> {
        self.operand()?
            .ok_or_else(|| Refusal::validation("an attribute of the update is not there"))
    }

    fn operand(&mut self) -> Result<Option<AttributeValue>, Refusal> {
        match self.peek() {
            Some("if_not_exists") => self.with_arguments(|reader| {
                let stored = reader.path()?;
                reader.expect(",")?;
                let otherwise = reader.operand()?;
                Ok(stored.or(otherwise))
            }),
            Some(token) if token.starts_with(':') => {
                self.position += 1;
                let value = self.condition.expression_attribute_values.get(token);
                value.cloned().map(Some).ok_or_else(|| Refusal::validation(format!("no {token}")))
            }
            _ => self.path(),
        }
    }

    fn path(&mut self) -> Result<Option<AttributeValue>, Refusal> {
        let name = self.name()?;
        Ok(self.item.and_then(|item| item.get(name)).cloned())
    }

    fn name(&mut self) -> Result<&'a str, Refusal> {
        let token = self.next()?;
        if token.starts_with('#') {
            let name = self.condition.expression_attribute_names.get(token);
            return name.map(String::as_str).ok_or_else(|| self.unknown());
        }
        if token.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Ok(token);
        }
        Err(self.unknown())
    }

    fn with_arguments<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.position += 1;
        self.expect("(")?;
        let value = read(self)?;
        self.expect(")")?;
        Ok(value)
    }

    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.position).copied()
    }

    fn next(&mut self) -> Result<&'a str, Refusal> {
        let token = self.peek().ok_or_else(|| self.unknown())?;
        self.position += 1;
        Ok(token)
    }

    fn skip(&mut self, token: &str) -> bool {
        let found = self.peek().is_some_and(|next| next.eq_ignore_ascii_case(token));
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), Refusal> {
        if self.skip(token) { Ok(()) } else { Err(self.unknown()) }
    }

    fn end(&self) -> Result<(), Refusal> {
        if self.peek().is_none() { Ok(()) } else { Err(self.unknown()) }
    }

    fn unknown(&self) -> Refusal {
        let place = self.peek().unwrap_or("its end");
        Refusal::validation(format!("the model cannot read {:?} at {place}", self.expression))
    }
}

/// Names, values and signs.
fn tokens(expression: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '#' | ':');
        let length = if is_word(first) {
            rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())
        } else if ["<>", "<=", ">="].iter().any(|sign| rest.starts_with(sign)) {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

fn contains(value: Option<&AttributeValue>, part: Option<&str>) -> bool {
    match (value, part) {
        (Some(AttributeValue::Ss(texts)), Some(part)) => texts.contains(part),
        (Some(AttributeValue::S(text)), Some(part)) => text.contains(part),
        _ => false,
    }
}

fn order(left: &AttributeValue, right: &AttributeValue) -> Option<Ordering> {
    match (left, right) {
        (AttributeValue::N(_), AttributeValue::N(_)) => Some(left.number()?.cmp(&right.number()?)),
        (AttributeValue::S(left), AttributeValue::S(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn number(value: &AttributeValue) -> Result<BigDecimal, Refusal> {
    value.number().ok_or_else(|| Refusal::validation("an operand of the update is no number"))
}
