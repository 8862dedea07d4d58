//! Whether an answer is DynamoDB's. A health page, a proxy's excuse or an empty body with status
//! 200 must not confirm that money moved, and a proxy's refusal must not say that none did.

use std::error::Error;
use std::fmt;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_smithy_json::deserialize::token::skip_value;
use aws_smithy_json::deserialize::{Token, json_token_iter};

use crate::dynamodb::transport::protocol::{Operation, Shape};
use crate::dynamodb::transport::signature::CONTENT_TYPE;

/// Somebody else answered.
#[derive(Debug)]
pub struct Foreign {
    status: u16,
    /// What shows that it was not DynamoDB.
    sign: &'static str,
}

impl fmt::Display for Foreign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, sign } = self;
        write!(formatter, "something other than DynamoDB answered with status {status}: {sign}")
    }
}

impl Error for Foreign {}

/// Lets pass what DynamoDB alone answers: an answer of this operation, or an error.
pub fn check<O: Operation>(response: &HttpResponse) -> Result<(), Foreign> {
    let status = response.status().as_u16();
    let sign = foreign_header(response).or_else(|| {
        let body = response.body().bytes().unwrap_or_default();
        match status {
            200 => wrong_checksum(response, body, true).or_else(|| wrong_shape(body, O::SHAPE)),
            // DynamoDB Local sends no checksum with its errors, and AWS does not promise one.
            400.. => wrong_checksum(response, body, false),
            _ => Some("DynamoDB answers with status 200 or with an error"),
        }
    });
    sign.map_or(Ok(()), |sign| Err(Foreign { status, sign }))
}

/// Source: the Amazon DynamoDB Developer Guide, *DynamoDB low-level API* ("Response format") and
/// *Error handling with DynamoDB*.
fn foreign_header(response: &HttpResponse) -> Option<&'static str> {
    let content_type = header(response, "content-type").unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    if !content_type.eq_ignore_ascii_case(CONTENT_TYPE) {
        return Some("its content type is not DynamoDB's");
    }
    if header(response, "x-amzn-requestid").is_none_or(str::is_empty) {
        return Some("it has no request id (x-amzn-requestid)");
    }
    None
}

fn wrong_checksum(response: &HttpResponse, body: &[u8], is_required: bool) -> Option<&'static str> {
    match header(response, "x-amz-crc32").map(str::parse::<u32>) {
        None => is_required.then_some("it has no checksum (x-amz-crc32)"),
        Some(Ok(checksum)) if checksum == crc32fast::hash(body) => None,
        Some(_) => Some("its checksum (x-amz-crc32) is not that of its body"),
    }
}

fn header<'a>(response: &'a HttpResponse, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(str::trim)
}

fn wrong_shape(body: &[u8], shape: Shape) -> Option<&'static str> {
    has_shape(body, shape).is_none().then_some("its body is not an answer of this operation")
}

/// `None`: it is not of this shape. Looks at the members until it finds one that is of the
/// operation; the SDK reads the rest.
fn has_shape(body: &[u8], shape: Shape) -> Option<()> {
    let mut tokens = json_token_iter(body).peekable();
    let Some(Ok(Token::StartObject { .. })) = tokens.next() else { return None };
    let mut is_empty = true;
    loop {
        match tokens.next()?.ok()? {
            Token::ObjectKey { key, .. } => {
                let key = key.as_escaped_str();
                let is_sign = match shape {
                    Shape::With(member) => key == member,
                    Shape::EmptyOr(members) => members.contains(&key),
                };
                if is_sign {
                    return Some(());
                }
                is_empty = false;
                skip_value(&mut tokens).ok()?;
            }
            Token::EndObject { .. } => {
                return (is_empty && matches!(shape, Shape::EmptyOr(_))).then_some(());
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests;
