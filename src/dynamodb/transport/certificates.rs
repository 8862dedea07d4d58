//! Which certificate authorities a TLS connection trusts: the system's, or Mozilla's where the
//! system has none (slim container images), and the ones a company adds.

use std::collections::HashMap;
use std::io;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::error::BalanceError;
use crate::options::invalid_option;

/// As Node does: a file that cannot be read is ignored.
const NODE_VARIABLE: &str = "NODE_EXTRA_CA_CERTS";
/// As the AWS tools do: a file that cannot be read is an error.
const AWS_VARIABLE: &str = "AWS_CA_BUNDLE";

/// The certificates that the environment adds.
pub fn extra(
    environment: &HashMap<String, String>,
) -> Result<Vec<CertificateDer<'static>>, BalanceError> {
    let path = |variable: &str| environment.get(variable).filter(|path| !path.is_empty());
    let mut certificates = Vec::new();
    if let Some(path) = path(NODE_VARIABLE) {
        certificates.extend(read(path).unwrap_or_default());
    }
    if let Some(path) = path(AWS_VARIABLE) {
        let complaint =
            |why| format!("names a file of certificates that cannot be used: {path}: {why}");
        certificates
            .extend(read(path).map_err(|why| invalid_option(AWS_VARIABLE, &complaint(why)))?);
    }
    Ok(certificates)
}

/// Reads the system's trust store, which takes a while.
pub fn trusted(
    extra: Vec<CertificateDer<'static>>,
) -> Result<RootCertStore, rustls_native_certs::Error> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    // A certificate that is of no use to a system's other programs does not harm this one.
    roots.add_parsable_certificates(system.certs);
    if roots.is_empty() {
        // Nothing was found, which is no reason to trust others than the system does, if it was for
        // want of a descriptor or of memory.
        if let Some(error) = system.errors.into_iter().find(is_passing) {
            return Err(error);
        }
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots.add_parsable_certificates(extra);
    Ok(roots)
}

/// A file that is missing or forbidden stays so; a process that has too many open does not.
fn is_passing(error: &rustls_native_certs::Error) -> bool {
    match &error.kind {
        rustls_native_certs::ErrorKind::Io { inner, .. } => {
            !matches!(inner.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
        }
        _ => false,
    }
}

fn read(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let sections = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    sections.collect::<Result<_, _>>().map_err(|error| error.to_string())
}
