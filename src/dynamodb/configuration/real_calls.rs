//! A test run can forbid calls to anything but a local DynamoDB. What guards JavaScript's network does not see
//! an addon, and a mock that was forgotten moves real money.

use std::collections::HashMap;

use url::{Host, Url};

use crate::dynamodb::configuration::settings::variable;
use crate::error::BalanceError;
use crate::options::invalid_option;

const FORBID: &str = "DYNAMODB_BALANCE_FORBID_REAL_CALLS";

/// How Docker names the machine that it runs on.
const DOCKER_HOST: &str = "host.docker.internal";

/// Refuses an endpoint that is not local, or none, where the environment forbids real calls.
pub fn check(
    environment: &HashMap<String, String>,
    endpoint: Option<&Url>,
) -> Result<(), BalanceError> {
    if !are_forbidden(environment)? || endpoint.is_some_and(is_local) {
        return Ok(());
    }
    let place = endpoint
        .map_or_else(|| "that of a region".to_owned(), |url| url.origin().ascii_serialization());
    let complaint = format!(
        "must be local, such as http://localhost:8000, and not {place}: {FORBID} forbids all others. \
         Nothing was sent; if this is a test, something is not mocked"
    );
    Err(invalid_option("endpoint", &complaint))
}

fn are_forbidden(environment: &HashMap<String, String>) -> Result<bool, BalanceError> {
    match variable(environment, FORBID) {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(other) => {
            let complaint = format!("must be 1, true, 0 or false, not {other:?}");
            Err(invalid_option(FORBID, &complaint))
        }
    }
}

/// This machine, or a name that only a local network knows, as that of a container is.
fn is_local(endpoint: &Url) -> bool {
    match endpoint.host() {
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => {
            let address = address.to_canonical();
            address.is_loopback() || address.is_unspecified()
        }
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            !name.contains('.') || name.ends_with(".localhost") || name == DOCKER_HOST
        }
        None => false,
    }
}

#[cfg(test)]
mod tests;
