//! The options object, field by field.

use napi::Result;
use napi::bindgen_prelude::Object;

use super::value::{self, AnyValue};
use crate::options::UncheckedOptions;
use crate::value::Value;

pub fn read(options: &Object<'_>) -> Result<UncheckedOptions> {
    let field = |name: &str| -> Result<Value> {
        match options.get::<AnyValue<'_>>(name)? {
            Some(value) => value::read(value),
            None => Ok(Value::Undefined),
        }
    };
    Ok(UncheckedOptions {
        names: Object::keys(options)?,
        region: field("region")?,
        endpoint: field("endpoint")?,
        profile: field("profile")?,
        balances_table: field("balancesTable")?,
        transactions_table: field("transactionsTable")?,
        default_balance: field("defaultBalance")?,
        consistent_read: field("consistentRead")?,
        connect_timeout: field("connectTimeout")?,
        attempt_timeout: field("attemptTimeout")?,
        call_timeout: field("callTimeout")?,
    })
}
