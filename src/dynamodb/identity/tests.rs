use std::collections::VecDeque;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};
use tokio::time::sleep;

use super::*;

/// Gives one answer after the other, each after a while, and counts how often it was asked.
#[derive(Clone, Debug, Default)]
struct Source(Arc<Mutex<Asked>>);

#[derive(Debug, Default)]
struct Asked {
    answers: VecDeque<Option<Credentials>>,
    times: usize,
    at_once: usize,
    most_at_once: usize,
}

impl ProvideCredentials for Source {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let answer = {
                let mut asked = self.0.lock().unwrap();
                asked.times += 1;
                asked.at_once += 1;
                asked.most_at_once = asked.most_at_once.max(asked.at_once);
                asked.answers.pop_front().flatten()
            };
            sleep(Duration::from_millis(5)).await;
            self.0.lock().unwrap().at_once -= 1;
            answer.ok_or_else(|| CredentialsError::not_loaded("nobody has any"))
        })
    }
}

/// Credentials that expire in so many seconds.
fn credentials(name: &str, seconds: Option<u64>) -> Credentials {
    let expiry = seconds.map(|seconds| SystemTime::now() + Duration::from_secs(seconds));
    Credentials::new(name, "secret", None, expiry, "test")
}

fn passports(answers: impl IntoIterator<Item = Option<Credentials>>) -> (Passports, Source) {
    let source = Source::default();
    source.0.lock().unwrap().answers = answers.into_iter().collect();
    let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
    let provider = SharedCredentialsProvider::new(source.clone());
    (Passports::new(provider, Endpoint::new(&config, "us-east-1", None)), source)
}

fn times_asked(source: &Source) -> usize {
    source.0.lock().unwrap().times
}

async fn name(passports: &Passports) -> Option<String> {
    let passport = passports.current().await.ok()?;
    let credentials = passport.identity.data::<Credentials>().unwrap();
    Some(credentials.access_key_id().to_owned())
}

#[tokio::test(start_paused = true)]
async fn credentials_are_asked_for_once_and_kept() {
    for seconds in [None, Some(3600)] {
        let (passports, source) = passports([Some(credentials("first", seconds))]);
        for _ in 0..3 {
            assert_eq!(name(&passports).await.as_deref(), Some("first"));
        }
        assert_eq!(times_asked(&source), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_are_renewed_shortly_before_they_expire() {
    let (passports, source) =
        passports([Some(credentials("first", Some(9))), Some(credentials("second", Some(3600)))]);
    assert_eq!(name(&passports).await.as_deref(), Some("first"));
    assert_eq!(name(&passports).await.as_deref(), Some("second"));
    assert_eq!(name(&passports).await.as_deref(), Some("second"));
    assert_eq!(times_asked(&source), 2);
}

#[tokio::test(start_paused = true)]
async fn the_last_seconds_count_if_the_renewal_fails() {
    let (passports, source) = passports([
        Some(credentials("first", Some(9))),
        None,
        Some(credentials("second", Some(3600))),
    ]);
    assert_eq!(name(&passports).await.as_deref(), Some("first"));
    assert_eq!(name(&passports).await.as_deref(), Some("first"));
    assert_eq!(times_asked(&source), 2);
    assert_eq!(name(&passports).await.as_deref(), Some("second"));
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_are_not_used() {
    let (passports, _source) = passports([Some(credentials("first", Some(0))), None]);
    assert_eq!(name(&passports).await.as_deref(), Some("first"));
    assert_eq!(name(&passports).await, None);
}

#[tokio::test(start_paused = true)]
async fn without_credentials_the_next_call_asks_again() {
    let (passports, source) = passports([None, Some(credentials("first", None))]);
    assert_eq!(name(&passports).await, None);
    assert_eq!(name(&passports).await.as_deref(), Some("first"));
    assert_eq!(times_asked(&source), 2);
}

#[tokio::test(start_paused = true)]
async fn only_one_call_at_a_time_asks_and_the_others_take_what_it_gets() {
    let (passports, source) = passports([Some(credentials("first", Some(3600)))]);
    let names = futures_util::future::join_all((0..20).map(|_| name(&passports))).await;
    assert!(names.iter().all(|name| name.as_deref() == Some("first")));
    let asked = source.0.lock().unwrap();
    assert_eq!((asked.times, asked.most_at_once), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_nobody_waits_for_any_longer_leaves_the_way_free() {
    let (passports, source) = passports([None, Some(credentials("first", None))]);
    let cut_short = tokio::time::timeout(Duration::from_millis(1), passports.current()).await;
    assert!(cut_short.is_err());
    assert_eq!(name(&passports).await.as_deref(), Some("first"));
    assert_eq!(times_asked(&source), 2);
}

#[tokio::test(start_paused = true)]
async fn the_url_is_that_of_the_account() {
    let owned = Credentials::builder()
        .access_key_id("key")
        .secret_access_key("secret")
        .account_id("123456789012")
        .provider_name("test")
        .build();
    let (passports, _source) = passports([Some(owned)]);
    let url = passports.current().await.unwrap().url.clone();
    assert_eq!(url, "https://123456789012.ddb.us-east-1.amazonaws.com");
}
