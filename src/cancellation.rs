//! A caller's way to end a call before its deadline.

use std::future::pending;

use tokio_util::sync::CancellationToken;

/// Whether the caller still wants the answer.
#[derive(Clone, Debug)]
pub struct Cancellation(Option<CancellationToken>);

impl Cancellation {
    /// For a call that nobody can cancel: the usual one, which costs nothing.
    pub fn never() -> Self {
        Self(None)
    }

    pub fn when(token: CancellationToken) -> Self {
        Self(Some(token))
    }

    pub fn is_requested(&self) -> bool {
        self.0.as_ref().is_some_and(CancellationToken::is_cancelled)
    }

    /// Waits until the caller cancels.
    pub async fn requested(&self) {
        match &self.0 {
            Some(token) => token.cancelled().await,
            None => pending().await,
        }
    }
}
