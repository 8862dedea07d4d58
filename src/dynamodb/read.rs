//! Reading a balance: one `GetItem`.

use aws_sdk_dynamodb::types::AttributeValue;

use super::connection::Connection;
use super::departure::Departure;
use super::stored_balance;
use super::{fault, table};
use crate::money::StoredBalance;
use crate::options::Options;
use crate::store::Fault;
use crate::transaction::UserId;

pub async fn send(
    user_id: &UserId,
    connection: &Connection,
    departure: Departure,
    options: &Options,
) -> Result<StoredBalance, Fault> {
    let outcome = connection
        .client
        .get_item()
        .table_name(&options.balances_table)
        .key("userId", AttributeValue::S(user_id.as_str().to_owned()))
        .projection_expression("balance")
        .consistent_read(options.consistent_read)
        .customize()
        .interceptor(departure.clone())
        .send()
        .await;
    match outcome {
        Ok(output) => Ok(stored_balance(output.item())),
        Err(error) if fault::is_table_missing(&error) => {
            Err(Fault::Final(table::missing(connection, options).await))
        }
        Err(error) => Err(fault::classify(&error, departure.has_left())),
    }
}
