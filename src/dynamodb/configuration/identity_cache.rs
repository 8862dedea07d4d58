//! Who signs the requests, and where they go: both depend on the credentials, which are asked for
//! once, however many wait, and replaced before they expire.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::error::BoxError;
use http::Uri;
use tokio::time::Instant;

use crate::dynamodb::configuration::credentials::Source;
use crate::dynamodb::configuration::endpoint::Endpoint;
use crate::dynamodb::configuration::shared_task::{self, SharedTask};
use crate::dynamodb::fault;
use crate::dynamodb::transport::clock::Clock;
use crate::dynamodb::transport::signature::Signer;
use crate::store::Fault;

/// How long before their expiry credentials are replaced, those in use being used meanwhile: as
/// the AWS SDK for JavaScript does. Those with less than twice as much to live are replaced after
/// half of it, so that short-lived ones are not asked for with every request.
const BEFORE_EXPIRY: Duration = Duration::from_mins(5);
/// Between two attempts to replace credentials that are still good, or were rejected as soon as
/// they came.
const MIN_PAUSE: Duration = Duration::from_secs(1);

/// What a request needs to be sent.
#[derive(Debug)]
pub struct SigningContext {
    pub signer: Signer,
    /// The URL of DynamoDB, which may contain the account's number.
    pub url: String,
    /// The same, as requests name it.
    pub uri: Uri,
    /// That URL and its region, for error messages.
    pub place: Arc<str>,
    fresh_until: Option<SystemTime>,
    expires_at: Option<SystemTime>,
}

#[derive(Clone, Debug)]
pub struct IdentityCache(Arc<Office>);

#[derive(Debug)]
struct Office {
    source: Source,
    endpoint: Endpoint,
    clock: Clock,
    /// How long a renewal may take. Longer than a call: it goes on for the next one.
    limit: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Arc<SigningContext>>,
    renewal: Option<Renewal>,
    /// When credentials were last asked for ahead of time, and because of a rejection.
    asked_ahead: Option<Instant>,
    asked_after_rejection: Option<Instant>,
}

type Renewal = SharedTask<Outcome>;
type Outcome = Result<Arc<SigningContext>, NoSigningContext>;

/// Credentials could not be had.
#[derive(Clone, Debug)]
pub struct NoSigningContext(pub Fault);

impl IdentityCache {
    pub fn new(source: Source, endpoint: Endpoint, clock: Clock, limit: Duration) -> Self {
        let state = Mutex::default();
        Self(Arc::new(Office { source, endpoint, clock, limit, state }))
    }

    pub async fn current(&self) -> Outcome {
        let renewal = {
            let mut state = self.0.state();
            let now = self.0.clock.now();
            match &state.held {
                Some(held) if held.is_fresh(now) => return Ok(Arc::clone(held)),
                Some(held) if held.is_valid(now) => {
                    let held = Arc::clone(held);
                    if is_due(&mut state.asked_ahead) {
                        drop(self.renew(&mut state));
                    }
                    return Ok(held);
                }
                _ => self.renew(&mut state),
            }
        };
        renewal.await
    }

    /// Takes note that DynamoDB does not accept these. `true`: others can be had, so that it is
    /// worth trying again.
    pub fn reject(&self, signing_context: &Arc<SigningContext>) -> bool {
        let mut state = self.0.state();
        if !self.0.source.is_renewable() {
            return false;
        }
        if !state.held.as_ref().is_some_and(|held| Arc::ptr_eq(held, signing_context)) {
            return true;
        }
        if state.renewal.is_none() && !is_due(&mut state.asked_after_rejection) {
            return false;
        }
        state.held = None;
        drop(self.renew(&mut state));
        true
    }

    /// What a request that was not sent is waiting for at this moment, in words.
    pub fn awaited(&self) -> String {
        let state = self.0.state();
        match (&state.held, &state.renewal) {
            (None, Some(_)) => format!("{} has not answered yet", self.0.source.name()),
            (None, None) => "no connection was free or made in time".to_owned(),
            (Some(held), _) => format!("no connection was free or made in time ({})", held.place),
        }
    }

    /// The renewal under way, or a new one.
    fn renew(&self, state: &mut State) -> Renewal {
        if let Some(renewal) = &state.renewal {
            return renewal.clone();
        }
        let office = Arc::clone(&self.0);
        let keeper = Arc::clone(&self.0);
        let renewal =
            shared_task::start(async move { office.ask().await }, self.0.limit, move |outcome| {
                keeper.keep(outcome)
            });
        state.renewal = Some(renewal.clone());
        renewal
    }
}

impl Office {
    async fn ask(&self) -> Outcome {
        let credentials = self.source.ask().await.map_err(NoSigningContext)?;
        let account = credentials.account_id().map(|account| account.as_str().to_owned());
        let url = self.endpoint.url(account).await;
        let url = url.map_err(|error| NoSigningContext(Fault::Final(error)))?;
        let place = self.endpoint.place(&url).into();
        let expires_at = credentials.expiry();
        let fresh_until = expires_at.map(|expiry| fresh_until(expiry, self.clock.now()));
        // The path of every request is that of the endpoint.
        let uri: Result<Uri, _> = format!("{}/", url.trim_end_matches('/')).parse();
        let signer = uri.map_err(BoxError::from).and_then(|uri| {
            let signer = Signer::new(credentials, self.endpoint.region(), &uri)?;
            Ok((signer, uri))
        });
        let (signer, uri) =
            signer.map_err(|error| NoSigningContext(fault::unsendable(error.as_ref())))?;
        Ok(Arc::new(SigningContext { signer, url, uri, place, fresh_until, expires_at }))
    }

    fn keep(&self, outcome: Result<Outcome, shared_task::Interruption>) -> Outcome {
        let outcome = outcome.unwrap_or_else(|interruption| {
            Err(NoSigningContext(self.source.interrupted(interruption)))
        });
        let mut state = self.state();
        state.renewal = None;
        if let Ok(signing_context) = &outcome {
            state.held = Some(Arc::clone(signing_context));
        }
        outcome
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SigningContext {
    /// Credentials without an expiry are good until DynamoDB rejects them.
    fn is_fresh(&self, now: SystemTime) -> bool {
        self.fresh_until.is_none_or(|until| now < until)
    }

    fn is_valid(&self, now: SystemTime) -> bool {
        self.expires_at.is_none_or(|expiry| now < expiry)
    }
}

/// Whether the last time is long enough ago. It is now, then.
fn is_due(last: &mut Option<Instant>) -> bool {
    let now = Instant::now();
    let is_due = last.is_none_or(|last| now >= last + MIN_PAUSE);
    if is_due {
        *last = Some(now);
    }
    is_due
}

fn fresh_until(expiry: SystemTime, now: SystemTime) -> SystemTime {
    let left = expiry.duration_since(now).unwrap_or_default();
    expiry.checked_sub(BEFORE_EXPIRY.min(left / 2)).unwrap_or(expiry)
}

impl fmt::Display for NoSigningContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("no credentials")
    }
}

impl Error for NoSigningContext {}

/// The same request is to be sent again, signed anew: it was refused for its signature alone.
#[derive(Debug)]
pub struct SignAgain {
    /// What DynamoDB called it.
    pub code: String,
}

impl fmt::Display for SignAgain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DynamoDB answered {}", self.code)
    }
}

impl Error for SignAgain {}

#[cfg(test)]
mod tests;
