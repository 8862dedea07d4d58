//! The bounds of a search, and what is searched for.

use crate::rules::{Design, Mistake};

pub const CLIENTS: usize = 3;
pub const KEYS: usize = 3;

/// What a caller asks for. Several keys stand for calls that travel together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    pub keys: Keys,
    pub amount: i8,
}

/// A set of keys: one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Keys(pub u8);

impl Keys {
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..KEYS).filter(move |key| self.0 >> key & 1 == 1)
    }

    pub fn first(self) -> Self {
        Self(self.0 & self.0.wrapping_neg())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignWriter {
    None,
    /// It adds to the balance and leaves the epoch alone.
    IgnoresEpoch,
    /// It writes a balance item of its own in place of what was there.
    ReplacesItem,
}

#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub design: Design,
    pub mistake: Mistake,
    pub wishes: &'static [Wish],
    pub default_balance: i8,
    /// By how many ticks the clock of each client is ahead.
    pub clocks: [u8; CLIENTS],
    /// How many of the clients make calls: the first ones.
    pub callers: usize,
    pub calls: u8,
    /// Of one client: one or two.
    pub calls_at_once: usize,
    pub last_tick: u8,
    pub epoch_length: u8,
    /// How many attempts go unanswered.
    pub unanswered: u8,
    /// How many calls end unknown.
    pub given_up: u8,
    pub restarts: u8,
    /// How many clocks that are ahead step back, to where they should be.
    pub corrections: u8,
    pub foreign_writer: ForeignWriter,
    /// A request has no effect any more once a write has that was composed this many ticks after
    /// it, or later.
    pub window: u8,
    pub what_breaks_the_window: WindowBreach,
    pub repetition: Repetition,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowBreach {
    /// Any request that has an effect after its window.
    AnyRequest,
    /// What users of two processes notice: a key is recorded that another one was told is refused.
    RefusedKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    SameEpoch,
    /// The epoch of the clock at the time of the repetition.
    NewEpoch,
}

/// A debit that needs a credit first.
pub const DEBIT_AND_CREDIT: &[Wish] =
    &[Wish { keys: Keys(0b001), amount: -2 }, Wish { keys: Keys(0b010), amount: 2 }];

/// The second key is asked for with another amount too.
pub const REUSED_KEY: &[Wish] = &[
    Wish { keys: Keys(0b001), amount: -2 },
    Wish { keys: Keys(0b010), amount: 2 },
    Wish { keys: Keys(0b010), amount: -1 },
];

/// One of the debits also travels with another one.
pub const TOGETHER: &[Wish] = &[
    Wish { keys: Keys(0b010), amount: -2 },
    Wish { keys: Keys(0b011), amount: -3 },
    Wish { keys: Keys(0b100), amount: 2 },
];

/// Two writes that differ in nothing but the key.
pub const TWO_CREDITS: &[Wish] = &[
    Wish { keys: Keys(0b001), amount: -2 },
    Wish { keys: Keys(0b010), amount: 1 },
    Wish { keys: Keys(0b100), amount: 1 },
];

/// What the scenarios begin with and alter.
pub const TWO_PROCESSES: Scenario = Scenario {
    design: Design::Epochs,
    mistake: Mistake::None,
    wishes: DEBIT_AND_CREDIT,
    default_balance: 1,
    clocks: [0, 1, 0],
    callers: 2,
    calls: 3,
    calls_at_once: 1,
    last_tick: 4,
    epoch_length: 2,
    unanswered: 1,
    given_up: 1,
    restarts: 0,
    corrections: 0,
    foreign_writer: ForeignWriter::None,
    window: 3,
    what_breaks_the_window: WindowBreach::AnyRequest,
    repetition: Repetition::SameEpoch,
};
