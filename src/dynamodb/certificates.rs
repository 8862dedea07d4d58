//! Which certificate authorities a TLS connection trusts: the system's, or Mozilla's where the
//! system has none (slim container images), and the ones a company adds.

use std::collections::HashMap;
use std::fs;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use pem::Pem;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;

use crate::error::BalanceError;
use crate::options::invalid_option;

/// As Node does: a file that cannot be read is ignored.
const NODE_VARIABLE: &str = "NODE_EXTRA_CA_CERTS";
/// As the AWS tools do: a file that cannot be read is an error.
const AWS_VARIABLE: &str = "AWS_CA_BUNDLE";

/// The certificates that the environment adds.
pub fn extra(environment: &HashMap<String, String>) -> Result<Vec<Pem>, BalanceError> {
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
pub fn trust(extra: &[Pem]) -> TlsContext {
    let has_system_roots = !rustls_native_certs::load_native_certs().certs.is_empty();
    let mut store = TrustStore::empty().with_native_roots(has_system_roots);
    if !has_system_roots {
        for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            store.add_pem_certificate(pem::encode(&Pem::new("CERTIFICATE", root.to_vec())));
        }
    }
    for certificate in extra {
        store.add_pem_certificate(pem::encode(certificate));
    }
    TlsContext::builder().with_trust_store(store).build().expect("certificates were checked")
}

fn read(path: &str) -> Result<Vec<Pem>, String> {
    let text = fs::read(path).map_err(|error| error.to_string())?;
    let sections = pem::parse_many(text).map_err(|error| error.to_string())?;
    Ok(sections.into_iter().filter(is_usable).collect())
}

/// A certificate that the TLS library cannot parse would make it panic.
fn is_usable(section: &Pem) -> bool {
    section.tag() == "CERTIFICATE"
        && RootCertStore::empty().add(CertificateDer::from(section.contents())).is_ok()
}
