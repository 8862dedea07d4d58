//! The walls between the rooms: who may know Node, who may know the AWS SDK, and who may know the
//! time.

use std::fs;
use std::path::{Path, PathBuf};

/// Decides everything and does nothing: it is told what happens, and when.
fn is_pure(name: &str) -> bool {
    let is_of_tests = name.ends_with("tests.rs") || name.contains("tests/");
    let is_decision =
        ["core/", "history", "money", "transaction"].iter().any(|it| name.starts_with(it));
    is_decision && !is_of_tests
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All files of a folder, by their path below `src`, with their text.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let name = path.strip_prefix(source()).expect("it lies in there").to_string_lossy();
            let text = fs::read_to_string(&path).expect("it is text");
            found.push((name.into_owned(), text));
        }
    }
    found
}

/// The lines of code that mention one of these words.
fn mentions<'a>(text: &'a str, words: &[&str]) -> Vec<&'a str> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let mentions = |line: &&str| words.iter().any(|word| line.contains(word));
    text.lines().filter(is_code).filter(mentions).collect()
}

#[test]
fn only_the_binding_knows_node() {
    for (name, text) in files(&source()).iter().filter(|(name, _)| !name.starts_with("binding/")) {
        assert!(mentions(text, &["napi::", "napi_derive", "#[napi"]).is_empty(), "{name}");
    }
}

#[test]
fn only_the_dynamodb_room_knows_the_aws_sdk_and_http() {
    let words = ["aws_", "hyper", "rustls", "socket2"];
    for (name, text) in files(&source()).iter().filter(|(name, _)| !name.starts_with("dynamodb")) {
        assert!(mentions(text, &words).is_empty(), "{name}: {:?}", mentions(text, &words));
    }
}

#[test]
fn pure_decisions_have_no_clock_and_do_nothing() {
    let words =
        ["::now()", "async ", ".await", "tokio::spawn", "tokio::sync", "fastrand", "std::fs"];
    for (name, text) in files(&source()).iter().filter(|(name, _)| is_pure(name)) {
        assert!(mentions(text, &words).is_empty(), "{name}: {:?}", mentions(text, &words));
    }
}
