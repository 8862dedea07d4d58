//! Cursors: where a page ended, as text that fits a URL. They are bound to what was asked for, and
//! carry a checksum. That finds mistakes and is no secret: who forges one gets another place in the
//! history of the same user, whom the caller names with every page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::core::history::{Order, Position, Series};
use crate::error::{BalanceError, ErrorCode};
use crate::value::Value;

/// The first byte of every cursor, whatever comes after it.
const VERSION: u8 = 1;

/// Bytes that are kept of a SHA-256: no two of them are alike by chance.
const DIGEST: usize = 8;

/// The longest one, with the longest sort key (1,024 bytes) and the longest partition key (2,048),
/// takes less. Source: Amazon DynamoDB Developer Guide, "Quotas".
const MAX_LENGTH: usize = 4400;

/// A cursor that leads to what comes after a position:
/// version, user, range and order, length of the sort key, sort key, key, checksum.
pub fn write(position: &Position, series: &Series) -> String {
    let sort = position.sort.as_bytes();
    let length = u32::try_from(sort.len()).unwrap_or(u32::MAX);
    let mut bytes = vec![VERSION];
    bytes.extend(user_digest(series));
    bytes.extend(range_digest(series));
    bytes.extend(length.to_be_bytes());
    bytes.extend(sort);
    bytes.extend(position.idempotent_key.as_bytes());
    let checksum = digest(&[&bytes]);
    bytes.extend(checksum);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Where a cursor leads, if it was made for this.
pub fn read(cursor: &Value, series: &Series) -> Result<Position, BalanceError> {
    let Value::Text(text) = cursor else {
        let kind = cursor.kind();
        return Err(refuse(&format!("it must be a string, not {kind}. Leave it out to begin")));
    };
    if text.is_empty() {
        return Err(refuse("it is empty. Leave it out to begin"));
    }
    if text.len() > MAX_LENGTH {
        return Err(damaged());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_error| damaged())?;
    if bytes.first() != Some(&VERSION) {
        return Err(refuse(
            "it was made by another version of this package, or changed on its way. Begin again \
             without a cursor",
        ));
    }
    let (body, checksum) = bytes.split_last_chunk::<DIGEST>().ok_or_else(damaged)?;
    if *checksum != digest(&[body]) {
        return Err(damaged());
    }
    read_body(body, series)
}

fn read_body(body: &[u8], series: &Series) -> Result<Position, BalanceError> {
    let (user, rest) =
        body.get(1..).and_then(<[u8]>::split_first_chunk::<DIGEST>).ok_or_else(damaged)?;
    let (range, rest) = rest.split_first_chunk::<DIGEST>().ok_or_else(damaged)?;
    if *user != user_digest(series) {
        return Err(refuse("it was made for another userId"));
    }
    if *range != range_digest(series) {
        return Err(refuse(
            "it was made with another order, from or to, which have to stay the same from page to \
             page",
        ));
    }
    let (length, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    let (sort, key) = rest.split_at_checked(length).ok_or_else(damaged)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_error| damaged());
    Ok(Position { sort: text(sort)?, idempotent_key: text(key)? })
}

fn user_digest(series: &Series) -> [u8; DIGEST] {
    digest(&[b"user", series.user_id.as_str().as_bytes()])
}

fn range_digest(series: &Series) -> [u8; DIGEST] {
    let order = match series.order {
        Order::Newest => "newest",
        Order::Oldest => "oldest",
    };
    let bound = |bound: &Option<String>| bound.clone().unwrap_or_default();
    let (from, to) = (bound(&series.range.from), bound(&series.range.to));
    digest(&[
        b"range",
        series.index.name().as_bytes(),
        order.as_bytes(),
        from.as_bytes(),
        to.as_bytes(),
    ])
}

/// Of parts whose lengths count: `ab` and `c` are not `a` and `bc`.
fn digest(parts: &[&[u8]]) -> [u8; DIGEST] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let mut digest = [0; DIGEST];
    digest.copy_from_slice(hash.finalize().split_at(DIGEST).0);
    digest
}

fn damaged() -> BalanceError {
    refuse(
        "it is damaged: some of it is missing or was changed. Pass what listTransactions returned, \
         to the letter",
    )
}

fn refuse(complaint: &str) -> BalanceError {
    BalanceError::new(
        ErrorCode::InvalidCursor,
        format!("Invalid cursor: {complaint}. Nothing was sent."),
    )
}

#[cfg(test)]
mod tests;
