//! Instants as records tell them. Calls come in crowds, and those of one millisecond share its text.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Debug, Default)]
pub struct Timestamps {
    /// The last one, with its milliseconds since 1970.
    last: Mutex<Option<(u128, Arc<str>)>>,
}

impl Timestamps {
    /// ISO 8601 in UTC with milliseconds and `Z`, for an instant since 1970.
    pub fn at(&self, instant: SystemTime) -> Arc<str> {
        let milliseconds = instant.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((of_last, text)) if *of_last == milliseconds => Arc::clone(text),
            _ => {
                let text: Arc<str> = humantime::format_rfc3339_millis(instant).to_string().into();
                *last = Some((milliseconds, Arc::clone(&text)));
                text
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn those_of_one_millisecond_share_their_text_and_others_do_not() {
        let timestamps = Timestamps::default();
        let at = |microseconds| timestamps.at(UNIX_EPOCH + Duration::from_micros(microseconds));
        let (first, same, next, earlier) = (at(5_000), at(5_999), at(6_000), at(4_999));
        assert!(Arc::ptr_eq(&first, &same));
        let texts = [first, next, earlier].map(|text| text[20..].to_owned());
        assert_eq!(texts, ["005Z", "006Z", "004Z"]);
    }
}
