//! The addresses of a host, by the system's resolver.
//!
//! That one blocks a thread, for half a minute where no name server answers, and cannot be
//! interrupted. So one lookup of a name serves all who ask for it, in all clients of the process,
//! and a name that has stopped resolving keeps the addresses that it had.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// How long a lookup may take before the last known addresses are used.
const MAX_WAIT_IF_KNOWN: Duration = Duration::from_millis(500);
/// Half of the threads for blocking work: the other half stays free for files.
const MAX_LOOKUPS: usize = 4;
const MAX_NAMES: usize = 256;

static NAMES: LazyLock<Mutex<HashMap<String, Name>>> = LazyLock::new(Mutex::default);

#[derive(Debug, Default)]
struct Name {
    /// In the order in which they are to be tried.
    addresses: Vec<IpAddr>,
    /// The last one that a connection could be made to.
    working: Option<IpAddr>,
    lookup: Option<Receiver<Progress>>,
}

/// `None` while it goes on.
type Progress = Option<Result<Vec<IpAddr>, String>>;

/// The addresses of a host, which is a name or an address itself. At least one.
pub async fn addresses(host: &str) -> io::Result<Vec<IpAddr>> {
    if let Ok(address) = host.trim_matches(['[', ']']).parse() {
        return Ok(vec![address]);
    }
    find(host, resolve).await
}

async fn find(
    host: &str,
    resolve: fn(&str) -> Result<Vec<IpAddr>, String>,
) -> io::Result<Vec<IpAddr>> {
    let known = known(host);
    let mut lookup = match join(host, resolve) {
        Ok(lookup) => lookup,
        Err(_) if !known.is_empty() => return Ok(known),
        Err(error) => return Err(error),
    };
    let finished = lookup.wait_for(Option::is_some);
    let outcome = if known.is_empty() {
        finished.await
    } else {
        match timeout(MAX_WAIT_IF_KNOWN, finished).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => return Ok(known),
        }
    };
    match outcome.as_deref() {
        Ok(Some(Ok(_))) => Ok(self::known(host)),
        _ if !known.is_empty() => Ok(known),
        Ok(Some(Err(complaint))) => Err(io::Error::other(complaint.clone())),
        Ok(None) | Err(_) => Err(io::Error::other("the lookup was broken off")),
    }
}

/// Whether a connection to an address could be made decides which one is tried first next time.
pub fn note(host: &str, address: IpAddr, works: bool) {
    let mut names = names();
    let Some(name) = names.get_mut(host) else { return };
    if works {
        name.working = Some(address);
    } else if name.working == Some(address) {
        name.working = None;
    }
}

/// What is known without asking, what worked last first.
fn known(host: &str) -> Vec<IpAddr> {
    let names = names();
    let Some(name) = names.get(host) else { return Vec::new() };
    let mut addresses = name.addresses.clone();
    addresses.sort_by_key(|address| name.working != Some(*address));
    addresses
}

/// Waits for the lookup that is under way, or starts one.
fn join(
    host: &str,
    resolve: fn(&str) -> Result<Vec<IpAddr>, String>,
) -> io::Result<Receiver<Progress>> {
    let mut names = names();
    // One that can make no progress any more was lost with the runtime that it ran on.
    let is_under_way = |name: &Name| {
        name.lookup.as_ref().filter(|it| it.borrow().is_none() && it.has_changed().is_ok()).cloned()
    };
    if let Some(lookup) = names.get(host).and_then(is_under_way) {
        return Ok(lookup);
    }
    if names.values().filter_map(is_under_way).count() >= MAX_LOOKUPS {
        return Err(io::Error::other("too many names are being looked up without an answer"));
    }
    if names.len() >= MAX_NAMES {
        names.retain(|_, name| is_under_way(name).is_some());
    }
    let (sender, lookup) = channel(None);
    names.entry(host.to_owned()).or_default().lookup = Some(lookup.clone());
    drop(names);
    let host = host.to_owned();
    drop(spawn_blocking(move || finish(&host, resolve(&host), &sender)));
    Ok(lookup)
}

fn finish(host: &str, outcome: Result<Vec<IpAddr>, String>, sender: &Sender<Progress>) {
    if let (Ok(addresses), Some(name)) = (&outcome, names().get_mut(host)) {
        name.addresses.clone_from(addresses);
    }
    sender.send_replace(Some(outcome));
}

/// Blocks.
fn resolve(host: &str) -> Result<Vec<IpAddr>, String> {
    let found = (host, 0).to_socket_addrs().map_err(|error| error.to_string())?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.map(|found| found.ip()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err("it has no address".to_owned()) } else { Ok(addresses) }
}

fn names() -> MutexGuard<'static, HashMap<String, Name>> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
