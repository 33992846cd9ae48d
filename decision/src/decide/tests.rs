use std::sync::Arc;

use super::*;
use crate::config::snapshot::{Ambiguous, IdentityFact};
use crate::facts::{Fact, FactKey, Lookup, Wanted};
use crate::test_support::{
    Ended, NOW, Records, Request, answer, api, credential, fact, peppers, route, snapshot,
};

mod properties;
mod rewriting;
mod routing;
mod rule;
mod travelling;

/// What became of a request.
#[derive(Clone, Debug)]
enum Became {
    /// What the upstream gets.
    Sent(Box<Request>),
    Refused(Outcome, Option<usize>),
    Wanting(Wanted),
}

fn decide(snapshot: &Snapshot, request: &Request, lookup: Option<Lookup>) -> Became {
    let question = match request.with_head(|head| ask(snapshot, &peppers(), head)) {
        Ok(question) => question,
        Err(refused) => return refused_as(&refused),
    };
    match answer(&question, &Records::of(lookup)) {
        Ended::Permitted(permit) => Became::Sent(Box::new(request.sent(&permit, "req_ours"))),
        Ended::Refused(refused) => refused_as(&refused),
        Ended::Wants(wanted) => Became::Wanting(wanted),
    }
}

fn refused_as(refused: &Refused<'_>) -> Became {
    Became::Refused(refused.outcome, refused.route.map(|route| route.index))
}

fn found() -> Lookup {
    Lookup::Found(fact("a", "ak"))
}

fn sent(snapshot: &Snapshot, request: &Request) -> Request {
    match decide(snapshot, request, Some(found())) {
        Became::Sent(sent) => *sent,
        became => panic!("{request:?}: {became:?}"),
    }
}

fn outcome(snapshot: &Snapshot, request: &Request) -> Outcome {
    match decide(snapshot, request, Some(found())) {
        Became::Sent(_) => Outcome::Forwarded,
        Became::Refused(outcome, _) => outcome,
        Became::Wanting(wanted) => panic!("{request:?}: {wanted:?}"),
    }
}

/// One api of a route under every mode, and one of the other realm.
fn ordinary() -> Snapshot {
    let routes = vec![
        route("/v1/**"),
        Route { auth: Auth::Optional, ..route("/optional/**") },
        Route { auth: Auth::None, ..route("/public/**") },
        Route { forward_credential: true, ..route("/forward/**") },
        Route { accept: 0b10, ..route("/sessions") },
    ];
    let mut other = api("b", vec![Route { auth: Auth::None, ..route("/**") }]);
    other
        .identity
        .headers
        .push((http::HeaderName::from_static("x-other-tenant"), IdentityFact::Org));
    snapshot(vec![(&["api.example", "*.api.example"], api("a", routes)), (&["*"], other)])
}

fn with_key(target: &str) -> Request {
    Request::get(target).field("x-api-key", "ak_secret")
}

// --- the order -------------------------------------------------------------------------------------------------------

#[test]
fn the_first_failure_decides_and_knows_how_far_the_request_got() {
    let snapshot = ordinary();
    let large = |mut request: Request| {
        request.framing = Framing::Sized(1001);
        request
    };
    let mut hosted = large(Request::get("/v1/../x"));
    hosted.host = "user@api.example".to_owned();
    let refused =
        |request: &Request| request.with_head(|head| ask(&snapshot, &peppers(), head)).unwrap_err();
    for (request, outcome, api, route) in [
        (&hosted, Outcome::RequestMalformed, None, None),
        (&large(Request::get("/v1/../x")), Outcome::RequestMalformed, Some(0), None),
        (&large(Request::get("/x")), Outcome::RouteUnknown, Some(0), None),
        (&large(Request::get("/v1/x")), Outcome::BodyTooLarge, Some(0), Some(0)),
        (&Request::get("/v1/x"), Outcome::CredentialMissing, Some(0), Some(0)),
        (
            &Request::get("/v1/x").field("authorization", "Bearer"),
            Outcome::CredentialMalformed,
            Some(0),
            Some(0),
        ),
        (&with_key("/v1/x?api_key=ak_2"), Outcome::CredentialAmbiguous, Some(0), Some(0)),
        (&Request::get("/v1/x?api_key=zz"), Outcome::CredentialUnknown, Some(0), Some(0)),
        (&with_key("/sessions"), Outcome::SchemeNotAccepted, Some(0), Some(4)),
    ] {
        let refused = refused(request);
        assert_eq!(refused.outcome, outcome, "{request:?}");
        assert_eq!(refused.api.map(|api| api.index), api, "{request:?}");
        assert_eq!(refused.route.map(|route| route.index), route, "{request:?}");
    }
}

#[test]
fn a_refusal_says_whether_a_credential_was_sent() {
    let snapshot = ordinary();
    let sent = |request: &Request| match request.with_head(|head| ask(&snapshot, &peppers(), head))
    {
        Err(refused) => refused.credential_sent,
        Ok(question) => match answer(&question, &Records::of(Some(Lookup::Unknown))) {
            Ended::Refused(refused) => refused.credential_sent,
            ended => panic!("{request:?}: {ended:?}"),
        },
    };
    assert!(!sent(&Request::get("/v1/x")));
    assert!(!sent(&Request::get("/v1/x").field("authorization", "Bearer")));
    assert!(!sent(&Request::get("/v1/x").field("authorization", "Basic dTpw")));
    assert!(sent(&Request::get("/v1/x").field("authorization", "Bearer a b")));
    assert!(sent(&Request::get("/v1/x").field("x-api-key", "zz")));
    assert!(sent(&with_key("/sessions")));
    assert!(sent(&with_key("/v1/x")));
}

#[test]
fn a_host_has_one_api_and_no_other_answers_for_it() {
    let snapshot = ordinary();
    let on = |host: &str, target: &str| {
        outcome(&snapshot, &Request { host: host.to_owned(), ..Request::get(target) })
    };
    for host in ["api.example", "API.Example", "api.example.", "api.example:8080", "x.api.example"]
    {
        assert_eq!(on(host, "/x"), Outcome::RouteUnknown, "{host}");
        assert_eq!(on(host, "/v1/x"), Outcome::CredentialMissing, "{host}");
    }
    assert_eq!(on("other.example", "/x"), Outcome::Forwarded);
    let alone =
        crate::test_support::snapshot(vec![(&["api.example"], api("a", vec![route("/**")]))]);
    let elsewhere = Request { host: "other.example".to_owned(), ..Request::get("/") };
    assert_eq!(outcome(&alone, &elsewhere), Outcome::HostUnknown);
}

#[test]
fn a_method_that_the_path_does_not_have_says_which_it_has() {
    let mut api = api("a", Vec::new());
    let methods = crate::route::Methods::named(["GET"]).unwrap();
    api.routes.insert(&crate::route::Pattern::parse("/x").unwrap(), methods, route("/x")).unwrap();
    let snapshot = snapshot(vec![(&["*"], api)]);
    let asked = |method: &str| Request { method: method.to_owned(), ..with_key("/x") };
    assert_eq!(outcome(&snapshot, &asked("HEAD")), Outcome::Forwarded);
    let refused = asked("POST").with_head(|head| ask(&snapshot, &peppers(), head)).unwrap_err();
    assert_eq!(
        (refused.outcome, refused.allow.unwrap().to_str().unwrap()),
        (Outcome::MethodNotAllowed, "GET, HEAD")
    );
}

#[test]
fn a_head_of_more_fields_than_can_be_edited_is_refused() {
    let fields = |count| {
        (0..count).fold(Request::get("/public/x"), |request, _| request.field("x-level", "admin"))
    };
    let snapshot = ordinary();
    assert_eq!(sent(&snapshot, &fields(256)).values("x-level"), [""; 0]);
    assert_eq!(outcome(&snapshot, &fields(257)), Outcome::HeadTooLarge);
}

#[test]
fn a_body_is_judged_by_what_is_declared() {
    let snapshot = ordinary();
    let framed = |framing| outcome(&snapshot, &Request { framing, ..with_key("/v1/x") });
    assert_eq!(framed(Framing::Sized(1000)), Outcome::Forwarded);
    assert_eq!(framed(Framing::Streamed), Outcome::Forwarded);
    assert_eq!(framed(Framing::Sized(1001)), Outcome::BodyTooLarge);
}

// --- who is let through ----------------------------------------------------------------------------------------------

#[test]
fn what_is_wanted_first_is_the_credential_by_its_digest_and_nothing_where_there_is_none() {
    let snapshot = ordinary();
    let wanted = |request: &Request| match decide(&snapshot, request, None) {
        Became::Wanting(wanted) => Some(wanted),
        Became::Sent(_) => None,
        Became::Refused(outcome, _) => panic!("{outcome}"),
    };
    let digest = peppers().current.digest(b"ak_secret");
    let key = FactKey::new(&crate::facts::api_mask("a"), &digest);
    assert_eq!(
        wanted(&with_key("/v1/x")),
        Some(Wanted::Credential { key, digests: digest.into() })
    );
    assert_eq!(wanted(&with_key("/public/x")), None);
    assert_eq!(wanted(&Request::get("/optional/x")), None);
}

#[test]
fn where_a_credential_is_optional_none_is_anonymous_and_a_bad_one_is_refused() {
    let snapshot = ordinary();
    let anonymous = sent(&snapshot, &Request::get("/optional/x"));
    assert_eq!(
        (anonymous.values("x-subject-id"), anonymous.values("x-request-id")),
        (vec![], vec!["req_ours"])
    );
    assert_eq!(sent(&snapshot, &with_key("/optional/x")).values("x-subject-id"), ["user_1"]);
    for (request, expected) in [
        (
            Request::get("/optional/x").field("authorization", "Bearer"),
            Outcome::CredentialMalformed,
        ),
        (
            Request::get("/optional/x").field("authorization", "Bearer zz"),
            Outcome::CredentialUnknown,
        ),
    ] {
        assert_eq!(outcome(&snapshot, &request), expected);
    }
    for (lookup, expected) in [
        (Lookup::Unknown, Outcome::CredentialUnknown),
        (Lookup::Unavailable, Outcome::StoreUnavailable),
    ] {
        let became = decide(&snapshot, &with_key("/optional/x"), Some(lookup));
        assert!(
            matches!(became, Became::Refused(outcome, Some(1)) if outcome == expected),
            "{became:?}"
        );
    }
}

#[test]
fn with_first_the_credential_that_the_route_accepts_is_the_one_that_counts() {
    let mut api = api("a", vec![Route { accept: 0b10, ..route("/sessions") }, route("/**")]);
    api.ambiguous = Ambiguous::First;
    let snapshot = snapshot(vec![(&["*"], api)]);
    let digest = |target| {
        let request = with_key(target).field("x-access-token", "token");
        let question = request.with_head(|head| ask(&snapshot, &peppers(), head)).unwrap();
        question.presented.unwrap().digests.current
    };
    assert_eq!(digest("/sessions"), peppers().current.digest(b"token"));
    assert_eq!(digest("/x"), peppers().current.digest(b"ak_secret"));
}
