use std::time::{Duration, UNIX_EPOCH};

use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use proptest::option;
use proptest::prelude::*;

use super::*;

const TARGET: &str = "DynamoDB_20120810.GetItem";

fn credentials(session_token: Option<String>) -> Credentials {
    Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI", session_token, None, "test")
}

/// The headers that the SDK's signer adds to a request: date and authorization.
fn by_the_sdk(
    credentials: &Credentials,
    uri: &Uri,
    region: &str,
    body: &str,
    time: SystemTime,
) -> [String; 2] {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Double;
    let identity = credentials.clone().into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("dynamodb")
        .time(time)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let length = body.len().to_string();
    let headers =
        [("content-type", CONTENT_TYPE), ("content-length", &length), ("x-amz-target", TARGET)];
    let body = SignableBody::Bytes(body.as_bytes());
    let request = SignableRequest::new("POST", uri.to_string(), headers.into_iter(), body).unwrap();
    let (added, _) = sign(request, &parameters).unwrap().into_parts().0.into_parts();
    let value = |name| added.iter().find(|it| it.name() == name).unwrap().value().to_owned();
    [value("x-amz-date"), value("authorization")]
}

proptest! {
    #[test]
    fn a_signature_is_that_of_the_sdk(
        host in "[a-z]{1,9}(\\.[a-z]{1,9}){0,2}(:[1-9][0-9]{0,3})?",
        scheme in "https?",
        path in "(/[a-zA-Z0-9._~!$&'()*+,;=:@%-]{0,5}){0,4}",
        region in "[a-z]{2}-[a-z]{4,5}-[1-9]",
        session_token in option::of("[a-zA-Z0-9+/=]{1,40}"),
        body in ".{0,200}",
        seconds in 0_u64..200_000_000_000,
    ) {
        let uri: Uri = format!("{scheme}://{host}{path}/").parse().unwrap();
        prop_assume!(!uri.path().split('/').any(|segment| segment == ".."));
        let time = UNIX_EPOCH + Duration::from_millis(seconds);
        let credentials = credentials(session_token);
        let signer = Signer::new(credentials.clone(), &region, &uri).unwrap();
        let signature = signer.sign(TARGET, body.as_bytes(), time).unwrap();
        let own = [signature.date, signature.authorization];
        let own = own.each_ref().map(|value| value.to_str().unwrap());
        prop_assert_eq!(own, by_the_sdk(&credentials, &uri, &region, &body, time));
    }
}

#[test]
fn the_key_is_another_one_every_day() {
    let uri = Uri::from_static("https://dynamodb.us-east-1.amazonaws.com/");
    let credentials = credentials(None);
    let signer = Signer::new(credentials.clone(), "us-east-1", &uri).unwrap();
    for hours in [0, 1, 23, 24, 25, 47, 48, 24] {
        let time = UNIX_EPOCH + Duration::from_hours(hours);
        let signature = signer.sign(TARGET, b"{}", time).unwrap();
        let [_, authorization] = by_the_sdk(&credentials, &uri, "us-east-1", "{}", time);
        assert_eq!(signature.authorization, authorization);
    }
}

#[test]
fn secrets_are_not_shown() {
    let uri = Uri::from_static("https://dynamodb.us-east-1.amazonaws.com/");
    let signer = Signer::new(credentials(Some("TOKEN".to_owned())), "us-east-1", &uri).unwrap();
    let signature = signer.sign(TARGET, b"{}", UNIX_EPOCH).unwrap();
    let shown = format!("{signer:?} {signature:?}");
    for secret in ["wJalrXUtnFEMI", "TOKEN", "Signature="] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
