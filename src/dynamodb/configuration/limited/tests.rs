use std::future::pending;

use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::{HttpClient as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use tokio::time::Instant;

use super::*;

#[derive(Debug)]
struct Silent;

impl HttpConnector for Silent {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(pending())
    }
}

fn connector(settings: &HttpConnectorSettings) -> SharedHttpConnector {
    let components = RuntimeComponentsBuilder::for_tests()
        .with_sleep_impl(Some(SharedAsyncSleep::new(TokioSleep::new())))
        .build()
        .unwrap();
    client(&SharedHttpConnector::new(Silent)).http_connector(settings, &components)
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_given_as_long_as_the_settings_say() {
    let limit = Duration::from_secs(1);
    let settings = HttpConnectorSettings::builder().read_timeout(limit).build();
    let start = Instant::now();
    let error = connector(&settings).call(HttpRequest::empty()).await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(start.elapsed(), limit);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_in_the_settings_there_is_none() {
    let settings = HttpConnectorSettings::builder().build();
    let call = connector(&settings).call(HttpRequest::empty());
    assert!(timeout(Duration::from_hours(1), call).await.is_err());
}
