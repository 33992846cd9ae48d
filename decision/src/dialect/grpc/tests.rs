use proptest::prelude::*;

use super::*;

#[test]
fn statuses_are_those_that_a_client_of_grpc_expects() {
    let table = [
        (Outcome::RequestMalformed, 3),
        (Outcome::CredentialMissing, 16),
        (Outcome::CredentialExpired, 16),
        (Outcome::SubjectSuspended, 7),
        (Outcome::RouteUnknown, 12),
        (Outcome::MethodNotAllowed, 12),
        (Outcome::ResourceUnknown, 5),
        (Outcome::BodyTooLarge, 8),
        (Outcome::RateExceeded, 8),
        (Outcome::Internal, 13),
        (Outcome::UpstreamInvalid, 14),
        (Outcome::StoreUnavailable, 14),
        (Outcome::UpstreamTimeout, 4),
    ];
    for (outcome, expected) in table {
        let own = StatusCode::from_u16(outcome.status()).unwrap();
        assert_eq!(status(outcome, own), expected, "{outcome}");
    }
}

#[test]
fn no_refusal_is_of_unknown_status_whatever_its_dialect_sends() {
    for outcome in Outcome::ALL.iter().filter(|outcome| outcome.is_refusal()) {
        for sent in 400..600 {
            let status = status(*outcome, StatusCode::from_u16(sent).unwrap());
            assert!((3..=16).contains(&status), "{outcome} as {sent}: {status}");
        }
    }
    // One that its dialect calls something else is that.
    assert_eq!(status(Outcome::SubjectSuspended, StatusCode::UNAUTHORIZED), 16);
    assert_eq!(status(Outcome::SubjectSuspended, StatusCode::PAYMENT_REQUIRED), 7);
}

#[test]
fn a_call_is_answered_in_its_own_kind_and_nothing_else_is_a_call() {
    for (asked, answered) in [
        ("application/grpc", Some("application/grpc")),
        ("Application/GRPC+proto", Some("application/grpc")),
        ("application/grpc+json; x=\"\r\n", Some("application/grpc")),
        ("application/grpc-web", Some("application/grpc-web")),
        ("application/grpc-web+proto", Some("application/grpc-web+proto")),
        ("application/grpc-web-text+proto", Some("application/grpc-web-text+proto")),
        ("application/json", None),
        ("application/gr", None),
        ("", None),
    ] {
        assert_eq!(answer_to(asked.as_bytes()), answered, "{asked}");
    }
}

/// Percent-decoding as the specification has it, written anew.
fn decoded(encoded: &[u8]) -> Vec<u8> {
    match encoded {
        [] => Vec::new(),
        [b'%', high, low, rest @ ..] => {
            let digits = [*high, *low];
            let byte = u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap();
            [vec![byte], decoded(rest)].concat()
        }
        [byte, rest @ ..] => [vec![*byte], decoded(rest)].concat(),
    }
}

proptest! {
    #[test]
    fn a_message_is_percent_encoded_and_comes_out_as_it_was(text in any::<String>()) {
        let message = message(&text);
        prop_assert!(message.as_bytes().iter().all(|byte| matches!(byte, b' '..=b'~')));
        prop_assert_eq!(decoded(message.as_bytes()), text.into_bytes());
    }
}
