//! Pages of a history and of open holds, as the indexes of the table of transactions have them.

use crate::core::history::{
    Expired, ExpiredPage, Index, Listing, Order, Page, Range, RecordedTransaction,
};
use crate::store::database::Database;

pub fn page(database: &Database, listing: &Listing) -> Page {
    let series = &listing.series;
    let is_of_user = |it: &RecordedTransaction| it.user_id == series.user_id.as_str();
    let mut found = in_index(database, series.index);
    found.retain(|it| is_of_user(it) && is_within(&series.range, &sort_key(series.index, it)));
    let place = |it: &RecordedTransaction| {
        let position = series.index.position_of(it);
        (position.sort, position.idempotent_key)
    };
    found.sort_by_cached_key(place);
    if let Some(after) = &listing.after {
        let after = (after.sort.clone(), after.idempotent_key.clone());
        found.retain(|it| match series.order {
            Order::Oldest => place(it) > after,
            Order::Newest => place(it) < after,
        });
    }
    if series.order == Order::Newest {
        found.reverse();
    }
    // One more than the page takes, so that it is known whether there is another page.
    found.truncate(usize::try_from(listing.limit).unwrap_or(usize::MAX).saturating_add(1));
    listing.page(found, None)
}

/// All at once.
pub fn expired(database: &Database, expired: &Expired) -> ExpiredPage {
    let mut holds = in_index(database, Index::OpenHolds);
    holds.retain(|it| sort_key(Index::OpenHolds, it) <= expired.until);
    ExpiredPage { holds, read_up_to: None }
}

/// A record without the keys of an index is not in it.
fn in_index(database: &Database, index: Index) -> Vec<RecordedTransaction> {
    let records = database.records().filter(|(_, record)| match index {
        Index::UserHistory => record.timestamp.is_some(),
        Index::OpenHolds => record.is_open_hold(),
    });
    let records = records.filter(|(_, record)| record.user_id.is_some());
    records.map(|(key, record)| RecordedTransaction::of(key, record.clone())).collect()
}

fn sort_key(index: Index, transaction: &RecordedTransaction) -> String {
    index.position_of(transaction).sort
}

fn is_within(range: &Range, sort: &str) -> bool {
    range.from.as_deref().is_none_or(|from| sort >= from)
        && range.to.as_deref().is_none_or(|to| sort <= to)
}
