//! Holds as `client.js` sees them.

use napi::Result;
use napi_derive::napi;

use super::client::{NativeClient, ordinal};
use super::failure::Failure;
use super::results::TransactionsData;
use super::transactions::{self, TransactionFields};
use super::value::{self, AnyValue};
use crate::core::holds::{EXPIRED_SUFFIX, HoldClosing, NewHold};
use crate::error::BalanceError;
use crate::value::Value;

#[napi]
impl NativeClient {
    /// `expires_at` is milliseconds since 1970, if it is a `Date`. The type of the fields is a debit's.
    #[napi]
    pub fn create_hold(
        &self,
        number: f64,
        fields: TransactionFields<'_>,
        expires_at: AnyValue<'_>,
    ) -> Result<Option<Failure>> {
        let expires_at = value::read(expires_at)?;
        let accepted = transactions::validate_one(transactions::read(fields)?)
            .and_then(|debit| NewHold::validate(debit, &expires_at))
            .and_then(|hold| {
                let recipient = self.recipient(number, TransactionsData::from);
                self.ledger.create_hold(ordinal(number), hold, recipient)
            });
        Ok(accepted.err().map(Failure::from))
    }

    #[napi]
    pub fn capture_hold(
        &self,
        number: f64,
        idempotent_key: AnyValue<'_>,
        hold: AnyValue<'_>,
        amount: AnyValue<'_>,
    ) -> Result<Option<Failure>> {
        let idempotent_key = value::read(idempotent_key)?;
        let (hold, amount) = (value::read(hold)?, value::read(amount)?);
        Ok(self.close_hold(number, HoldClosing::validate_capture(idempotent_key, hold, &amount)))
    }

    #[napi]
    pub fn release_hold(
        &self,
        number: f64,
        idempotent_key: AnyValue<'_>,
        hold: AnyValue<'_>,
    ) -> Result<Option<Failure>> {
        let (idempotent_key, hold) = (value::read(idempotent_key)?, value::read(hold)?);
        Ok(self.close_hold(number, HoldClosing::validate_release(idempotent_key, hold)))
    }

    /// Releases a hold that has expired, under a key that follows from its own.
    #[napi]
    pub fn release_expired_hold(&self, number: f64, hold: String) -> Option<Failure> {
        let key = Value::Text(format!("{hold}{EXPIRED_SUFFIX}"));
        self.close_hold(number, HoldClosing::validate_release(key, Value::Text(hold)))
    }

    fn close_hold(
        &self,
        number: f64,
        request: std::result::Result<HoldClosing, BalanceError>,
    ) -> Option<Failure> {
        let accepted = request.and_then(|request| {
            let recipient = self.recipient(number, TransactionsData::from);
            self.ledger.close_hold(ordinal(number), request, recipient)
        });
        accepted.err().map(Failure::from)
    }
}
