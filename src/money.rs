//! Exact decimals. No amount is ever added, subtracted or compared in binary floating point.

use crate::error::{BalanceError, ErrorCode};
use crate::value::{Value, spell};

mod decimal;
pub mod sum;

pub use decimal::Decimal;

/// The smallest and largest magnitudes a DynamoDB number can have: 1E-130 and
/// 9.9999999999999999999999999999999999999E+125 (38 digits).
/// Source: Amazon DynamoDB Developer Guide, "Supported data types", Number.
const SMALLEST_EXPONENT: i64 = -130;
const LARGEST_EXPONENT: i64 = 125;

/// Further than any text that is read here goes without an exponent.
const MAX_SCALE: u64 = 1_100;

/// The words for that range in error messages.
const RANGE: &str = "between 1e-130 and 9.9999999999999999999999999999999999999e+125";

/// The digits a DynamoDB number can have. Source: as above.
pub const MAX_DIGITS: u64 = 38;

/// How much a transaction moves: greater than zero and within what DynamoDB can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount(Decimal);

impl Amount {
    pub fn validate(value: &Value) -> Result<Self, BalanceError> {
        let refuse = |message: String| BalanceError::new(ErrorCode::InvalidAmount, message);
        let number = match value {
            Value::Null => 0.0,
            Value::Number(number) => *number,
            other => return Err(refuse(format!("Amount must be a number, not {}", other.kind()))),
        };
        if number <= 0.0 {
            return Err(not_positive());
        }
        let decimal = Decimal::from_number(number).ok_or_else(|| {
            refuse(format!("Amount must be a finite number, not {}", spell(number)))
        })?;
        if !decimal.has_storable_magnitude() {
            return Err(out_of_range(&spell(number)));
        }
        Ok(Self(decimal))
    }

    /// What is left of an amount; `None` if that is nothing, or no amount.
    pub fn less(&self, part: &Self) -> Option<Self> {
        let rest = self.0.minus(&part.0);
        (rest.is_positive() && rest.is_storable()).then_some(Self(rest))
    }

    /// A stored amount, as far as it is one.
    pub fn of_stored(decimal: Decimal) -> Option<Self> {
        (decimal.is_positive() && decimal.is_storable()).then_some(Self(decimal))
    }

    /// A number as above, or text: a plain decimal, which is never rounded.
    pub fn validate_exact(value: &Value) -> Result<Self, BalanceError> {
        let text = match value {
            Value::Text(text) => text,
            Value::Null | Value::Number(_) => return Self::validate(value),
            other => {
                let kind = other.kind();
                return Err(BalanceError::new(
                    ErrorCode::InvalidAmount,
                    format!("Amount must be a number, a bigint or a decimal string, not {kind}"),
                ));
            }
        };
        if text.len() > MAX_TEXT || !is_plain_decimal(text) {
            return Err(BalanceError::new(
                ErrorCode::InvalidAmount,
                format!(
                    "Amount must be a plain decimal such as \"12.50\", without exponent, sign or \
                     spaces, not {:?}",
                    shortened(text)
                ),
            ));
        }
        let decimal = Decimal::parse(text).ok_or_else(not_positive)?;
        if !decimal.is_positive() {
            return Err(not_positive());
        }
        if !decimal.is_storable() {
            return Err(out_of_range(&shortened(text)));
        }
        Ok(Self(decimal))
    }

    pub fn as_decimal(&self) -> &Decimal {
        &self.0
    }
}

/// A number of DynamoDB written out has at most 126 digits before the point and 168 after it; zeros
/// around it are no reason to refuse it.
const MAX_TEXT: usize = 1_000;

/// How much of a wrong text an error repeats.
const MAX_SHOWN: usize = 60;

/// Digits, and after a point at least one more. A minus is for the sake of the error that it gets.
fn is_plain_decimal(text: &str) -> bool {
    let is_number =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        None => is_number(unsigned),
        Some((whole, fraction)) => is_number(whole) && is_number(fraction),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn not_positive() -> BalanceError {
    BalanceError::new(ErrorCode::InvalidAmount, "Amount must be greater than 0")
}

fn out_of_range(amount: &str) -> BalanceError {
    BalanceError::new(
        ErrorCode::AmountOutOfRange,
        format!("Amount must be {RANGE}, the range of a DynamoDB number, not {amount}"),
    )
}

/// What a balance cannot become.
pub fn balance_out_of_range() -> BalanceError {
    BalanceError::new(
        ErrorCode::AmountOutOfRange,
        format!(
            "Amount out of range: the new balance would not fit a DynamoDB number (38 digits, \
             {RANGE}). Nothing happened."
        ),
    )
}

/// A balance to be stored, of either sign: a number, or text as amounts have it.
pub fn validate_balance(value: &Value) -> Result<Decimal, String> {
    let decimal = match value {
        Value::Number(number) => Decimal::from_number(*number),
        Value::Text(text) if text.len() <= MAX_TEXT && is_plain_decimal(text) => {
            Decimal::parse(text)
        }
        Value::Text(_) => None,
        other => return Err(format!("must be a number or a decimal string, not {}", other.kind())),
    };
    decimal
        .filter(Decimal::is_storable)
        .ok_or_else(|| "must be a plain decimal that DynamoDB can hold".to_owned())
}

/// What a user without a stored balance has: zero or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultBalance(Decimal);

impl DefaultBalance {
    pub fn validate(value: &Value) -> Result<Self, String> {
        let Value::Number(number) = value else {
            return Err(format!("must be a number, not {}", value.kind()));
        };
        match Decimal::from_number(*number) {
            None => Err(format!("must be a finite number, not {}", spell(*number))),
            Some(decimal) if !decimal.is_positive() && !decimal.is_zero() => {
                Err(format!("must be 0 or greater, not {}", spell(*number)))
            }
            Some(decimal) if !decimal.has_storable_magnitude() => {
                Err(format!("must be 0 or {RANGE}, not {}", spell(*number)))
            }
            Some(decimal) => Ok(Self(decimal)),
        }
    }

    pub fn as_decimal(&self) -> &Decimal {
        &self.0
    }
}

impl Default for DefaultBalance {
    /// 100 USD.
    fn default() -> Self {
        Self(Decimal::from(100))
    }
}

/// What the balance item of a user holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredBalance {
    /// No item, or an item without a balance: the default balance applies.
    Absent,
    Number(Decimal),
    /// A balance that is not a number.
    Corrupt,
}

#[cfg(test)]
mod tests;
