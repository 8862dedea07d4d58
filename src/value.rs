//! A JavaScript value as it arrived, before anyone has decided whether it makes sense.

/// What a caller passed for one field. Nothing is coerced: `'50'` stays text, `true` stays a
/// boolean, so that validation can refuse them instead of guessing.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Undefined,
    Null,
    Boolean(bool),
    Number(f64),
    Text(String),
    /// A string with an unpaired surrogate. It has no UTF-8 form; replacing the surrogate would
    /// make two different strings one, which for a key means a lost transaction.
    MalformedText,
    /// Anything else, by the words an error message uses for it.
    Other(&'static str),
}

impl Value {
    /// The words for "…, not a number" in an error message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Undefined => "undefined",
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) | Self::MalformedText => "a string",
            Self::Other(kind) => kind,
        }
    }
}

/// A number as JavaScript prints it.
pub fn spell(number: f64) -> String {
    let magnitude = number.abs();
    if number.is_nan() {
        "NaN".to_owned()
    } else if magnitude.is_infinite() {
        if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else if magnitude >= 1e21 {
        format!("{number:e}").replace('e', "e+")
    } else if magnitude > 0.0 && magnitude < 1e-6 {
        format!("{number:e}")
    } else {
        number.to_string()
    }
}
