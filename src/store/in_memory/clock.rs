//! The time in the tests of an application: that of the machine, or one that stands still until it is moved.

use std::time::{Duration, SystemTime};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The machine's, ahead by so much.
    Running {
        ahead: Duration,
    },
    Standing(SystemTime),
}

impl Default for Clock {
    fn default() -> Self {
        Self::Running { ahead: Duration::ZERO }
    }
}

impl Clock {
    pub fn now(self) -> SystemTime {
        match self {
            Self::Running { ahead } => SystemTime::now() + ahead,
            Self::Standing(time) => time,
        }
    }

    #[must_use]
    pub fn advanced(self, duration: Duration) -> Self {
        match self {
            Self::Running { ahead } => Self::Running { ahead: ahead + duration },
            Self::Standing(time) => Self::Standing(time + duration),
        }
    }
}
