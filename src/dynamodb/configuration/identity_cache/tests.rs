use std::collections::{HashMap, VecDeque};
use std::future::pending;

use aws_credential_types::Credentials as SdkCredentials;
use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use super::*;
use crate::dynamodb::configuration::profiles::Profiles;
use crate::dynamodb::configuration::settings::Settings;
use crate::dynamodb::tests::options;
use crate::options::credentials::{
    Credentials, CredentialsProvider, CredentialsSource, NotProvided, ProvidedCredentials,
};

const LIMIT: Duration = Duration::from_mins(1);
const SECOND: Duration = Duration::from_secs(1);

/// Gives one answer after the other and counts how often it was asked.
#[derive(Clone, Debug, Default)]
struct Function(Arc<Mutex<Asked>>);

#[derive(Debug, Default)]
struct Asked {
    answers: VecDeque<Answer>,
    times: usize,
}

#[derive(Clone, Debug)]
enum Answer {
    /// A name, and in how many seconds they expire.
    Credentials(&'static str, Option<u64>),
    /// The same after so many seconds.
    Late(u64, &'static str, Option<u64>),
    Failure,
    PassingFailure,
    Panic,
    Silence,
}

impl CredentialsProvider for Function {
    fn provide(&self, region: String) -> ProvidedCredentials<'_> {
        Box::pin(async move {
            assert_eq!(region, "eu-central-1");
            let answer = {
                let mut asked = self.0.lock().unwrap();
                asked.times += 1;
                asked.answers.pop_front().expect("asked more often than there are answers")
            };
            match answer {
                Answer::Credentials(name, seconds) => Ok(credentials(name, seconds)),
                Answer::Late(after, name, seconds) => {
                    sleep(Duration::from_secs(after)).await;
                    Ok(credentials(name, seconds))
                }
                Answer::Failure => Err(failure(false)),
                Answer::PassingFailure => Err(failure(true)),
                Answer::Panic => panic!("for this test"),
                Answer::Silence => pending().await,
            }
        })
    }
}

fn failure(may_pass: bool) -> NotProvided {
    NotProvided { message: "the vault is closed".to_owned(), may_pass }
}

/// The machine's clock does not go on while Tokio's is paused: expiries count from the start.
fn credentials(name: &str, seconds: Option<u64>) -> Credentials {
    Credentials {
        access_key_id: name.to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: None,
        expiration: seconds.map(|seconds| SystemTime::now() + Duration::from_secs(seconds)),
    }
}

fn identities(answers: impl IntoIterator<Item = Answer>) -> (IdentityCache, Function) {
    let function = Function::default();
    function.0.lock().unwrap().answers = answers.into_iter().collect();
    let source = CredentialsSource::Provider(Arc::new(function.clone()));
    (of(Source::from_caller(&source, "eu-central-1").unwrap()), function)
}

fn of(source: Source) -> IdentityCache {
    let options = options(100.0);
    let settings = Settings {
        options: &options,
        environment: &HashMap::new(),
        profiles: &Profiles::default(),
    };
    IdentityCache::new(source, Endpoint::new(&settings, "us-east-1", None), Clock::new(), LIMIT)
}

fn times_asked(function: &Function) -> usize {
    function.0.lock().unwrap().times
}

fn name_of(signing_context: &SigningContext) -> String {
    signing_context.signer.access_key_id().to_owned()
}

async fn name(identities: &IdentityCache) -> Result<String, String> {
    match identities.current().await {
        Ok(signing_context) => Ok(name_of(&signing_context)),
        Err(NoSigningContext(Fault::Final(error))) => Err(error.message),
        Err(NoSigningContext(fault)) => panic!("{fault:?}"),
    }
}

/// Lets a renewal that nobody waits for come to its end.
async fn let_it_end() {
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn credentials_are_asked_for_once_and_kept() {
    for seconds in [None, Some(3600)] {
        let (identities, function) = identities([Answer::Credentials("first", seconds)]);
        for _ in 0..3 {
            assert_eq!(name(&identities).await.as_deref(), Ok("first"));
        }
        assert_eq!(times_asked(&function), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn those_without_an_expiry_are_kept_for_days() {
    let (identities, function) = identities([Answer::Credentials("first", None)]);
    name(&identities).await.unwrap();
    sleep(Duration::from_hours(48)).await;
    assert_eq!(name(&identities).await.as_deref(), Ok("first"));
    assert_eq!(times_asked(&function), 1);
}

#[tokio::test(start_paused = true)]
async fn they_are_renewed_five_minutes_ahead_while_the_others_are_used() {
    let (identities, function) = identities([
        Answer::Credentials("first", Some(3600)),
        Answer::Late(30, "second", Some(7200)),
    ]);
    name(&identities).await.unwrap();
    sleep(Duration::from_secs(3600 - 299)).await;
    for _ in 0..10 {
        assert_eq!(name(&identities).await.as_deref(), Ok("first"));
        sleep(2 * SECOND).await;
    }
    sleep(11 * SECOND).await;
    assert_eq!(name(&identities).await.as_deref(), Ok("second"));
    assert_eq!(times_asked(&function), 2);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_hangs_does_not_cost_those_still_valid() {
    let (identities, function) =
        identities([Answer::Credentials("first", Some(60)), Answer::Silence]);
    name(&identities).await.unwrap();
    sleep(31 * SECOND).await;
    for _ in 0..28 {
        assert_eq!(name(&identities).await.as_deref(), Ok("first"));
        sleep(SECOND).await;
    }
    assert_eq!(times_asked(&function), 2);
    // Expired by now, and the renewal comes to its limit.
    sleep(2 * SECOND).await;
    let Err(NoSigningContext(Fault::NotTaken(reason))) = identities.current().await else {
        panic!("it did not end, or for good");
    };
    assert_eq!(reason.summary, "the credentials function did not answer within 60 s");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_may_pass_is_told_as_one_with_its_cause() {
    let (identities, _function) =
        identities([Answer::PassingFailure, Answer::Credentials("first", None)]);
    let Err(NoSigningContext(Fault::NotTaken(reason))) = identities.current().await else {
        panic!("it did not fail, or for good");
    };
    assert_eq!(reason.summary, "the credentials function failed");
    assert_eq!(reason.cause.unwrap().message, "the vault is closed");
    assert_eq!(name(&identities).await.as_deref(), Ok("first"));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_does_not_cost_those_still_valid_and_is_tried_again() {
    let (identities, function) = identities([
        Answer::Credentials("first", Some(60)),
        Answer::Failure,
        Answer::Panic,
        Answer::Credentials("second", None),
    ]);
    name(&identities).await.unwrap();
    sleep(31 * SECOND).await;
    for _ in 0..2 {
        // Any number of requests, and one attempt a second.
        for _ in 0..100 {
            assert_eq!(name(&identities).await.as_deref(), Ok("first"));
            let_it_end().await;
        }
        sleep(SECOND).await;
    }
    assert_eq!(name(&identities).await.as_deref(), Ok("first"));
    let_it_end().await;
    assert_eq!(name(&identities).await.as_deref(), Ok("second"));
    assert_eq!(times_asked(&function), 4);
}

#[tokio::test(start_paused = true)]
async fn credentials_with_little_life_left_are_not_asked_for_with_every_request() {
    let (identities, function) = identities([Answer::Credentials("first", Some(9))]);
    for _ in 0..100 {
        assert_eq!(name(&identities).await.as_deref(), Ok("first"));
        sleep(SECOND / 25).await;
    }
    assert_eq!(times_asked(&function), 1);
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_are_not_used() {
    let (identities, _function) =
        identities([Answer::Credentials("first", Some(10)), Answer::Failure]);
    assert_eq!(name(&identities).await.as_deref(), Ok("first"));
    sleep(11 * SECOND).await;
    let complaint = name(&identities).await.unwrap_err();
    assert!(complaint.contains("the credentials function failed"), "{complaint}");
}

#[tokio::test(start_paused = true)]
async fn without_credentials_the_next_call_asks_again() {
    for failure in [Answer::Failure, Answer::Panic] {
        let (identities, function) = identities([failure, Answer::Credentials("first", None)]);
        assert!(name(&identities).await.is_err());
        assert_eq!(name(&identities).await.as_deref(), Ok("first"));
        assert_eq!(times_asked(&function), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_take_what_one_question_brings() {
    let (identities, function) = identities([Answer::Late(5, "first", None)]);
    let names = join_all((0..1000).map(|_| name(&identities))).await;
    assert!(names.iter().all(|name| name.as_deref() == Ok("first")));
    assert_eq!(times_asked(&function), 1);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_goes_on_for_the_next_call_when_nobody_waits_for_it_any_longer() {
    let (identities, function) = identities([Answer::Late(6, "first", None)]);
    assert!(timeout(5 * SECOND, identities.current()).await.is_err());
    assert_eq!(identities.awaited(), "the credentials function has not answered yet");
    sleep(2 * SECOND).await;
    assert_eq!(name(&identities).await.as_deref(), Ok("first"));
    assert_eq!(times_asked(&function), 1);
}

#[tokio::test(start_paused = true)]
async fn rejected_credentials_are_asked_for_again_at_once() {
    let (identities, function) =
        identities([Answer::Credentials("first", None), Answer::Credentials("second", None)]);
    let rejected = identities.current().await.unwrap();
    // Every request that was on its way is refused.
    for _ in 0..100 {
        assert!(identities.reject(&rejected));
    }
    assert_eq!(name(&identities).await.as_deref(), Ok("second"));
    assert!(identities.reject(&rejected));
    assert_eq!(name(&identities).await.as_deref(), Ok("second"));
    assert_eq!(times_asked(&function), 2);
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_always_rejected_are_asked_for_once_a_second() {
    let (identities, function) = identities(vec![Answer::Credentials("wrong", None); 10]);
    assert!(identities.reject(&identities.current().await.unwrap()));
    for _ in 0..100 {
        assert!(!identities.reject(&identities.current().await.unwrap()));
    }
    assert_eq!(times_asked(&function), 2);
    sleep(SECOND).await;
    assert!(identities.reject(&identities.current().await.unwrap()));
    assert!(!identities.reject(&identities.current().await.unwrap()));
    assert_eq!(times_asked(&function), 3);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_joins_the_renewal_under_way() {
    let (identities, function) =
        identities([Answer::Credentials("first", Some(60)), Answer::Late(5, "second", None)]);
    let first = identities.current().await.unwrap();
    sleep(31 * SECOND).await;
    assert_eq!(name(&identities).await.as_deref(), Ok("first"));
    assert!(identities.reject(&first));
    assert_eq!(name(&identities).await.as_deref(), Ok("second"));
    assert_eq!(times_asked(&function), 2);
}

#[tokio::test(start_paused = true)]
async fn fixed_credentials_have_no_others() {
    let fixed = SdkCredentials::new("key", "secret", None, None, "test");
    let identities = of(Source::Fixed(fixed));
    let signing_context = identities.current().await.unwrap();
    assert!(!identities.reject(&signing_context));
    assert_eq!(name(&identities).await.as_deref(), Ok("key"));
}

#[tokio::test(start_paused = true)]
async fn the_url_is_that_of_the_account() {
    let owned = SdkCredentials::builder()
        .access_key_id("key")
        .secret_access_key("secret")
        .account_id("123456789012")
        .provider_name("test")
        .build();
    let signing_context = of(Source::Fixed(owned)).current().await.unwrap();
    assert_eq!(signing_context.url, "https://123456789012.ddb.us-east-1.amazonaws.com");
    assert_eq!(
        &*signing_context.place,
        "https://123456789012.ddb.us-east-1.amazonaws.com, region us-east-1"
    );
}
