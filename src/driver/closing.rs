//! A call that closes a hold, between reading its record and writing.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use crate::core::group::Group;
use crate::core::history::RecordedTransaction;
use crate::core::holds::{HoldClosing, Step};
use crate::core::outcome::Written;
use crate::core::writes::PendingWrite;
use crate::driver::reply::{self, Reply};
use crate::error::BalanceError;
use crate::store::{CallId, Closing, ExistingRecord, Item};
use crate::transaction::IdempotentKey;

/// The record of a hold as it was closed, and whether an earlier call had done that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    pub hold: RecordedTransaction,
    pub is_replayed: bool,
}

#[derive(Debug)]
pub struct PendingClosing {
    pub number: u64,
    pub request: HoldClosing,
    pub deadline: Instant,
    pub reply: Reply<Closed>,
}

/// What becomes of it.
pub enum Next {
    Write(PendingWrite<Reply<Written>>),
    Reply(Reply<Closed>, Result<Closed, BalanceError>),
}

impl PendingClosing {
    pub fn next_step(
        self,
        found: Result<Item, BalanceError>,
        now: SystemTime,
        is_settled: bool,
    ) -> Next {
        let Self { number, request, deadline, reply } = self;
        let found = match found {
            Ok(Item::Record(found)) => found,
            Ok(Item::Account(_)) => return Next::Reply(reply, Err(reply::lost())),
            Err(error) => return Next::Reply(reply, Err(error)),
        };
        match request.next_step(found.as_deref(), CallId::unique(), now, is_settled) {
            Err(error) => Next::Reply(reply, Err(error)),
            Ok(Step::Done(written)) => {
                let closed = closed(&request.hold, written, || found.as_deref().map(Into::into));
                Next::Reply(reply, closed)
            }
            Ok(Step::Write(group)) => {
                let group = Arc::new(group);
                let asked = Arc::clone(&group);
                let reply =
                    reply.map(move |written| closed(&request.hold, written, || after(&asked)));
                Next::Write(PendingWrite { number, group, deadline, reply })
            }
        }
    }
}

fn after(group: &Group) -> Option<ExistingRecord> {
    group.as_closing().map(Closing::after)
}

fn closed(
    hold: &IdempotentKey,
    written: Written,
    recorded: impl FnOnce() -> Option<ExistingRecord>,
) -> Result<Closed, BalanceError> {
    let (record, is_replayed) = match written {
        Written::Recorded => (recorded(), false),
        Written::Replayed(existing) => (existing.into_iter().next(), true),
    };
    let hold = RecordedTransaction::of(hold, record.ok_or_else(reply::lost)?);
    Ok(Closed { hold, is_replayed })
}
