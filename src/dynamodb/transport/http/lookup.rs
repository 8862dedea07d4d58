//! The addresses of a host, by the system's resolver.
//!
//! That one blocks a thread, for half a minute where no name server answers, and cannot be
//! interrupted. So one lookup of a name serves all who ask for it, in all clients of the process,
//! and a name that has stopped resolving keeps the addresses that it had.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::watch::{Receiver, channel};
use tokio::task::{spawn, spawn_blocking};
use tokio::time::timeout;

/// How long a lookup may take before the last known addresses are used.
const MAX_WAIT_IF_KNOWN: Duration = Duration::from_millis(500);
/// Half of the threads for blocking work, so that the other half stays free for files. Further
/// names wait.
const MAX_LOOKUPS: usize = 4;
/// What is known of more names than this is forgotten.
const MAX_NAMES: usize = 256;

static RESOLVER: LazyLock<Arc<Resolver>> = LazyLock::new(|| Arc::new(Resolver::new(resolve)));

/// The addresses of a host, which is a name or an address itself. At least one.
pub async fn addresses(host: &str) -> io::Result<Vec<IpAddr>> {
    if let Ok(address) = host.trim_matches(['[', ']']).parse() {
        return Ok(vec![address]);
    }
    RESOLVER.find(host).await
}

/// Whether a connection to an address could be made decides which one is tried first next time.
pub fn note(host: &str, address: IpAddr, works: bool) {
    RESOLVER.note(host, address, works);
}

type Addresses = Result<Vec<IpAddr>, String>;
/// `None` while it goes on.
type Progress = Receiver<Option<Addresses>>;

#[derive(Debug)]
struct Resolver {
    names: Mutex<HashMap<String, Name>>,
    places: Semaphore,
    /// Blocks.
    resolve: fn(&str) -> Addresses,
}

#[derive(Debug, Default)]
struct Name {
    addresses: Vec<IpAddr>,
    /// The last one that a connection could be made to.
    working: Option<IpAddr>,
    lookup: Option<Progress>,
}

impl Name {
    /// One that can make no progress any more was lost with the runtime that it ran on.
    fn lookup_under_way(&self) -> Option<Progress> {
        let is_under_way = |it: &&Progress| it.borrow().is_none() && it.has_changed().is_ok();
        self.lookup.as_ref().filter(is_under_way).cloned()
    }
}

impl Resolver {
    fn new(resolve: fn(&str) -> Addresses) -> Self {
        Self { names: Mutex::default(), places: Semaphore::new(MAX_LOOKUPS), resolve }
    }

    async fn find(self: &Arc<Self>, host: &str) -> io::Result<Vec<IpAddr>> {
        let known = self.known(host);
        let mut lookup = self.join(host);
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
            Ok(Some(Ok(_))) => Ok(self.known(host)),
            _ if !known.is_empty() => Ok(known),
            Ok(Some(Err(complaint))) => Err(io::Error::other(complaint.clone())),
            Ok(None) | Err(_) => Err(io::Error::other("the lookup was broken off")),
        }
    }

    /// What is known without asking, what worked last first.
    fn known(&self, host: &str) -> Vec<IpAddr> {
        let names = self.names();
        let Some(name) = names.get(host) else { return Vec::new() };
        let mut addresses = name.addresses.clone();
        addresses.sort_by_key(|address| name.working != Some(*address));
        addresses
    }

    /// The lookup that is under way, or a new one.
    fn join(self: &Arc<Self>, host: &str) -> Progress {
        let mut names = self.names();
        if let Some(lookup) = names.get(host).and_then(Name::lookup_under_way) {
            return lookup;
        }
        if names.len() >= MAX_NAMES {
            names.retain(|_, name| name.lookup_under_way().is_some());
        }
        let (sender, lookup) = channel(None);
        names.entry(host.to_owned()).or_default().lookup = Some(lookup.clone());
        drop(names);
        let (resolver, host) = (Arc::clone(self), host.to_owned());
        drop(spawn(async move {
            let outcome = resolver.look_up(host).await;
            sender.send_replace(Some(outcome));
        }));
        lookup
    }

    async fn look_up(&self, host: String) -> Addresses {
        let _place = self.places.acquire().await.map_err(|error| error.to_string())?;
        let (resolve, name) = (self.resolve, host.clone());
        let outcome = spawn_blocking(move || resolve(&name)).await.map_err(|e| e.to_string())?;
        if let (Ok(addresses), Some(name)) = (&outcome, self.names().get_mut(&host)) {
            name.addresses.clone_from(addresses);
        }
        outcome
    }

    fn note(&self, host: &str, address: IpAddr, works: bool) {
        let mut names = self.names();
        let Some(name) = names.get_mut(host) else { return };
        if works {
            name.working = Some(address);
        } else if name.working == Some(address) {
            name.working = None;
        }
    }

    fn names(&self) -> MutexGuard<'_, HashMap<String, Name>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn resolve(host: &str) -> Addresses {
    let found = (host, 0).to_socket_addrs().map_err(|error| error.to_string())?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.map(|found| found.ip()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err("it has no address".to_owned()) } else { Ok(addresses) }
}

#[cfg(test)]
mod tests;
