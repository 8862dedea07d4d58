//! Adding up, exactly, however many records there are.

use bigdecimal::{BigDecimal, Zero};

use super::Decimal;

/// A sum of decimals. It may leave the range and the precision of a DynamoDB number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum(BigDecimal);

impl Sum {
    pub fn zero() -> Self {
        Self(BigDecimal::zero())
    }

    pub fn add(&mut self, decimal: &Decimal) {
        self.0 += &decimal.0;
    }

    pub fn subtract(&mut self, decimal: &Decimal) {
        self.0 -= &decimal.0;
    }

    /// What the sum comes to on top of a first amount.
    pub fn on_top_of(&self, first: &Decimal) -> Decimal {
        Decimal((&first.0 + &self.0).normalized())
    }
}
