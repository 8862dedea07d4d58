use proptest::prelude::*;

use super::*;
use crate::core::history::{Index, Range};
use crate::transaction::UserId;

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn series(user: &str) -> Series {
    Series {
        index: Index::UserHistory,
        user_id: UserId::validate_for_balance(Value::Text(user.to_owned())).unwrap(),
        range: Range::default(),
        order: Order::Newest,
    }
}

fn position(timestamp: &str, key: &str) -> Position {
    Position { sort: timestamp.to_owned(), idempotent_key: key.to_owned() }
}

fn complaint(cursor: &str, series: &Series) -> String {
    let error = read(&Value::Text(cursor.to_owned()), series).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidCursor);
    error.message
}

fn usual() -> String {
    write(&position("2024-05-06T07:08:09.010Z", "key-1"), &series("user-1"))
}

proptest! {
    #[test]
    fn a_cursor_leads_back_to_its_position(user in ".{1,40}", timestamp in ".{0,40}", key in ".{0,80}") {
        let (position, series) = (position(&timestamp, &key), series(&user));
        let cursor = write(&position, &series);
        prop_assert!(cursor.chars().all(|letter| ALPHABET.contains(letter)), "{}", cursor);
        prop_assert_eq!(read(&Value::Text(cursor), &series).unwrap(), position);
    }

    #[test]
    fn a_cursor_of_another_user_is_refused(one in ".{1,20}", other in ".{1,20}") {
        prop_assume!(one != other);
        let cursor = write(&position("2024", "key"), &series(&one));
        prop_assert!(complaint(&cursor, &series(&other)).contains("another userId"));
    }

    #[test]
    fn any_text_that_is_no_cursor_is_refused(text in "(?s).{0,200}") {
        complaint(&text, &series("user-1"));
    }

    #[test]
    fn any_bytes_that_are_no_cursor_are_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        bytes.insert(0, VERSION);
        complaint(&URL_SAFE_NO_PAD.encode(bytes), &series("user-1"));
    }
}

#[test]
fn a_cursor_in_which_one_character_is_another_one_is_refused() {
    let cursor = usual();
    for index in 0..cursor.len() {
        for letter in ALPHABET.chars() {
            let mut changed = cursor.clone();
            changed.replace_range(index..=index, &letter.to_string());
            if changed != cursor {
                complaint(&changed, &series("user-1"));
            }
        }
    }
}

#[test]
fn a_cursor_that_is_cut_off_or_goes_on_is_refused() {
    let cursor = usual();
    for length in 0..cursor.len() {
        complaint(&cursor[..length], &series("user-1"));
        complaint(&cursor[length + 1..], &series("user-1"));
    }
    for rest in ["A", "AAAA", "=", "==", " ", "\n"] {
        complaint(&format!("{cursor}{rest}"), &series("user-1"));
    }
}

#[test]
fn order_and_range_stay_the_same_from_page_to_page() {
    let cursor = usual();
    let bound = Some("2024-05-06T07:08:09.000".to_owned());
    let others = [
        Series { order: Order::Oldest, ..series("user-1") },
        Series { range: Range { from: bound.clone(), to: None }, ..series("user-1") },
        Series { range: Range { from: None, to: bound }, ..series("user-1") },
    ];
    for other in others {
        assert!(complaint(&cursor, &other).contains("another order, from or to"));
    }
}

#[test]
fn the_longest_one_is_taken() {
    let position = position(&"t".repeat(1024), &"k".repeat(2048));
    let cursor = write(&position, &series("user-1"));
    assert!(cursor.len() <= MAX_LENGTH);
    assert_eq!(read(&Value::Text(cursor), &series("user-1")), Ok(position));
}

/// Cursors are kept in links and in pages that are open while a new version is deployed.
#[test]
fn a_cursor_of_this_version_stays_what_it_is() {
    assert_eq!(
        usual(),
        "ARbN4O0I1hjajlEDuI2EG24AAAAYMjAyNC0wNS0wNlQwNzowODowOS4wMTBaa2V5LTFyXEoYIRjc6A"
    );
}

#[test]
fn whatever_is_no_text_is_refused_by_its_kind() {
    let error = read(&Value::Number(5.0), &series("user-1")).unwrap_err();
    assert!(error.message.contains("must be a string, not a number"), "{}", error.message);
}
