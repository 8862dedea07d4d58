//! What is known of a call on its way, for whoever has to ask DynamoDB's support.

use std::sync::Arc;

use crate::error::{BalanceError, Metadata};
use crate::store::{Exchange, Refused};

#[derive(Debug, Default)]
pub struct Course {
    /// What the call's requests say about whose they are.
    pub trace: Option<Arc<str>>,
    /// How many attempts have ended.
    attempts: u32,
    /// The last refusal of them.
    refused: Option<Refused>,
}

impl Course {
    /// An attempt has ended.
    pub fn add(&mut self, exchanges: &[Exchange]) {
        self.attempts += 1;
        if let Some(refused) = exchanges.iter().rev().find_map(Exchange::refused) {
            self.refused = Some(refused);
        }
    }

    /// The error of a call with what DynamoDB refused of it.
    pub fn tell(&mut self, error: BalanceError) -> BalanceError {
        let Some(Refused { request_id, status }) = self.refused.take() else { return error };
        error.with_metadata(Metadata { request_id, status, attempts: self.attempts })
    }
}
