//! Signs requests with AWS Signature Version 4. The SDK's signer works on any request, and takes a quarter of
//! the time of a call; all requests of DynamoDB are alike, so that most of what is signed, and the key, are
//! the same from one to the next. A test compares the two.
//! Source: AWS Identity and Access Management User Guide, "Create a signed AWS API request".

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::error::BoxError;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http::HeaderValue;
use http::uri::{Scheme, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "dynamodb";
/// All but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Of every request, and of every answer.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// Signs for one identity, with one endpoint.
#[derive(Debug)]
pub struct Signer {
    credentials: Credentials,
    region: String,
    host: HeaderValue,
    canonical_path: String,
    session_token: Option<HeaderValue>,
    signed_headers: &'static str,
    key: Mutex<Option<KeyOfDay>>,
}

/// A signing key is good for a day.
#[derive(Clone)]
struct KeyOfDay {
    date: String,
    key: Arc<[u8]>,
}

/// What a request has to carry.
#[derive(Debug)]
pub struct Signature {
    pub date: HeaderValue,
    pub authorization: HeaderValue,
}

impl Signer {
    pub fn new(credentials: Credentials, region: &str, uri: &Uri) -> Result<Self, BoxError> {
        let session_token = credentials.session_token().map(sensitive).transpose()?;
        let signed_headers = match session_token {
            None => "content-length;content-type;host;x-amz-date;x-amz-target",
            Some(_) => {
                "content-length;content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
            }
        };
        Ok(Self {
            credentials,
            region: region.to_owned(),
            host: host_of(uri)?,
            canonical_path: canonical_path(uri.path()),
            session_token,
            signed_headers,
            key: Mutex::default(),
        })
    }

    pub fn host(&self) -> &HeaderValue {
        &self.host
    }

    pub fn session_token(&self) -> Option<&HeaderValue> {
        self.session_token.as_ref()
    }

    #[cfg(test)]
    pub fn access_key_id(&self) -> &str {
        self.credentials.access_key_id()
    }

    /// The signature of a request with `CONTENT_TYPE`, for an operation (`X-Amz-Target`).
    pub fn sign(&self, target: &str, body: &[u8], time: SystemTime) -> Result<Signature, BoxError> {
        let time = DateTime::from_secs(DateTime::from(time).secs());
        let date_time = time.fmt(Format::DateTime)?.replace(['-', ':'], "");
        let date = date_time.split('T').next().unwrap_or_default();
        let scope = format!("{date}/{}/{SERVICE}/aws4_request", self.region);
        let canonical = self.canonical_request(target, body, &date_time)?;
        let hash = hash(canonical.as_bytes())?;
        let to_sign = format!("{ALGORITHM}\n{date_time}\n{scope}\n{hash}");
        let signature = calculate_signature(self.key_of(date, time), to_sign.as_bytes());
        let authorization = sensitive(&format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
            self.credentials.access_key_id(),
            self.signed_headers,
        ))?;
        Ok(Signature { date: HeaderValue::from_maybe_shared(date_time)?, authorization })
    }

    fn canonical_request(
        &self,
        target: &str,
        body: &[u8],
        date_time: &str,
    ) -> Result<String, BoxError> {
        let mut canonical = String::with_capacity(1_024);
        write!(
            canonical,
            "POST\n{}\n\ncontent-length:{}\ncontent-type:{CONTENT_TYPE}\nhost:{}\nx-amz-date:{date_time}\n",
            self.canonical_path,
            body.len(),
            self.host.to_str()?,
        )?;
        if let Some(session_token) = &self.session_token {
            writeln!(canonical, "x-amz-security-token:{}", session_token.to_str()?.trim())?;
        }
        write!(canonical, "x-amz-target:{target}\n\n{}\n{}", self.signed_headers, hash(body)?)?;
        Ok(canonical)
    }

    fn key_of(&self, date: &str, time: DateTime) -> Arc<[u8]> {
        let mut known = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_day) = known.as_ref().filter(|of_day| of_day.date == date) {
            return Arc::clone(&of_day.key);
        }
        let time = SystemTime::try_from(time).unwrap_or(SystemTime::UNIX_EPOCH);
        let secret = self.credentials.secret_access_key();
        let key: Arc<[u8]> =
            generate_signing_key(secret, time, &self.region, SERVICE).as_ref().into();
        *known = Some(KeyOfDay { date: date.to_owned(), key: Arc::clone(&key) });
        key
    }
}

impl std::fmt::Debug for KeyOfDay {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KeyOfDay").field("date", &self.date).finish_non_exhaustive()
    }
}

fn sensitive(text: &str) -> Result<HeaderValue, BoxError> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Without the port that goes without saying.
fn host_of(uri: &Uri) -> Result<HeaderValue, BoxError> {
    let authority = uri.authority().ok_or("the endpoint has no host")?;
    let usual = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    let host = match authority.port_u16() {
        Some(port) if port != usual => format!("{}:{port}", authority.host()),
        _ => authority.host().to_owned(),
    };
    Ok(HeaderValue::from_maybe_shared(host)?)
}

/// As the URL spells it, and then encoded a second time, as for all services but S3.
fn canonical_path(path: &str) -> String {
    let segments = path.split('/').filter(|segment| !matches!(*segment, "" | "."));
    let mut canonical = String::new();
    for segment in segments {
        canonical.push('/');
        canonical.extend(utf8_percent_encode(segment, ENCODED));
    }
    if path.ends_with('/') || canonical.is_empty() {
        canonical.push('/');
    }
    canonical
}

/// The SHA-256 of some bytes, in hexadecimal digits.
fn hash(bytes: &[u8]) -> Result<String, BoxError> {
    let mut digits = vec![0; 64];
    hex::encode_to_slice(Sha256::digest(bytes), &mut digits)?;
    Ok(String::from_utf8(digits)?)
}

#[cfg(test)]
mod tests;
