//! Requests that are spelt by hand: faster than the SDK's serializers, and the same content always gives
//! the same bytes.

use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_smithy_json::serialize::{JsonObjectWriter, JsonValueWriter};
use aws_smithy_runtime_api::http::Request;
use aws_smithy_types::body::SdkBody;

/// A request without endpoint and signature.
/// Source: Amazon DynamoDB Developer Guide, "DynamoDB low-level API".
pub fn of(operation: &str, body: String) -> Result<HttpRequest, http::Error> {
    let length = body.len();
    let request = http::Request::post("/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("content-length", length)
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
        .body(SdkBody::from(body))?;
    Ok(Request::try_from(request).expect("its headers are text"))
}

/// The key of an item.
pub fn key(value: JsonValueWriter<'_>, attribute: &str, key: &str) {
    let mut object = value.start_object();
    text(object.key(attribute), key);
    object.finish();
}

pub fn text(value: JsonValueWriter<'_>, text: &str) {
    attribute(value, "S", text);
}

pub fn number(value: JsonValueWriter<'_>, number: &str) {
    attribute(value, "N", number);
}

fn attribute(value: JsonValueWriter<'_>, kind: &str, content: &str) {
    let mut attribute: JsonObjectWriter<'_> = value.start_object();
    attribute.key(kind).string(content);
    attribute.finish();
}
