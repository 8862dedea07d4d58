//! Holds that are open although they have expired, of all users: a `Scan` of the index that only open
//! holds are in, page by page.

use aws_sdk_dynamodb::operation::scan::ScanInput;

use super::{History, PageRequest, item, start, text};
use crate::core::history::{Expired, ExpiredPage, Index};
use crate::dynamodb::client::Connection;
use crate::dynamodb::fault;
use crate::store::{Fault, SendGate};
use crate::transaction::UserId;

impl PageRequest for Expired {
    type Page = ExpiredPage;

    fn user_id(&self) -> Option<&UserId> {
        None
    }

    async fn send(
        &self,
        history: &History,
        connection: &Connection,
        gate: &SendGate,
    ) -> Result<ExpiredPage, Fault> {
        let input = scan(self, &history.opening.options().transactions_table);
        let index = Index::OpenHolds;
        let output = history.exchange(index, &history.scan, input, connection, gate).await?;
        // Without them it is not known that there are none.
        let items = output.items.ok_or_else(|| fault::unreadable("it has no Items"))?;
        let position = |key| Ok((item::text(key, "userId"), item::position(key, index)?));
        let read_up_to = output.last_evaluated_key.as_ref().map(position).transpose()?;
        Ok(ExpiredPage { holds: items.iter().map(item::read).collect(), read_up_to })
    }
}

fn scan(expired: &Expired, table: &str) -> ScanInput {
    let start = |(user, position): &(String, _)| start(Index::OpenHolds, user, position);
    ScanInput::builder()
        .table_name(table)
        .index_name(Index::OpenHolds.name())
        .filter_expression("openUntil <= :until")
        .expression_attribute_values(":until", text(&expired.until))
        .set_exclusive_start_key(expired.after.as_ref().map(start))
        .build()
        .expect("the table is set")
}
