//! JavaScript values, taken as they come. A typed argument would be coerced by Node-API (1.5 to
//! 1) or throw before there is a promise to reject.

use napi::bindgen_prelude::{Either5, Null, Object, Unknown};
use napi::{JsString, Result, ValueType};

use crate::value::Value;

/// Any JavaScript value.
pub type AnyValue<'env> = Either5<JsString<'env>, f64, bool, Null, Unknown<'env>>;

/// The same, for what is a number in nearly all cases: each kind that a value is not costs as much as
/// everything else.
pub type AnyAmount<'env> = Either5<f64, JsString<'env>, bool, Null, Unknown<'env>>;

pub fn read(value: AnyValue<'_>) -> Result<Value> {
    Ok(match value {
        Either5::A(text) => read_text(text)?,
        Either5::B(number) => Value::Number(number),
        Either5::C(boolean) => Value::Boolean(boolean),
        Either5::D(_) => Value::Null,
        Either5::E(other) => read_other(&other)?,
    })
}

pub fn read_amount(value: AnyAmount<'_>) -> Result<Value> {
    Ok(match value {
        Either5::A(number) => Value::Number(number),
        Either5::B(text) => read_text(text)?,
        Either5::C(boolean) => Value::Boolean(boolean),
        Either5::D(_) => Value::Null,
        Either5::E(other) => read_other(&other)?,
    })
}

fn read_other(value: &Unknown<'_>) -> Result<Value> {
    Ok(match value.get_type()? {
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
