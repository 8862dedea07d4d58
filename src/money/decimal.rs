//! Exact decimals. What fits 128 bits, which nearly every amount and balance does, needs no memory of its
//! own; the rest is reckoned with by bigdecimal, which every rule here agrees with.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, Signed as _, ToPrimitive as _};

use super::{LARGEST_EXPONENT, MAX_DIGITS, MAX_SCALE, MAX_TEXT, SMALLEST_EXPONENT};

/// An exact decimal number.
#[derive(Clone)]
pub struct Decimal(Form);

#[derive(Clone)]
enum Form {
    /// `digits` divided by ten to the power of `scale`.
    Short {
        digits: i128,
        scale: i16,
    },
    Long(Box<BigDecimal>),
}

/// The digits that fit 128 bits whatever they are.
const SHORT_DIGITS: usize = 38;

/// Up to so many zeros between the point and the first digit, or between the last digit and the point,
/// bigdecimal writes out; with more it writes an exponent.
const WRITTEN_ZEROS_AHEAD: usize = 5;
const WRITTEN_ZEROS_BEHIND: usize = 15;

/// A double holds any whole number up to this one, and any power of ten up to this one, so that their
/// quotient is the nearest double. Source: William Clinger, "How to Read Floating Point Numbers Accurately".
const EXACT_WHOLE: u128 = 1 << 53;
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

impl Decimal {
    const fn short(digits: i128, scale: i16) -> Self {
        Self(Form::Short { digits, scale })
    }

    fn of(long: BigDecimal) -> Self {
        let (digits, scale) = long.as_bigint_and_scale();
        match (digits.to_i128(), i16::try_from(scale)) {
            // Without the smallest one there is no absolute value that does not fit.
            (Some(digits), Ok(scale)) if digits != i128::MIN => Self::short(digits, scale),
            _ => Self(Form::Long(Box::new(long))),
        }
    }

    fn long(&self) -> Cow<'_, BigDecimal> {
        match &self.0 {
            Form::Short { digits, scale } => {
                Cow::Owned(BigDecimal::new(BigInt::from(*digits), i64::from(*scale)))
            }
            Form::Long(long) => Cow::Borrowed(long),
        }
    }

    /// The shortest decimal that reads back as `number`, as JavaScript prints it: 0.1 is 0.1. `None`
    /// for NaN and the infinities.
    /// Source: ECMA-262, `Number::toString`, with note 2, which V8, `JavaScriptCore` and ryu follow: of
    /// two decimals that are as short and as near, the even one. Rust's own takes the larger one.
    pub fn from_number(number: f64) -> Option<Self> {
        number.is_finite().then(|| Self::parse(ryu::Buffer::new().format_finite(number)))?
    }

    /// A number as DynamoDB writes it. `None` as well for one that is far beyond what DynamoDB holds:
    /// to reckon with an exponent of any size would take for ever.
    pub fn parse(text: &str) -> Option<Self> {
        parse_plain(text).or_else(|| {
            let text = Some(text).filter(|text| text.len() <= MAX_TEXT)?;
            let decimal = BigDecimal::from_str(text).ok()?;
            let (_, scale) = decimal.as_bigint_and_scale();
            (scale.unsigned_abs() <= MAX_SCALE).then(|| Self::of(decimal.normalized()))
        })
    }

    /// The double nearest to this number, which is the most a JavaScript number can hold.
    pub fn to_number(&self) -> f64 {
        if let Form::Short { digits, scale } = self.0
            && digits.unsigned_abs() <= EXACT_WHOLE
            && let Some(divisor) = usize::try_from(scale).ok().and_then(|it| EXACT_POWERS.get(it))
        {
            #[expect(clippy::cast_precision_loss, reason = "a double holds it exactly")]
            return digits as f64 / divisor;
        }
        // Parsing is correctly rounded; bigdecimal's own conversion is not promised to be.
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// All digits, without an exponent: what reads back as the same number in any language.
    pub fn to_plain_string(&self) -> String {
        self.long().normalized().to_plain_string()
    }

    pub fn plus(&self, other: &Self) -> Self {
        let short = self.aligned(other).and_then(|(one, other, scale)| {
            let sum = one.checked_add(other).filter(|sum| *sum != i128::MIN)?;
            Some(Self::short(sum, scale))
        });
        short.unwrap_or_else(|| Self::of(self.long().as_ref() + other.long().as_ref()))
    }

    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&other.negated())
    }

    pub fn negated(&self) -> Self {
        match &self.0 {
            Form::Short { digits, scale } => Self::short(-digits, *scale),
            Form::Long(long) => Self(Form::Long(Box::new(-&**long))),
        }
    }

    /// Without zeros behind the last digit.
    pub fn normalized(&self) -> Self {
        Self::of(self.long().normalized())
    }

    /// The digits from the first one to the last decimal place that was reckoned with, zeros
    /// included.
    pub fn digits_reckoned_with(&self) -> u64 {
        match &self.0 {
            Form::Short { digits, .. } => {
                digits.unsigned_abs().checked_ilog10().map_or(1, |power| u64::from(power) + 1)
            }
            Form::Long(long) => long.digits(),
        }
    }

    /// Whether DynamoDB can hold this number exactly.
    pub fn is_storable(&self) -> bool {
        let has_few_digits = self.digits_reckoned_with() <= MAX_DIGITS
            || self.normalized().digits_reckoned_with() <= MAX_DIGITS;
        has_few_digits && self.has_storable_magnitude()
    }

    pub fn is_zero(&self) -> bool {
        self.signum() == 0
    }

    pub fn is_positive(&self) -> bool {
        self.signum() == 1
    }

    pub fn is_negative(&self) -> bool {
        self.signum() == -1
    }

    fn signum(&self) -> i128 {
        match &self.0 {
            Form::Short { digits, .. } => digits.signum(),
            Form::Long(long) if long.is_positive() => 1,
            Form::Long(long) if long.is_negative() => -1,
            Form::Long(_) => 0,
        }
    }

    /// Whether DynamoDB can hold this number without rounding it to nothing or overflowing.
    pub(super) fn has_storable_magnitude(&self) -> bool {
        if self.is_zero() {
            return true;
        }
        let scale = match &self.0 {
            Form::Short { scale, .. } => i64::from(*scale),
            Form::Long(long) => long.as_bigint_and_scale().1,
        };
        let digits = i64::try_from(self.digits_reckoned_with()).unwrap_or(i64::MAX);
        let exponent = digits.saturating_sub(1).saturating_sub(scale);
        (SMALLEST_EXPONENT..=LARGEST_EXPONENT).contains(&exponent)
    }

    /// The digits of two numbers to the last decimal place of either; `None` if they do not fit.
    fn aligned(&self, other: &Self) -> Option<(i128, i128, i16)> {
        let (
            Form::Short { digits: one, scale: of_one },
            Form::Short { digits: two, scale: of_two },
        ) = (&self.0, &other.0)
        else {
            return None;
        };
        let scale = *of_one.max(of_two);
        let to_scale = |digits: i128, from: i16| {
            let places = u32::try_from(i32::from(scale) - i32::from(from)).ok()?;
            let aligned = digits.checked_mul(10_i128.checked_pow(places)?)?;
            (aligned != i128::MIN).then_some(aligned)
        };
        Some((to_scale(*one, *of_one)?, to_scale(*two, *of_two)?, scale))
    }
}

/// Digits with a point among them or none, as nearly all numbers are written; `None` for others.
fn parse_plain(text: &str) -> Option<Decimal> {
    let (is_negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if unsigned.len() > SHORT_DIGITS {
        return None;
    }
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let fraction = fraction.trim_end_matches('0');
    let are_digits = |text: &str| text.bytes().all(|letter| letter.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let number = |digits: i128, letter: u8| digits * 10 + i128::from(letter - b'0');
    let digits = whole.bytes().chain(fraction.bytes()).fold(0, number);
    let scale = i16::try_from(fraction.len()).ok()?;
    Some(Decimal::short(if is_negative { -digits } else { digits }, scale))
}

impl Default for Decimal {
    /// Zero.
    fn default() -> Self {
        Self::short(0, 0)
    }
}

impl From<u32> for Decimal {
    fn from(number: u32) -> Self {
        Self::short(i128::from(number), 0)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.aligned(other) {
            Some((one, other, _)) => one.cmp(&other),
            None => self.long().as_ref().cmp(other.long().as_ref()),
        }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Decimal({self})")
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Form::Short { digits, scale } = self.0 else {
            return self.long().fmt(formatter);
        };
        let sign = if digits < 0 { "-" } else { "" };
        let places = usize::from(scale.unsigned_abs());
        if scale <= 0 {
            return if places <= WRITTEN_ZEROS_BEHIND && digits != 0 {
                write!(formatter, "{digits}{:0<places$}", "")
            } else {
                self.long().fmt(formatter)
            };
        }
        let written = digits.unsigned_abs().to_string();
        match written.len().checked_sub(places) {
            Some(point @ 1..) => {
                let (whole, fraction) = written.split_at(point);
                write!(formatter, "{sign}{whole}.{fraction}")
            }
            _ if digits != 0 && places - written.len() <= WRITTEN_ZEROS_AHEAD => {
                write!(formatter, "{sign}0.{written:0>places$}")
            }
            _ => self.long().fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests;
