use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItem;
use aws_sdk_dynamodb::operation::create_table::CreateTable;
use aws_sdk_dynamodb::operation::describe_table::DescribeTable;
use aws_sdk_dynamodb::operation::get_item::GetItem;
use aws_sdk_dynamodb::operation::scan::Scan;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItems;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use super::*;

/// An answer as DynamoDB gives it.
fn answer(status: u16, body: &str) -> HttpResponse {
    let body = SdkBody::from(body);
    let checksum = crc32fast::hash(body.bytes().unwrap()).to_string();
    let mut answer = HttpResponse::new(StatusCode::try_from(status).unwrap(), body);
    answer.headers_mut().insert("content-type", CONTENT_TYPE);
    answer.headers_mut().insert("x-amzn-requestid", "7B3F");
    answer.headers_mut().insert("x-amz-crc32", checksum);
    answer
}

fn complaint<O: Operation>(answer: &HttpResponse) -> Option<String> {
    check::<O>(answer).err().map(|foreign| foreign.to_string())
}

#[track_caller]
fn is_shape_of<O: Operation>(body: &str, expected: bool) {
    let complaint = complaint::<O>(&answer(200, body));
    assert_eq!(complaint.is_none(), expected, "{body:?}: {complaint:?}");
}

#[test]
fn what_dynamodb_answers_is_genuine() {
    is_shape_of::<TransactWriteItems>("{}", true);
    is_shape_of::<TransactWriteItems>(" { } ", true);
    is_shape_of::<TransactWriteItems>(r#"{"ConsumedCapacity":[]}"#, true);
    is_shape_of::<GetItem>("{}", true);
    is_shape_of::<GetItem>(r#"{"Item":{"balance":{"N":"7"}}}"#, true);
    is_shape_of::<GetItem>(r#"{"New":{"a":[1,{"b":null}]},"Item":{}}"#, true);
    is_shape_of::<BatchGetItem>(r#"{"UnprocessedKeys":{},"Responses":{"T":[]}}"#, true);
    is_shape_of::<Scan>(r#"{"Count":0,"Items":[],"ScannedCount":0}"#, true);
    is_shape_of::<DescribeTable>(r#"{"Table":{}}"#, true);
    is_shape_of::<CreateTable>(r#"{"TableDescription":{}}"#, true);
}

#[test]
fn what_is_no_answer_of_the_operation_is_foreign_even_with_all_headers() {
    let bodies = [
        "",
        " ",
        "null",
        "[]",
        "7",
        r#""{}""#,
        "{",
        r#"{"status":"ok"}"#,
        "<html></html>",
        "{7:1}",
    ];
    for body in bodies {
        is_shape_of::<TransactWriteItems>(body, false);
        is_shape_of::<GetItem>(body, false);
        is_shape_of::<BatchGetItem>(body, false);
    }
    is_shape_of::<BatchGetItem>("{}", false);
    is_shape_of::<Scan>(r#"{"Count":0}"#, false);
    is_shape_of::<DescribeTable>(r#"{"TableDescription":{}}"#, false);
    is_shape_of::<TransactWriteItems>(r#"{"Item":{}}"#, false);
}

#[test]
fn a_success_needs_every_sign() {
    for (name, value, sign) in [
        ("content-type", None, "its content type is not DynamoDB's"),
        ("content-type", Some("application/json"), "its content type is not DynamoDB's"),
        ("x-amzn-requestid", None, "it has no request id (x-amzn-requestid)"),
        ("x-amzn-requestid", Some(" "), "it has no request id (x-amzn-requestid)"),
        ("x-amz-crc32", None, "it has no checksum (x-amz-crc32)"),
        ("x-amz-crc32", Some("1"), "its checksum (x-amz-crc32) is not that of its body"),
        ("x-amz-crc32", Some("-1"), "its checksum (x-amz-crc32) is not that of its body"),
    ] {
        let mut answer = answer(200, "{}");
        match value {
            Some(value) => drop(answer.headers_mut().insert(name, value)),
            None => drop(answer.headers_mut().remove(name)),
        }
        let expected = format!("something other than DynamoDB answered with status 200: {sign}");
        assert_eq!(complaint::<TransactWriteItems>(&answer), Some(expected));
    }
}

#[test]
fn the_content_type_may_name_a_charset() {
    let mut answer = answer(200, "{}");
    answer.headers_mut().insert("content-type", "Application/x-amz-json-1.0; charset=utf-8");
    assert_eq!(complaint::<GetItem>(&answer), None);
}

#[test]
fn other_successes_and_redirections_are_foreign() {
    for status in [201, 202, 204, 206, 299, 300, 301, 302, 304, 307, 308] {
        assert!(complaint::<TransactWriteItems>(&answer(status, "{}")).is_some(), "{status}");
    }
}

#[test]
fn an_error_needs_the_type_and_the_request_id() {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#;
    for status in [400, 403, 413, 500, 503] {
        assert_eq!(complaint::<GetItem>(&answer(status, body)), None, "{status}");
        for missing in ["content-type", "x-amzn-requestid"] {
            let mut answer = answer(status, body);
            answer.headers_mut().remove(missing);
            assert!(complaint::<GetItem>(&answer).is_some(), "{status} without {missing}");
        }
    }
}

#[test]
fn the_checksum_of_an_error_counts_if_there_is_one() {
    let mut error = answer(400, "{}");
    error.headers_mut().insert("x-amz-crc32", "1");
    assert!(complaint::<GetItem>(&error).is_some());
    error.headers_mut().remove("x-amz-crc32");
    assert_eq!(complaint::<GetItem>(&error), None);
}
