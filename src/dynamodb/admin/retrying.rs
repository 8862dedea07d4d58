//! Requests that nobody waits for at a till: they may be repeated without harm, and are, while
//! DynamoDB is busy or out of reach.

use std::pin::pin;

use tokio::time::{Instant, sleep};

use crate::core::backoff;
use crate::dynamodb::client::Connection;
use crate::dynamodb::fault;
use crate::dynamodb::transport::attempt;
use crate::dynamodb::transport::protocol::{Operation, Protocol};
use crate::options::Options;
use crate::store::{Attempt, Fault};

/// Why a request failed for good.
#[derive(Debug)]
pub struct Failure {
    /// What DynamoDB called it, if it was DynamoDB.
    pub code: Option<String>,
    pub fault: Fault,
}

impl Failure {
    pub fn is_table_missing(&self) -> bool {
        self.code.as_deref() == Some(fault::TABLE_MISSING)
    }

    /// Somebody else is making or changing the table.
    pub fn is_resource_in_use(&self) -> bool {
        self.code.as_deref() == Some("ResourceInUseException")
    }
}

/// Sends a request until it is answered, at most `attempts` times.
pub async fn send<O: Operation>(
    input: O::Input,
    attempts: u32,
    connection: &Connection,
    options: &Options,
) -> Result<O::Output, Failure> {
    let protocol = Protocol::<O>::new();
    let body = protocol
        .compose(input)
        .map_err(|error| Failure { code: None, fault: fault::unsendable(error.as_ref()) })?;
    let mut faults = 0;
    loop {
        let failure = match send_once(body.clone(), &protocol, connection, options).await {
            Ok(output) => return Ok(output),
            Err(failure) => failure,
        };
        let may_pass = match failure.fault {
            Fault::Contended(_)
            | Fault::NotTaken(_)
            | Fault::Throttled(_)
            | Fault::Unanswered(_) => true,
            Fault::Rejected(_) | Fault::Final(_) => false,
        };
        if !may_pass || faults + 1 >= attempts {
            return Err(failure);
        }
        sleep(backoff::pause_patient(faults, fastrand::f64())).await;
        faults += 1;
    }
}

#[expect(clippy::result_large_err, reason = "it is seldom made, and moved a few times")]
async fn send_once<O: Operation>(
    body: String,
    protocol: &Protocol<O>,
    connection: &Connection,
    options: &Options,
) -> Result<O::Output, Failure> {
    let attempt = Attempt::until(Instant::now() + options.deadlines.attempt);
    let awaited = || connection.wire.identities.awaited();
    let work = async {
        let outcome = connection.wire.send(protocol, body, &attempt.gate).await;
        Ok(outcome.map_err(|error| Failure {
            code: fault::code(&error).map(str::to_owned),
            fault: fault::classify(&error, attempt.gate.has_passed()),
        }))
    };
    let answer = attempt::limit(&attempt, awaited, pin!(work)).await;
    answer.unwrap_or_else(|fault| Err(Failure { code: None, fault }))
}
