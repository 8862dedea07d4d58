//! The threads on which the addon works.

use napi::bindgen_prelude::create_custom_tokio_runtime;
use tokio::runtime::Builder;

/// Blocking work is rare: looking up a host's address, reading a profile.
const MOST_BLOCKING_THREADS: usize = 8;

/// One thread carries all requests of a process: it is busier with the network than JavaScript's
/// thread can make it, and a second one would only wake up for nothing.
#[napi_derive::module_init]
fn start() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(MOST_BLOCKING_THREADS)
        .thread_name("dynamodb-balance")
        .enable_all()
        .build();
    // Otherwise napi starts one of its own when it is needed, or says why it cannot.
    if let Ok(runtime) = runtime {
        create_custom_tokio_runtime(runtime);
    }
}
