use std::io;

use aws_sdk_dynamodb::error::ErrorMetadata;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::{Response, StatusCode};
use aws_smithy_types::body::SdkBody;

use super::*;

/// What the tests need to know of a fault.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Contended,
    NotTaken,
    Throttled,
    Unanswered,
    Rejected(ErrorCode),
    Final(ErrorCode),
}

use Meaning::{Contended, NotTaken, Throttled, Unanswered};

fn meaning(fault: &Fault) -> Meaning {
    match fault {
        Fault::Contended(_) => Contended,
        Fault::NotTaken(_) => NotTaken,
        Fault::Throttled(_) => Throttled,
        Fault::Unanswered(_) => Unanswered,
        Fault::Rejected(error) => Meaning::Rejected(error.code),
        Fault::Final(error) => Meaning::Final(error.code),
    }
}

/// An error that DynamoDB answers with status 400.
fn answered(code: &str, message: &str) -> Fault {
    read_error(Some(code), Some(message), 400)
}

fn final_error(fault: Fault) -> BalanceError {
    match fault {
        Fault::Final(error) => error,
        other => panic!("not final: {other:?}"),
    }
}

fn rejection(fault: Fault) -> BalanceError {
    match fault {
        Fault::Rejected(error) => error,
        other => panic!("not rejected: {other:?}"),
    }
}

fn reason_of(fault: Fault) -> Reason {
    match fault {
        Fault::Contended(reason)
        | Fault::NotTaken(reason)
        | Fault::Throttled(reason)
        | Fault::Unanswered(reason) => reason,
        other => panic!("no other attempt: {other:?}"),
    }
}

fn cancelled_for(code: &str) -> CancellationReason {
    CancellationReason::builder().code(code).build()
}

fn cancelled_with(code: &str, message: &str) -> CancellationReason {
    CancellationReason::builder().code(code).message(message).build()
}

fn raw(status: u16) -> Response {
    Response::new(StatusCode::try_from(status).unwrap(), SdkBody::empty())
}

fn service_error(code: &str, status: u16) -> SdkError<GetItemError> {
    let metadata = ErrorMetadata::builder().code(code).message("in its own words").build();
    SdkError::service_error(GetItemError::generic(metadata), raw(status))
}

fn dispatch_failure(error: ConnectorError) -> SdkError<GetItemError> {
    SdkError::dispatch_failure(error)
}

#[test]
fn an_answer_that_asks_to_try_again_was_not_taken() {
    for code in [
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
    ] {
        let fault = answered(code, "slow down");
        assert_eq!(meaning(&fault), Throttled, "{code}");
        let reason = reason_of(fault);
        assert_eq!(reason.summary, format!("DynamoDB answered {code}"));
        let cause = Cause { name: code.to_owned(), message: "slow down".to_owned() };
        assert_eq!(reason.cause, Some(cause));
    }
}

#[test]
fn a_conflict_is_contention() {
    let fault = answered("TransactionConflictException", "in conflict");
    assert_eq!(meaning(&fault), Contended);
    assert_eq!(reason_of(fault).summary, "DynamoDB answered TransactionConflictException");
    let failed = read_error(Some("TransactionConflictException"), None, 500);
    assert_eq!(meaning(&failed), Unanswered);
}

#[test]
fn a_transaction_in_progress_may_still_take_effect() {
    // The token is this call's own, so that what is in progress is one of its attempts: perhaps
    // this very one, doubled on its way. Nothing says that it will not commit.
    let fault = answered("TransactionInProgressException", "in progress");
    assert_eq!(meaning(&fault), Unanswered);
}

#[test]
fn every_code_that_asks_to_try_again_is_tried_again() {
    for code in TRY_AGAIN {
        for status in [400, 500, 503] {
            let fault = read_error(Some(code), None, status);
            assert!(!matches!(fault, Fault::Final(_) | Fault::Rejected(_)), "{code} {status}");
        }
    }
}

#[test]
fn a_failure_of_the_service_may_have_taken_effect() {
    for (code, status) in [
        ("InternalServerError", 500),
        ("Unheard", 502),
        ("ServiceUnavailable", 503),
        // Even a code that otherwise says that nothing was taken.
        ("ThrottlingException", 503),
    ] {
        let fault = read_error(Some(code), Some("oops"), status);
        assert_eq!(meaning(&fault), Unanswered, "{code}");
        assert_eq!(reason_of(fault).summary, format!("DynamoDB answered {code}"));
    }
}

#[test]
fn an_answer_without_a_code_is_not_from_dynamodb() {
    for status in [200, 301, 400, 403, 404, 500, 502, 503] {
        let fault = read_error(None, Some("<html>"), status);
        assert_eq!(meaning(&fault), Unanswered, "{status}");
        assert_eq!(
            reason_of(fault),
            Reason {
                summary: format!("something other than DynamoDB answered with status {status}"),
                cause: None,
            }
        );
    }
}

#[test]
fn rejected_credentials_are_final_and_their_text_is_never_passed_on() {
    let secret = "X-Amz-Security-Token=FwoGZXIvYXdzE";
    for code in [
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ] {
        let error = final_error(answered(code, secret));
        assert_eq!(error.code, ErrorCode::CredentialsRejected, "{code}");
        assert!(error.message.contains(code), "{}", error.message);
        let shown = format!("{error:?}");
        assert!(!shown.contains("FwoGZXIvYXdzE"), "{shown}");
    }
}

#[test]
fn the_tables_of_codes_do_not_overlap() {
    assert!(TRY_AGAIN.iter().all(|code| !CREDENTIALS_REJECTED.contains(code)));
}

#[test]
fn denied_access_is_final_and_names_the_action() {
    let words = "User: arn:aws:iam::1:user/u is not authorized to perform: dynamodb:PutItem";
    let error = final_error(answered("AccessDeniedException", words));
    assert_eq!(error.code, ErrorCode::AccessDenied);
    assert!(error.message.contains(words), "{}", error.message);
    assert_eq!(error.cause.unwrap().name, "AccessDeniedException");
}

#[test]
fn a_number_that_leaves_the_range_is_told_so() {
    for words in [
        "Number must have a precision up to 38 digits",
        "Attempting to store more than 38 significant digits in a Number",
        "Number overflow. Attempting to store a number with magnitude larger than supported range",
        "Number underflow. Attempting to store a number with magnitude smaller than supported \
         range",
    ] {
        let error = rejection(answered("ValidationException", words));
        assert_eq!(error.code, ErrorCode::AmountOutOfRange, "{words}");
        assert_eq!(error.cause.unwrap().message, words);
    }
}

#[test]
fn any_other_refusal_is_of_the_content_and_told_in_the_words_of_dynamodb() {
    for code in ["ValidationException", "ItemCollectionSizeLimitExceededException", "Unheard"] {
        let error = rejection(answered(code, "because"));
        assert_eq!(error.code, ErrorCode::ServiceError);
        assert_eq!(
            error.message,
            format!("DynamoDB refused the request: {code}: because. Nothing happened.")
        );
        let cause = Cause { name: code.to_owned(), message: "because".to_owned() };
        assert_eq!(error.cause, Some(cause));
    }
}

#[test]
fn a_refusal_without_a_message_is_one_all_the_same() {
    let error = rejection(read_error(Some("Unheard"), None, 400));
    assert_eq!(error.code, ErrorCode::ServiceError);
}

#[test]
fn a_transaction_cancelled_for_a_passing_reason_was_not_taken() {
    for code in ["ProvisionedThroughputExceeded", "RequestLimitExceeded", "ThrottlingError"] {
        let fault = unexpected_cancellation(&[cancelled_for("None"), cancelled_for(code)]);
        assert_eq!(meaning(&fault), Throttled, "{code}");
        let reason = reason_of(fault);
        assert_eq!(reason.summary, format!("DynamoDB cancelled the transaction: None, {code}"));
        assert_eq!(reason.cause.unwrap().name, "TransactionCanceledException");
    }
}

#[test]
fn a_transaction_cancelled_for_a_conflict_is_contended() {
    for reasons in [
        vec![cancelled_for("None"), cancelled_for("TransactionConflict")],
        vec![cancelled_for("TransactionConflict"), cancelled_for("None")],
        vec![cancelled_with("ValidationError", "wrong"), cancelled_for("TransactionConflict")],
    ] {
        let fault = unexpected_cancellation(&reasons);
        assert_eq!(meaning(&fault), Contended, "{reasons:?}");
        assert_eq!(reason_of(fault).cause.unwrap().name, "TransactionCanceledException");
    }
}

#[test]
fn throttling_beats_a_conflict() {
    // A service that throttles needs more time than an item in conflict.
    let reasons = [cancelled_for("TransactionConflict"), cancelled_for("ThrottlingError")];
    assert_eq!(meaning(&unexpected_cancellation(&reasons)), Throttled);
}

#[test]
fn a_passing_reason_beats_a_lasting_one() {
    let reasons = [cancelled_with("ValidationError", "wrong"), cancelled_for("ThrottlingError")];
    assert_eq!(meaning(&unexpected_cancellation(&reasons)), Throttled);
}

#[test]
fn a_transaction_cancelled_out_of_range_is_told_so() {
    for words in ["Number overflow. Attempting", "more than 38 significant digits in a Number"] {
        let reasons = [cancelled_for("None"), cancelled_with("ValidationError", words)];
        let error = rejection(unexpected_cancellation(&reasons));
        assert_eq!(error.code, ErrorCode::AmountOutOfRange, "{words}");
    }
}

#[test]
fn a_transaction_cancelled_for_a_lasting_reason_is_rejected() {
    let reasons = [
        cancelled_for("None"),
        cancelled_with("ItemCollectionSizeLimitExceeded", "the collection is too large"),
    ];
    let error = rejection(unexpected_cancellation(&reasons));
    assert_eq!(error.code, ErrorCode::ServiceError);
    assert_eq!(
        error.message,
        "DynamoDB refused the request: the collection is too large. Nothing happened."
    );
    assert_eq!(
        error.cause.unwrap().message,
        "[None, ItemCollectionSizeLimitExceeded] the collection is too large"
    );
}

#[test]
fn a_transaction_cancelled_without_reasons_is_rejected() {
    let error = rejection(unexpected_cancellation(&[]));
    assert_eq!(error.code, ErrorCode::ServiceError);
    assert!(error.message.contains("the transaction was cancelled"), "{}", error.message);
}

#[test]
fn an_answered_error_is_read_by_its_code_and_status() {
    let fault = |code, status| meaning(&classify(&service_error(code, status), true));
    assert_eq!(fault("ThrottlingException", 400), Throttled);
    assert_eq!(fault("InternalServerError", 500), Unanswered);
    assert_eq!(fault("TransactionConflictException", 400), Contended);
    assert_eq!(fault("ValidationException", 400), Meaning::Rejected(ErrorCode::ServiceError));
    assert_eq!(fault("AccessDeniedException", 400), Meaning::Final(ErrorCode::AccessDenied));
}

#[test]
fn a_missing_table_is_recognised() {
    assert!(is_table_missing(&service_error("ResourceNotFoundException", 400)));
    assert!(!is_table_missing(&service_error("ResourceInUseException", 400)));
    let lost = dispatch_failure(ConnectorError::io("reset".into()));
    assert!(!is_table_missing(&lost));
}

#[test]
fn an_unreadable_answer_is_none() {
    let error: SdkError<GetItemError> = SdkError::response_error("cut short", raw(200));
    let fault = classify(&error, true);
    assert_eq!(meaning(&fault), Unanswered);
    assert_eq!(reason_of(fault).summary, "its answer was unreadable: cut short");
}

#[test]
fn an_answer_that_does_not_come_in_time_is_none() {
    let error: SdkError<GetItemError> = SdkError::timeout_error("too slow");
    assert_eq!(meaning(&classify(&error, true)), Unanswered);
}

#[test]
fn a_connection_lost_after_the_request_had_left_is_unanswered() {
    let reset = io::Error::from(io::ErrorKind::ConnectionReset);
    let fault = classify(&dispatch_failure(ConnectorError::io(reset.into())), true);
    assert_eq!(meaning(&fault), Unanswered);
    let reason = reason_of(fault);
    assert!(reason.summary.starts_with("the connection was lost: "), "{}", reason.summary);
    assert!(reason.cause.is_some());
}

#[test]
fn a_request_that_could_not_be_built_is_a_defect() {
    let error: SdkError<GetItemError> = SdkError::construction_failure("no parts");
    let fault = classify(&error, false);
    assert_eq!(meaning(&fault), Meaning::Final(ErrorCode::InternalError));
}

#[test]
fn missing_credentials_are_told_so_wherever_they_were_missed() {
    let none = || BalanceError::new(ErrorCode::NoCredentials, "No credentials: none.");
    let missing = || NoSigningContext(Fault::Final(none()));
    let wrapped = io::Error::other(missing());
    for error in [
        dispatch_failure(ConnectorError::other(missing().into(), None)),
        dispatch_failure(ConnectorError::other(wrapped.into(), None)),
        SdkError::construction_failure(missing()),
    ] {
        let error = final_error(classify(&error, false));
        assert_eq!(error.code, ErrorCode::NoCredentials);
        assert!(error.message.starts_with("No credentials: "), "{}", error.message);
    }
}

#[test]
fn a_signature_that_can_be_made_anew_has_changed_nothing() {
    let again = SignAgain { code: "ExpiredTokenException".to_owned() };
    let error: SdkError<GetItemError> = SdkError::construction_failure(again);
    let Fault::NotTaken(reason) = classify(&error, true) else { panic!("it was taken") };
    assert!(reason.summary.contains("ExpiredTokenException"), "{}", reason.summary);
}

#[test]
fn an_untrusted_certificate_is_final_however_deep_it_lies() {
    let certificate = || rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
    // As the TLS library and the HTTP client wrap it.
    let hidden = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, certificate()));
    for error in [ConnectorError::io(certificate().into()), ConnectorError::io(hidden.into())] {
        let error = final_error(classify(&dispatch_failure(error), true));
        assert_eq!(error.code, ErrorCode::ServiceError);
        assert!(error.message.contains("certificate is not trusted"), "{}", error.message);
        assert!(error.message.contains("NODE_EXTRA_CA_CERTS"), "{}", error.message);
    }
}

#[test]
fn an_answer_that_lacks_what_makes_it_one_is_none() {
    let fault = unreadable("it has no Responses");
    assert_eq!(meaning(&fault), Unanswered);
    assert_eq!(reason_of(fault).summary, "its answer was unreadable: it has no Responses");
}

#[test]
fn what_never_left_was_not_taken_whatever_the_gate_says() {
    for has_left in [false, true] {
        let unsent = || Unsent::because("connecting to a.test:443 failed", io::Error::other("no"));
        for error in [
            dispatch_failure(ConnectorError::io(unsent().into())),
            dispatch_failure(ConnectorError::other(io::Error::other(unsent()).into(), None)),
        ] {
            let fault = classify(&error, has_left);
            assert_eq!(meaning(&fault), NotTaken);
            assert_eq!(
                reason_of(fault).summary,
                "it could not be reached: connecting to a.test:443 failed: no"
            );
        }
    }
}

#[test]
fn an_answer_cut_short_is_none() {
    let cut = Unreadable("end of file".into());
    let fault = classify(&dispatch_failure(ConnectorError::other(cut.into(), None)), true);
    assert_eq!(meaning(&fault), Unanswered);
    assert_eq!(reason_of(fault).summary, "its answer was unreadable: end of file");
}
