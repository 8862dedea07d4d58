use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use super::*;

fn answer(status: u16, body: &'static str) -> HttpResponse {
    HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))
}

#[test]
fn a_body_is_spelt_as_the_sdk_spells_it() {
    let input = GetItemInput::builder()
        .table_name("Balances")
        .key("userId", AttributeValue::S("user-1".to_owned()))
        .build()
        .unwrap();
    let body = Protocol::<GetItem>::new().compose(input).unwrap();
    assert_eq!(body, r#"{"TableName":"Balances","Key":{"userId":{"S":"user-1"}}}"#);
}

#[test]
fn an_answer_is_read() {
    let body = r#"{"Item":{"balance":{"N":"7"}}}"#;
    let output = Protocol::<GetItem>::new().read(answer(200, body)).unwrap();
    assert_eq!(output.item().unwrap()["balance"], AttributeValue::N("7".to_owned()));
}

#[test]
fn an_error_that_dynamodb_answers_keeps_its_code_and_status() {
    let body =
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"no"}"#;
    let error = Protocol::<BatchGetItem>::new().read(answer(400, body)).unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 400);
    let error = error.into_service_error();
    assert_eq!((error.code(), error.message()), (Some("ThrottlingException"), Some("no")));
}

#[test]
fn a_cancellation_tells_its_reasons() {
    let body = r#"{"__type":"TransactionCanceledException","CancellationReasons":[
        {"Code":"None"},
        {"Code":"ConditionalCheckFailed","Item":{"balance":{"N":"3"}}}
    ]}"#;
    let error = Protocol::<TransactWriteItems>::new().read(answer(400, body)).unwrap_err();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) =
        error.into_service_error()
    else {
        panic!("not cancelled");
    };
    let reasons = cancelled.cancellation_reasons();
    assert_eq!(reasons.len(), 2);
    assert_eq!(reasons[1].item().unwrap()["balance"], AttributeValue::N("3".to_owned()));
}

#[test]
fn an_answer_that_cannot_be_read_is_no_answer() {
    for body in ["{", r#"{"Item":7}"#, "<html>"] {
        let outcome = Protocol::<GetItem>::new().read(answer(200, body));
        assert!(outcome.is_err(), "{body:?}: {outcome:?}");
    }
}
