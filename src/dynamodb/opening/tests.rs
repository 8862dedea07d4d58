use std::fs;

use futures_util::future::join_all;

use super::*;
use crate::dynamodb::tests::options;

/// A folder of its own.
fn folder() -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("dynamodb-balance-{}", uuid::Uuid::new_v4()));
    fs::create_dir(&folder).unwrap();
    folder
}

fn environment(config: &std::path::Path) -> HashMap<String, String> {
    [
        ("AWS_CONFIG_FILE", config.to_str().unwrap()),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[tokio::test]
async fn all_who_wait_get_the_same_connection() {
    let opening = Opening::new(options(100.0), environment(&folder().join("none")));
    let connections = join_all((0..100).map(|_| opening.connection())).await;
    let first = *connections[0].as_ref().unwrap();
    assert!(connections.iter().all(|it| std::ptr::eq(*it.as_ref().unwrap(), first)));
}

#[tokio::test]
async fn a_configuration_that_was_wrong_is_read_again() {
    let config = folder().join("config");
    let opening = Opening::new(options(100.0), environment(&config));
    fs::write(&config, "[default]\nregion = not a region\n").unwrap();
    let Err(Fault::Final(error)) = opening.connection().await else { panic!("it was accepted") };
    assert_eq!(error.code, ErrorCode::InvalidOption);
    fs::write(&config, "[default]\nregion = eu-west-3\n").unwrap();
    assert_eq!(opening.connection().await.unwrap().region, "eu-west-3");
}

#[tokio::test]
async fn it_goes_on_when_the_call_that_began_it_has_ended() {
    let opening = Opening::new(options(100.0), environment(&folder().join("none")));
    drop(opening.begin());
    while opening.0.opened.get().is_none() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn what_may_pass_is_told_as_such_to_those_who_make_no_attempts() {
    let reason = Reason { summary: "no descriptors".to_owned(), cause: None };
    let error = failure(Fault::NotTaken(reason));
    assert_eq!(error.code, ErrorCode::NothingHappened);
    assert!(error.message.contains("no descriptors"));
}
