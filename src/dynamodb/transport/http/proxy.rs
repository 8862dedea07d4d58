//! Which requests go through a proxy: by `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, as the AWS CLI
//! reads them.

use std::collections::HashMap;
use std::fmt;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::error::BalanceError;
use crate::options::invalid_option;

/// What answers there speaks for this machine alone: a proxy would answer for itself.
/// Source: the AWS SDKs' reference guide, *IMDS* and *container credentials*.
const METADATA_SERVICES: &[&str] =
    &["169.254.169.254", "[fd00:ec2::254]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// The proxies that an environment names.
#[derive(Clone, Default)]
pub struct Proxies {
    http: String,
    https: String,
    exceptions: String,
}

impl Proxies {
    pub fn read(environment: &HashMap<String, String>) -> Result<Self, BalanceError> {
        Ok(Self {
            http: read_proxy(environment, "HTTP_PROXY", "http")?,
            https: read_proxy(environment, "HTTPS_PROXY", "https")?,
            exceptions: variable(environment, "NO_PROXY").1.to_owned(),
        })
    }

    /// The proxy for a URL, if there is one.
    pub fn intercept(&self, url: &Uri) -> Option<Intercept> {
        let host = url.host()?;
        if (self.http.is_empty() && self.https.is_empty()) || METADATA_SERVICES.contains(&host) {
            return None;
        }
        Matcher::builder()
            .http(&self.http)
            .https(&self.https)
            .no(self.exceptions_for(url))
            .build()
            .intercept(url)
    }

    /// The list without its ports: an exception with another port does not count.
    fn exceptions_for(&self, url: &Uri) -> String {
        let is_https = url.scheme_str() == Some("https");
        let port = url.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let without_port = |entry: &str| match entry.trim().rsplit_once(':') {
            Some((host, of)) if !host.contains(':') || host.ends_with(']') => {
                (of.parse() == Ok(port)).then(|| host.trim_matches(['[', ']']).to_owned())
            }
            _ => Some(entry.trim().trim_matches(['[', ']']).to_owned()),
        };
        self.exceptions.split(',').filter_map(without_port).collect::<Vec<_>>().join(",")
    }
}

/// A proxy's URL can contain a password.
impl fmt::Debug for Proxies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Proxies")
    }
}

/// The name and value of a variable. As for the AWS CLI, the lower case wins, also where it is
/// empty.
fn variable<'a>(environment: &'a HashMap<String, String>, name: &str) -> (String, &'a str) {
    let lower_case = name.to_ascii_lowercase();
    match environment.get(&lower_case) {
        Some(value) => (lower_case, value.trim()),
        None => (name.to_owned(), environment.get(name).map_or("", |value| value.trim())),
    }
}

fn read_proxy(
    environment: &HashMap<String, String>,
    name: &str,
    scheme: &str,
) -> Result<String, BalanceError> {
    // Where a program answers web requests by CGI, HTTP_PROXY is a header that anybody can send.
    if name == "HTTP_PROXY"
        && environment.contains_key("REQUEST_METHOD")
        && !environment.contains_key("http_proxy")
    {
        return Ok(String::new());
    }
    let (name, url) = variable(environment, name);
    if url.is_empty() {
        return Ok(String::new());
    }
    let example =
        Uri::builder().scheme(scheme).authority("example.com").path_and_query("/").build();
    let proxy = example
        .ok()
        .and_then(|example| Matcher::builder().http(url).https(url).build().intercept(&example));
    match proxy {
        Some(proxy) if matches!(proxy.uri().scheme_str(), Some("http" | "https")) => {
            Ok(url.to_owned())
        }
        // Without the value: there can be a password in it.
        _ => Err(invalid_option(
            &name,
            "must be the URL of an HTTP proxy such as http://proxy.example:3128; special \
             characters of a password in it are percent-encoded",
        )),
    }
}

#[cfg(test)]
mod tests;
