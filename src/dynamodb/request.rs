//! Requests that are spelt by hand: faster than the SDK's serializers, and the same content always gives
//! the same bytes.

use aws_smithy_json::serialize::{JsonObjectWriter, JsonValueWriter};

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
