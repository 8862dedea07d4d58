use super::*;
use crate::core::group::Group;
use crate::core::holds::tests::{capture, closing};
use crate::value::Value;

/// The write of a full capture: the hold, and the key of the call, which leaves nothing there.
fn capture_of_all() -> Write {
    let group = Group::closing(closing(&capture(&Value::Undefined)), "2024-05-06T07:08:09.010Z");
    Write { balances: vec![balance_of(&group)], entries: group.entries().to_vec() }
}

fn balance_of(group: &Group) -> BalanceUpdate {
    let mut change = BalanceChange::default();
    group.entries().iter().for_each(|entry| change.add_entry(entry));
    BalanceUpdate {
        user_id: group.users()[0].clone(),
        epoch: Epoch::at(SystemTime::UNIX_EPOCH),
        change,
    }
}

fn taken() -> EntryState {
    EntryState::Taken(ExistingRecord::default())
}

#[test]
fn only_an_entry_that_leaves_a_trace_shows_that_a_write_was_not_carried_out() {
    use EntryState::{Free, Missing, Unclear};
    let refused =
        RefusedBalance { balance: StoredBalance::Absent, held: StoredBalance::Absent, epoch: None };
    let write = capture_of_all();
    // The hold, the key of the call, whether the balance refused, and whether that is definite.
    let cases = [
        (taken(), Free, false, true),
        (Missing, Unclear, false, true),
        (Free, taken(), false, true),
        (Free, Unclear, true, true),
        (Free, Free, false, false),
        (Unclear, Free, true, false),
        (Unclear, taken(), true, false),
        (Unclear, Unclear, true, false),
    ];
    for (hold, key, is_balance_refused, is_definite) in cases {
        let balances = vec![is_balance_refused.then(|| refused.clone())];
        let refusal = Refusal { entries: vec![hold, key], balances };
        assert_eq!(refusal.is_definite(&write), is_definite, "{refusal:?}");
    }
}
