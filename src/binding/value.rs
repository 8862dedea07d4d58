//! JavaScript values, taken as they come. A typed argument would be coerced by Node-API (1.5 to
//! 1) or throw before there is a promise to reject.

use napi::bindgen_prelude::{Object, Unknown};
use napi::{JsString, JsValue as _, Result, ValueType};

use crate::value::Value;

/// Any JavaScript value. Not one of several types that napi could tell apart: it tries one after the other, and
/// formats an error for each that a value is not.
pub type AnyValue<'env> = Unknown<'env>;

/// Each is coerced only to what it is already, which neither changes it nor runs JavaScript.
pub fn read(value: AnyValue<'_>) -> Result<Value> {
    Ok(match value.get_type()? {
        ValueType::String => read_text(value.coerce_to_string()?)?,
        ValueType::Number => Value::Number(value.coerce_to_number()?.get_double()?),
        ValueType::Boolean => Value::Boolean(value.coerce_to_bool()?),
        ValueType::Null => Value::Null,
        ValueType::Undefined => Value::Undefined,
        ValueType::Function => Value::Other("a function"),
        ValueType::Symbol => Value::Other("a symbol"),
        ValueType::Object => Value::Other("an object"),
        // Bigint has a name only from Node-API 6 on; nothing else has none.
        _ => Value::Other("a bigint"),
    })
}

/// A property of an object, `undefined` if it has none of that name.
pub fn field(object: &Object<'_>, name: &str) -> Result<Value> {
    match object.get::<AnyValue<'_>>(name)? {
        Some(value) => read(value),
        None => Ok(Value::Undefined),
    }
}

fn read_text(text: JsString<'_>) -> Result<Value> {
    let decoded = text.into_utf8()?.into_owned()?;
    // Node-API writes this character for every unpaired surrogate; it may also be there in truth.
    if decoded.contains(char::REPLACEMENT_CHARACTER) {
        let code_units = text.into_utf16()?;
        if String::from_utf16(&code_units).is_err() {
            return Ok(Value::MalformedText);
        }
    }
    Ok(Value::Text(decoded))
}
