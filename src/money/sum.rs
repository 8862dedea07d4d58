//! Adding up, exactly, however many records there are.

use super::Decimal;

/// A sum of decimals. It may leave the range and the precision of a DynamoDB number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum(Decimal);

impl Sum {
    pub fn zero() -> Self {
        Self(Decimal::default())
    }

    pub fn add(&mut self, decimal: &Decimal) {
        self.0 = self.0.plus(decimal);
    }

    pub fn subtract(&mut self, decimal: &Decimal) {
        self.0 = self.0.minus(decimal);
    }

    /// What the sum comes to on top of a first amount.
    pub fn on_top_of(&self, first: &Decimal) -> Decimal {
        first.plus(&self.0).normalized()
    }
}
