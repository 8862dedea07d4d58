//! Fences: the calls that were refused after an attempt of theirs had gone unanswered, kept with
//! the balance so that such an attempt is refused too, should it still arrive. Pure decisions.

use std::time::{Duration, SystemTime};

use crate::store::CallId;

/// How long a fence stands. AWS refuses a request whose signature is older than 15 minutes, so
/// that after an hour nothing can arrive any more.
/// Source: AWS Identity and Access Management User Guide, "Signature Version 4", request expiry.
const FENCE_AGE: Duration = Duration::from_hours(1);

/// The most fences of one balance: 1,000 identifiers are a tenth of the largest item.
const MOST_FENCES: usize = 1000;

/// The fences that are to stand with one more; `None` if there are too many.
pub fn with_one_more(standing: &[CallId], call_id: CallId, now: SystemTime) -> Option<Vec<CallId>> {
    let is_needed = |fence: &CallId| {
        fence.began().is_some_and(|began| now.duration_since(began).unwrap_or_default() < FENCE_AGE)
    };
    let mut fences: Vec<CallId> = standing.iter().copied().filter(is_needed).collect();
    fences.push(call_id);
    (fences.len() <= MOST_FENCES).then_some(fences)
}

#[cfg(test)]
mod tests;
