//! Whatever the values are: bodies that parse, with the right types, and no secret in any of them.

use std::sync::{Arc, LazyLock};

use super::configured::of;
use super::*;
use crate::config::snapshot::Snapshot;
use crate::decide::Needed;
use crate::facts::{Credential, Fact, Level};
use crate::test_support::credential;

/// A dialect of each kind: the built-in ones and one with every variable, alone and in a text.
static SNAPSHOTS: LazyLock<Vec<Snapshot>> = LazyLock::new(|| {
    let every = "{ body: { code: $code, message: $message, status: $status, request_id: $request_id, retry_after: $retry_after, scheme: $scheme, resource: $resource, needed: $needed, text: \"[$code|$message|$status|$request_id|$retry_after|$scheme|$resource|$needed]\" } }";
    ["problem", "jsonrpc", every].map(of).into()
});

fn is_text_or_null(value: &Value) -> bool {
    value.is_string() || value.is_null()
}

proptest! {
    #[test]
    fn every_outcome_is_json_of_the_right_types_in_every_dialect(
        request_id in any::<String>(),
        resource in "[!-~]{1,20}",
        retry_after in prop::option::of(1_u64..),
        scheme in prop::option::of(0_usize..3),
        sent in any::<bool>(),
    ) {
        for snapshot in SNAPSHOTS.iter() {
            let api = &snapshot.apis[0];
            for outcome in refusals() {
                let scopes = [Id::new("a:b").unwrap(), Id::new("c").unwrap()];
                let mut refused = Refused::of(outcome, "why, which nobody is told").by(api);
                refused.credential_sent = sent;
                refused.retry_after = retry_after;
                refused.resource = Id::new(resource.as_str());
                refused.needed = Some(Needed::Scopes(&scopes));
                refused.scheme = scheme.and_then(|scheme| api.schemes.get(scheme));
                let answer = render(&refused, &request_id, None);
                let text = std::str::from_utf8(&answer.body).unwrap();
                prop_assert!(!text.contains("nobody is told"));
                let body: Value = serde_json::from_str(text).unwrap();
                let (told, status) = match body.get("error") {
                    Some(error) => {
                        prop_assert_eq!(&body["jsonrpc"], "2.0");
                        prop_assert!(body["id"].is_null() && error["message"].is_string());
                        prop_assert_eq!(&error["code"], -32001);
                        (&error["data"], &error["data"]["status"])
                    }
                    None => (&body, &body["status"]),
                };
                prop_assert_eq!(status, outcome.status());
                prop_assert!(told["code"].is_string());
                prop_assert_eq!(&told["request_id"], &json!(request_id));
                if let Some(text) = body.get("text") {
                    let ends = format!("|{request_id}|");
                    prop_assert!(text.as_str().unwrap().contains(&ends));
                    prop_assert!(is_text_or_null(&body["scheme"]) && is_text_or_null(&body["resource"]));
                    prop_assert_eq!(&body["needed"], "a:b c");
                    let waits = retry_after.or(matches!(outcome.status(), 429 | 503).then_some(1));
                    prop_assert_eq!(&body["retry_after"], &json!(waits));
                }
            }
        }
    }

    #[test]
    fn any_text_of_a_configuration_comes_out_as_it_was_written(
        message in r"[\x00-#%-\u{d7ff}]{0,30}",
        code in r"[\x00-#%-\u{d7ff}]{1,20}",
        key in r"[\x00-#%-\u{d7ff}]{1,20}",
    ) {
        // In double quotes JSON is YAML, but for surrogate pairs, of which these texts have none.
        let written = json!({
            "body": { "code": "$code", key.clone(): ["$message", "<$message>"] },
            "outcomes": { "default": { "code": code.clone(), "message": message.clone() } },
        });
        let plain = |c: char| c.is_ascii() && c != '\u{7f}';
        let escaped = |c: char| if plain(c) { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) };
        let written: String = written.to_string().chars().map(escaped).collect();
        prop_assume!(key != "code" && key != "<<");
        let snapshot = of(&written);
        let body = body(&render(&Refused::of(Outcome::RouteUnknown, "").by(&snapshot.apis[0]), "r", None));
        prop_assert_eq!(&body["code"], &json!(code));
        prop_assert_eq!(&body[&key], &json!([message.clone(), format!("<{message}>")]));
    }

    #[test]
    fn no_rendering_contains_anything_of_the_credential(
        secret in "[A-Za-z0-9]{24,40}",
        external in "[A-Za-z0-9]{24,40}",
    ) {
        let fact = Arc::new(Fact::new(Credential {
            name: Some(secret.clone()),
            hint: secret.clone(),
            external_id: Id::new(external.as_str()),
            subject: Id::new(external.as_str()).unwrap(),
            ..credential("app", "key")
        }));
        for snapshot in SNAPSHOTS.iter() {
            let api = &snapshot.apis[0];
            for outcome in refusals() {
                let refused = Refused::of(outcome, "")
                    .by(api)
                    .presenting(&api.schemes[0])
                    .known_as(fact.clone())
                    .needing(Needed::Level(Level::Admin));
                for content_type in [None, Some(b"application/grpc".as_slice())] {
                    let shown = format!("{:?}", render(&refused, "req_1", content_type));
                    prop_assert!(!shown.contains(&secret) && !shown.contains(&external));
                }
            }
        }
    }
}
