//! The options object, field by field.

use napi::Result;
use napi::bindgen_prelude::Object;

use super::value;
use crate::options::UncheckedOptions;

pub fn read(options: &Object<'_>) -> Result<UncheckedOptions> {
    let field = |name| value::field(options, name);
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
        custom_user_agent: field("customUserAgent")?,
    })
}
