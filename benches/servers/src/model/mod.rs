//! A model of DynamoDB as far as a balance can feel it: latency, transactions that cancel each
//! other, the capacity of an item, conditions, tokens, exact sums. It does not know who calls.

mod audit;
mod capacity;
mod expression;
mod index;
mod read;
mod request;
mod state;
mod transaction;
mod value;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use crate::http::{Answer, Call};
use crate::latency::{Clock, Latency};
use index::Index;
use request::Request;
use state::State;

#[derive(Clone, Debug)]
pub struct Service {
    state: Rc<RefCell<State>>,
    latency: Latency,
    clock: Clock,
}

impl Service {
    pub fn new(latency: Latency) -> Self {
        Self { state: Rc::default(), latency, clock: Clock::start() }
    }

    /// With the index that a history is read from.
    #[must_use]
    pub fn with_history(self) -> Self {
        self.state.borrow_mut().index = Some(Index::default());
        self
    }

    /// What a request does it does on arrival; then its items are taken until it is answered.
    pub async fn answer(&self, call: Call) -> Answer {
        match call.path.as_str() {
            "/statistics" => return json_of(&self.state.borrow().statistics),
            "/audit" => return json_of(&audit::check(&self.state.borrow())),
            _ => {}
        }
        let arrival = Instant::now();
        let (latency, outcome) = match Request::read(&call) {
            Ok(request) => {
                let latency = self.latency.draw(request.items());
                (latency, self.state.borrow_mut().carry_out(request, arrival, arrival + latency))
            }
            Err(refusal) => (Duration::ZERO, Err(refusal)),
        };
        self.clock.wait_until(arrival + latency).await;
        outcome.unwrap_or_else(Refusal::into_answer)
    }
}

/// Why a request got no answer of its own.
#[derive(Debug)]
enum Refusal {
    Error { code: &'static str, message: String },
    Cancelled(Vec<Reason>),
}

/// What became of one action of a transaction, in DynamoDB's spelling.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Reason {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<value::Item>,
}

impl Refusal {
    fn validation(message: impl Into<String>) -> Self {
        Self::Error { code: "ValidationException", message: message.into() }
    }

    fn into_answer(self) -> Answer {
        let reasons = match self {
            Self::Error { code, message } => return Answer::error(code, &message),
            Self::Cancelled(reasons) => reasons,
        };
        let codes: Vec<_> = reasons.iter().map(|reason| reason.code).collect();
        let body = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": format!(
                "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
                codes.join(", ")
            ),
            "CancellationReasons": reasons,
        });
        Answer { status: 400, body: body.to_string().into() }
    }
}

fn json_of(value: &impl Serialize) -> Answer {
    Answer::ok(serde_json::to_string(value).expect("it has only text as keys"))
}
