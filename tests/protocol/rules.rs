//! How a request is made, how DynamoDB judges it, and how it is excluded: three designs, and the
//! mistakes that can be planted in them.

/// Epochs leave room between their beginnings, for fences.
pub const EPOCH_STEPS: u8 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Design {
    /// What is built: one number on the balance, that writes set and fences raise.
    Epochs,
    /// Two numbers: `fencedUntil`, that only fences raise, and `composedAt`, that each write sets
    /// to its own and that must not be later than that by more than the allowance.
    TwoInstants { allowance: u8 },
    /// What was there before: a list of the requests that are fenced.
    ListOfFences,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    None,
    WriteIgnoresEpoch,
    FenceMovesEpochBackwards,
    FenceIgnoresRecord,
    FenceChecksFirstRecordOnly,
    FenceStopsShort,
    RefusalWithoutFence,
    AbandonedRequestForgotten,
    AbandonedOnlyWhenInDoubt,
    AbandonedDuringFenceIgnored,
    FenceForOwnRequestOnly,
    DoubtForgottenOnRepetition,
    OwnRecordTakenForDuplicate,
    RecordIgnored,
    BalanceIgnored,
    EpochNeverLearnt,
}

/// What the balance item says about requests besides the balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Stamp {
    /// Epochs: the stored epoch; absent is 0. Two instants: one more than `fencedUntil`.
    /// List of fences: one bit for each call.
    pub barrier: u8,
    /// Two instants: `composedAt`.
    pub newest: u8,
}

impl Design {
    /// What a request carries that is composed now.
    pub fn mark(self, call: u8, clock: u8, epoch_length: u8, learnt: u8) -> u8 {
        match self {
            Self::Epochs => ((clock / epoch_length + 1) * EPOCH_STEPS).max(learnt),
            Self::TwoInstants { .. } => ((clock + 1) * EPOCH_STEPS).max(learnt),
            Self::ListOfFences => 1 << call,
        }
    }

    /// Whether no request with this mark has an effect any more, for ever.
    pub fn excludes(self, stamp: Stamp, mark: u8) -> bool {
        match self {
            Self::Epochs | Self::TwoInstants { .. } => stamp.barrier > mark,
            Self::ListOfFences => mark & !stamp.barrier == 0,
        }
    }

    /// Whether a request with this mark has no effect now.
    pub fn refuses(self, stamp: Stamp, mark: u8) -> bool {
        match self {
            Self::TwoInstants { allowance } => {
                self.excludes(stamp, mark) || stamp.newest > mark + allowance * EPOCH_STEPS
            }
            Self::Epochs | Self::ListOfFences => self.excludes(stamp, mark),
        }
    }

    pub fn after_write(self, stamp: Stamp, mark: u8) -> Stamp {
        match self {
            Self::Epochs => Stamp { barrier: mark, ..stamp },
            Self::TwoInstants { .. } => Stamp { newest: mark, ..stamp },
            Self::ListOfFences => stamp,
        }
    }

    pub fn after_fence(self, stamp: Stamp, mark: u8, mistake: Mistake) -> Stamp {
        let barrier = match (self, mistake) {
            (Self::ListOfFences, _) => stamp.barrier | mark,
            (_, Mistake::FenceMovesEpochBackwards) => mark + 1,
            (_, Mistake::FenceStopsShort) => stamp.barrier.max(mark),
            _ => stamp.barrier.max(mark + 1),
        };
        Stamp { barrier, ..stamp }
    }

    /// One mark that stands for two, as far as fences are concerned.
    pub fn both(self, one: u8, other: u8) -> u8 {
        match self {
            Self::Epochs | Self::TwoInstants { .. } => one.max(other),
            Self::ListOfFences => one | other,
        }
    }

    /// The earliest mark that this stamp does not refuse.
    pub fn learn(self, stamp: Stamp) -> u8 {
        match self {
            Self::Epochs => stamp.barrier,
            Self::TwoInstants { allowance } => {
                stamp.barrier.max(stamp.newest.saturating_sub(allowance * EPOCH_STEPS))
            }
            Self::ListOfFences => 0,
        }
    }
}
