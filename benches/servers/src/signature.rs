//! Signature version 4 by hand, for one POST with a fixed set of headers.

use std::fmt::Write;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use ring::hmac::{HMAC_SHA256, Key, sign};

const REGION: &str = "us-east-1";
const SERVICE: &str = "dynamodb";
const SIGNED_HEADERS: &str = "content-type;host;x-amz-date;x-amz-target";

#[derive(Debug)]
pub struct Signer {
    access_key_id: String,
    secret_access_key: String,
    host: String,
    /// The key of a day, and the day: deriving it costs four HMACs.
    key: Option<(String, Key)>,
}

/// What a request has to say about itself.
#[derive(Debug)]
pub struct Signature {
    pub date: String,
    pub authorization: String,
}

impl Signer {
    pub fn new(access_key_id: &str, secret_access_key: &str, host: &str) -> Self {
        Self {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret_access_key.to_owned(),
            host: host.to_owned(),
            key: None,
        }
    }

    pub fn sign(&mut self, now: Timestamp, target: &str, body: &[u8]) -> Signature {
        let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &date[..8];
        let request = format!(
            "POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:{}\nx-amz-date:{date}\n\
             x-amz-target:{target}\n\n{SIGNED_HEADERS}\n{}",
            self.host,
            hex(digest(&SHA256, body).as_ref()),
        );
        let scope = format!("{day}/{REGION}/{SERVICE}/aws4_request");
        let hash = hex(digest(&SHA256, request.as_bytes()).as_ref());
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}");
        let signature = hex(sign(self.key_of(day), text.as_bytes()).as_ref());
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={SIGNED_HEADERS}, \
             Signature={signature}",
            self.access_key_id,
        );
        Signature { date, authorization }
    }

    fn key_of(&mut self, day: &str) -> &Key {
        if self.key.as_ref().is_none_or(|(known, _)| known != day) {
            let secret = format!("AWS4{}", self.secret_access_key);
            let key = [day, REGION, SERVICE, "aws4_request"]
                .iter()
                .fold(Key::new(HMAC_SHA256, secret.as_bytes()), |key, part| {
                    Key::new(HMAC_SHA256, sign(&key, part.as_bytes()).as_ref())
                });
            self.key = Some((day.to_owned(), key));
        }
        &self.key.as_ref().expect("it was just set").1
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
