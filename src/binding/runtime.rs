//! The threads on which the addon works. They are its own and not napi's, which starts them when
//! the addon is loaded, ends the process if it cannot, and starts other ones for the next worker
//! thread of an application that has none left.

use std::io;
use std::panic::catch_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{BalanceError, Cause, ErrorCode};

/// Blocking work is rare: looking up a host's address, reading a profile.
const MAX_BLOCKING_THREADS: usize = 8;
const THREAD_NAME: &str = "dynamodb-balance";

/// Started by the first client, and as long-lived as the process.
static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

/// The runtime, which is started if there is none. Whoever cannot start one now may be able to
/// later.
pub fn handle() -> Result<Handle, BalanceError> {
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*runtime {
        return Ok(runtime.handle().clone());
    }
    let started = start().map_err(|error| {
        BalanceError::new(
            ErrorCode::NothingHappened,
            format!(
                "Nothing happened: the thread that carries the requests could not be started \
                 ({error}). Trying again is safe; check this process's limits of threads, open \
                 files and memory (ulimit -u, -n and -v)."
            ),
        )
        .caused_by(Some(Cause { name: "Error".to_owned(), message: error.to_string() }))
    })?;
    let handle = started.handle().clone();
    *runtime = Some(started);
    Ok(handle)
}

/// One thread carries all requests of a process: it is busier with the network than JavaScript's
/// thread can make it, and a second one would only wake up for nothing.
fn start() -> io::Result<Runtime> {
    // tokio panics where it cannot start its thread, and says so on the standard error. So one is
    // started first, to see whether it can be; that nothing takes its place meanwhile is likely.
    let probe = thread::Builder::new().name(THREAD_NAME.to_owned()).spawn(|| {})?;
    drop(probe.join());
    catch_unwind(|| {
        Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(MAX_BLOCKING_THREADS)
            .thread_name(THREAD_NAME)
            .enable_all()
            .build()
    })
    .unwrap_or_else(|_panic| Err(io::ErrorKind::WouldBlock.into()))
}
