//! `stand-in [CERTIFICATE KEY]`: prints its port; with two PEM files it speaks TLS.

use std::env;
use std::future::ready;
use std::path::Path;

use benchmark_servers::{http, stand_in};

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let tls = match arguments.as_slice() {
        [] => None,
        [certificate, key] => Some(http::tls(Path::new(certificate), Path::new(key))),
        _ => panic!("usage: stand-in [CERTIFICATE KEY]"),
    };
    http::serve(tls, |call| ready(stand_in::answer(&call)));
}
