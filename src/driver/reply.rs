//! A call's answer: given exactly once, whatever happens.

use std::fmt;

use crate::driver::admission::Permit;
use crate::driver::course::Course;
use crate::error::{BalanceError, ErrorCode};

type Recipient<T> = Box<dyn FnOnce(Result<T, BalanceError>) + Send>;

/// The duty to answer one call, and the call's permit among those that a client holds. Dropping it
/// answers as well: a defect of this package must not leave a caller waiting.
pub struct Reply<T> {
    recipient: Option<Recipient<T>>,
    permit: Option<Permit>,
    pub(super) course: Course,
}

impl<T> Reply<T> {
    pub fn new(
        permit: Permit,
        recipient: impl FnOnce(Result<T, BalanceError>) + Send + 'static,
    ) -> Self {
        Self {
            recipient: Some(Box::new(recipient)),
            permit: Some(permit),
            course: Course::default(),
        }
    }

    /// The duty to give the same answer, to be made of something else.
    pub fn map<U: 'static>(
        mut self,
        form: impl FnOnce(U) -> Result<T, BalanceError> + Send + 'static,
    ) -> Reply<U>
    where
        T: 'static,
    {
        let recipient = self.recipient.take();
        let permit = self.permit.take();
        let course = std::mem::take(&mut self.course);
        Reply {
            recipient: Some(Box::new(move |outcome: Result<U, BalanceError>| {
                if let Some(recipient) = recipient {
                    recipient(outcome.and_then(form));
                }
            })),
            permit,
            course,
        }
    }

    pub fn send(mut self, outcome: Result<T, BalanceError>) {
        self.deliver(outcome);
    }

    fn deliver(&mut self, outcome: Result<T, BalanceError>) {
        if let Some(recipient) = self.recipient.take() {
            recipient(outcome.map_err(|error| self.course.tell(error)));
        }
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Reply")
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if self.recipient.is_some() {
            self.deliver(Err(lost()));
        }
    }
}

/// The answer of a call that got lost inside this package.
pub fn lost() -> BalanceError {
    BalanceError::new(
        ErrorCode::InternalError,
        "Internal error: the call was lost. If it was a transaction, money may or may not have \
         moved: call again with the same idempotentKey to find out. It cannot be applied twice.",
    )
}

#[cfg(test)]
mod tests;
