//! Everything that can differ between two moments.

use crate::rules::Stamp;
use crate::scenario::{CLIENTS, KEYS, Keys};

pub const MAX_CALLS_AT_ONCE: usize = 2;
const MAX_GHOSTS: usize = 3;

/// The owner of what a process left behind that has ended.
pub const NOBODY: u8 = u8::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub now: u8,
    pub balance: i8,
    /// What a foreign writer added.
    pub foreign: i8,
    pub stamp: Stamp,
    pub records: [Option<Entry>; KEYS],
    /// When the latest of the writes was composed that have taken effect, plus one.
    pub latest_composed: u8,
    pub clients: [Client; CLIENTS],
    /// The keys that a process was told are refused which has ended since.
    pub is_refused_by_nobody: [bool; KEYS],
    /// What may arrive at any time, again and again. Sorted, so that equal sets are equal.
    pub ghosts: [Option<Ghost>; MAX_GHOSTS],
    /// How much of what is bounded has happened.
    pub calls: u8,
    pub unanswered: u8,
    pub given_up: u8,
    pub restarts: u8,
    pub corrections: u8,
    pub foreign_writes: u8,
}

/// A process with its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Client {
    /// By how many ticks its clock is ahead.
    pub clock: u8,
    pub learnt: u8,
    /// Stands for the requests of all calls that ended unknown. Nothing is 0.
    pub abandoned: u8,
    pub calls: [Option<Call>; MAX_CALLS_AT_ONCE],
    /// The keys whose last answer was a refusal.
    pub is_refused: [bool; KEYS],
}

/// A call that is not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    pub request: Request,
    /// What a refusal waits for; if nothing, the call writes.
    pub fence: Option<Fence>,
    /// On its way to the client; if nothing, an attempt is on its way to the database.
    pub answer: Option<Answer>,
    /// An attempt at this request went unanswered.
    pub is_in_doubt: bool,
    /// Whether the balance covered it at each instant since the call began.
    pub was_always_covered: bool,
}

/// A write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Request {
    pub call: u8,
    /// The client, or nobody once its process has ended.
    pub owner: u8,
    pub keys: Keys,
    pub amount: i8,
    /// The epoch, or what another design has in its place.
    pub mark: u8,
    pub composed: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fence {
    /// The keys that must not be recorded.
    pub absent: Keys,
    pub mark: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    Committed,
    KeyTaken { by: u8 },
    Refused { is_covered: bool, stamp: Stamp },
    Fenced { stamp: Stamp },
}

/// An attempt that nobody waits for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ghost {
    Write(Request),
    Fence(Fence),
}

/// A record. The first key of a request stands for its amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    pub call: u8,
    pub owner: u8,
    pub amount: i8,
    pub is_confirmed: bool,
}

impl State {
    pub fn new(default_balance: i8, clocks: [u8; CLIENTS]) -> Self {
        Self {
            now: 0,
            balance: default_balance,
            foreign: 0,
            stamp: Stamp::default(),
            records: [None; KEYS],
            latest_composed: 0,
            clients: clocks.map(|clock| Client { clock, ..Client::default() }),
            is_refused_by_nobody: [false; KEYS],
            ghosts: [None; MAX_GHOSTS],
            calls: 0,
            unanswered: 0,
            given_up: 0,
            restarts: 0,
            corrections: 0,
            foreign_writes: 0,
        }
    }

    /// Whether the call has not been answered.
    pub fn is_living(&self, owner: u8, call: u8) -> bool {
        self.clients
            .get(usize::from(owner))
            .is_some_and(|it| it.calls.iter().flatten().any(|it| it.request.call == call))
    }

    pub fn has_living_calls(&self) -> bool {
        self.clients.iter().any(|it| it.calls.iter().any(Option::is_some))
    }

    pub fn room_for_ghosts(&self) -> usize {
        self.ghosts.iter().filter(|it| it.is_none()).count()
    }

    pub fn haunt(&mut self, ghost: Ghost) {
        if !self.ghosts.contains(&Some(ghost)) {
            let place = self.ghosts.iter_mut().find(|it| it.is_none());
            *place.expect("room_for_ghosts was asked") = Some(ghost);
            self.sort_ghosts();
        }
    }

    /// A process ends. What it was told and what it sent remain.
    pub fn disown(&mut self, client: usize) {
        let clock = self.clients[client].clock;
        let before =
            std::mem::replace(&mut self.clients[client], Client { clock, ..Client::default() });
        for (nobody, refused) in self.is_refused_by_nobody.iter_mut().zip(before.is_refused) {
            *nobody |= refused;
        }
        for call in before.calls.into_iter().flatten() {
            self.haunt(call.ghost());
        }
        let requests = self.ghosts.iter_mut().flatten().filter_map(|ghost| match ghost {
            Ghost::Write(request) => Some(&mut request.owner),
            Ghost::Fence(_) => None,
        });
        let entries = self.records.iter_mut().flatten().map(|entry| &mut entry.owner);
        for owner in requests.chain(entries).filter(|owner| usize::from(**owner) == client) {
            *owner = NOBODY;
        }
        self.sort_ghosts();
    }

    fn sort_ghosts(&mut self) {
        self.ghosts.sort_unstable_by_key(|ghost| (ghost.is_none(), *ghost));
    }
}

impl Call {
    /// What it leaves on its way when nobody waits for the attempt any more: even where that was
    /// carried out, it may have been doubled.
    pub fn ghost(self) -> Ghost {
        self.fence.map_or(Ghost::Write(self.request), Ghost::Fence)
    }
}
