use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::config::snapshot::{Ambiguous, IdentityFact};
use crate::facts::{Fact, FactKey};
use crate::test_support::{NOW, Request, api, credential, fact, pepper, route, snapshot};

/// What became of a request.
#[derive(Clone, Debug)]
enum Became {
    /// What the upstream gets.
    Sent(Box<Request>),
    Refused(Outcome, Option<usize>),
}

fn decide_at(
    snapshot: &Snapshot,
    request: &Request,
    lookup: Option<Lookup>,
    now: Timestamp,
) -> Became {
    let asked = request.with_head(|head| ask(snapshot, &pepper(), head));
    match asked.and_then(|question| question.answer(lookup, now)) {
        Ok(permit) => Became::Sent(Box::new(request.sent(&permit, "req_ours"))),
        Err(refused) => Became::Refused(refused.outcome, refused.route.map(|route| route.index)),
    }
}

fn found() -> Lookup {
    Lookup::Found(fact("a", "ak"))
}

fn sent(snapshot: &Snapshot, request: &Request) -> Request {
    match decide_at(snapshot, request, Some(found()), NOW) {
        Became::Sent(sent) => *sent,
        Became::Refused(outcome, _) => panic!("{request:?}: {outcome}"),
    }
}

fn outcome(snapshot: &Snapshot, request: &Request) -> Outcome {
    match decide_at(snapshot, request, Some(found()), NOW) {
        Became::Sent(_) => Outcome::Forwarded,
        Became::Refused(outcome, _) => outcome,
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
        |request: &Request| request.with_head(|head| ask(&snapshot, &pepper(), head)).unwrap_err();
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
    let sent = |request: &Request| {
        let asked = request.with_head(|head| ask(&snapshot, &pepper(), head));
        asked
            .and_then(|question| question.answer(Some(Lookup::Unknown), NOW))
            .unwrap_err()
            .credential_sent
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
    let refused = asked("POST").with_head(|head| ask(&snapshot, &pepper(), head)).unwrap_err();
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
fn what_is_wanted_is_the_digest_of_the_credential_and_nothing_where_there_is_none() {
    let snapshot = ordinary();
    let wanted = |request: &Request| {
        request.with_head(|head| ask(&snapshot, &pepper(), head)).unwrap().wanted()
    };
    let digest = pepper().digest(b"ak_secret");
    let key = FactKey::new(&crate::facts::api_mask("a"), &digest);
    assert_eq!(wanted(&with_key("/v1/x")), Some(Wanted { key, digest }));
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
        (Some(Lookup::Unknown), Outcome::CredentialUnknown),
        (Some(Lookup::Unavailable), Outcome::StoreUnavailable),
        (None, Outcome::StoreUnavailable),
    ] {
        let became = decide_at(&snapshot, &with_key("/optional/x"), lookup, NOW);
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
        request.with_head(|head| ask(&snapshot, &pepper(), head)).unwrap().wanted().unwrap().digest
    };
    assert_eq!(digest("/sessions"), pepper().digest(b"token"));
    assert_eq!(digest("/x"), pepper().digest(b"ak_secret"));
}

// --- what travels on -------------------------------------------------------------------------------------------------

#[test]
fn a_login_path_sees_its_own_credentials_and_still_nobodys_identity() {
    let request = with_key("/public/x?api_key=K")
        .field("authorization", "Basic dTpw")
        .field("X-Org-Id", "org_evil");
    let sent = sent(&ordinary(), &request);
    assert_eq!(
        (sent.values("authorization"), sent.values("x-api-key")),
        (vec!["Basic dTpw"], vec!["ak_secret"])
    );
    assert_eq!((sent.target.as_str(), sent.values("x-org-id")), ("/public/x?api_key=K", vec![]));
}

#[test]
fn an_identity_name_of_any_api_is_removed_on_every_route_of_every_api() {
    let snapshot = ordinary();
    for mut request in [
        Request::get("/public/x"),
        with_key("/v1/x"),
        Request::get("/optional/x"),
        Request::get("/elsewhere"),
    ] {
        if request.target == "/elsewhere" {
            request.host = "other.example".to_owned();
        }
        let sent =
            sent(&snapshot, &request.field("X-Other-Tenant", "evil").field("x_org_id", "evil"));
        assert_eq!(
            (sent.values("x-other-tenant"), sent.values("x_org_id")),
            (vec![], vec![]),
            "{}",
            sent.target
        );
    }
}

#[test]
fn the_upstream_is_told_who_asks_and_what_is_not_known_is_not_sent() {
    let snapshot = ordinary();
    let told = sent(&snapshot, &with_key("/v1/x"));
    for (name, values) in [
        ("x-org-id", vec!["org_1"]),
        ("x-subject-id", vec!["user_1"]),
        ("x-credential-id", vec!["crd_1"]),
        ("x-credential-scheme", vec!["ak"]),
        ("x-grants", vec!["*"]),
        ("x-request-id", vec!["req_ours"]),
        ("x-resource-id", vec![]),
        ("x-level", vec![]),
        ("x-scopes", vec![]),
        ("x-api-key", vec![]),
    ] {
        assert_eq!(told.values(name), values, "{name}");
    }
    let mut record = credential("a", "ak");
    record.org = None;
    let lookup = Some(Lookup::Found(Arc::new(Fact::new(record))));
    let request = with_key("/v1/x").field("x-org-id", "org_evil");
    let Became::Sent(told) = decide_at(&snapshot, &request, lookup, NOW) else { panic!("refused") };
    assert_eq!((told.values("x-org-id"), told.values("x-subject-id")), (vec![], vec!["user_1"]));
}

#[test]
fn a_credential_that_is_forwarded_is_the_only_one_that_is() {
    let request = with_key("/forward/x?api_key=ak_secret&a=1").field("authorization", "Basic dTpw");
    let sent = sent(&ordinary(), &request);
    assert_eq!(
        (sent.values("x-api-key"), sent.values("authorization")),
        (vec!["ak_secret"], vec![])
    );
    assert_eq!(sent.target, "/forward/x?a=1");
}

#[test]
fn the_target_is_the_normalised_path_after_the_rewrite_and_the_query_less_the_credential() {
    let rewriting = |strip: &str, add: &str, path| Route {
        rewrite: Rewrite { strip: strip.len(), add: add.to_owned(), host: None },
        ..route(path)
    };
    let api = api(
        "a",
        vec![
            rewriting("/api", "", "/api/**"),
            rewriting("/a/b", "/v2", "/a/b/**"),
            rewriting("", "/v3", "/{x}"),
            route("/plain/**"),
        ],
    );
    let snapshot = snapshot(vec![(&["*"], api)]);
    for (came, goes) in [
        ("/plain/a?x=%7e", "/plain/a?x=%7e"),
        ("/plain/%61%c3%a9?", "/plain/a%C3%A9?"),
        ("/plain/a?api_key=ak_1", "/plain/a"),
        ("/api", "/"),
        ("/api/", "/"),
        ("/api?x", "/?x"),
        ("/%61pi/x/?y=1&api_key=ak_1&z", "/x/?y=1&z"),
        ("/a/b", "/v2"),
        ("/a/b/c", "/v2/c"),
        ("/a/b/?q", "/v2/?q"),
        ("/x", "/v3/x"),
    ] {
        let request = Request::get(came);
        let request =
            if came.contains("api_key") { request } else { request.field("x-api-key", "ak_1") };
        assert_eq!(sent(&snapshot, &request).target, goes, "{came}");
    }
}

#[test]
fn a_target_that_does_not_change_is_not_made_anew() {
    let snapshot = ordinary();
    let question =
        with_key("/v1/x?y=%7e").with_head(|head| ask(&snapshot, &pepper(), head)).unwrap();
    let permit = question.answer(Some(found()), NOW).unwrap();
    assert_eq!(permit.edits().target, None);
}

// --- for all inputs --------------------------------------------------------------------------------------------------

const SECRET: &str = "ak_topsecret";

/// Requests of honest and forged fields around one secret in any place, on any route.
fn requests() -> impl Strategy<Value = Request> {
    let path = prop::sample::select(vec![
        "/v1/x",
        "/optional/x",
        "/public/x",
        "/forward/x",
        "/sessions",
        "/none",
        "/v1/%7Ex/",
        "/v1/../x",
    ]);
    let query = prop::sample::select(vec![
        "",
        "?",
        "?a=1",
        "?api_key=ak_topsecret",
        "?a=%&api%5Fkey=ak%5Ftopsecret&b",
    ]);
    let name = prop::sample::select(vec![
        "x-org-id",
        "X-Subject-Id",
        "X-CREDENTIAL-ID",
        "x_org_id",
        "x-credential-scheme",
        "x-resource-id",
        "x-level",
        "x-grants",
        "x-scopes",
        "X-Request-Id",
        "x-other-tenant",
        "x-forwarded-for",
        "Forwarded",
        "x-real-ip",
        "x-original-url",
        "accept",
    ]);
    let place = prop::sample::select(vec![
        ("Authorization", "Bearer ak_topsecret"),
        ("authorization", "bearer  ak_topsecret"),
        ("authorization", "Basic dTpw"),
        ("X-Api-Key", SECRET),
        ("x-api-key", ""),
        ("cookie", "sid=ak_topsecret"),
        ("Cookie", "a=1; sid=ak_topsecret; b=2"),
        ("x-access-token", "zz"),
    ]);
    let field = prop_oneof![
        name.prop_map(|name| (name.to_owned(), "forged".to_owned())),
        place.prop_map(|(name, value)| (name.to_owned(), value.to_owned())),
    ];
    let host = prop::sample::select(vec!["api.example", "API.example.:80", "other.example", "a b"]);
    (path, query, host, prop::collection::vec(field, 0..8), any::<bool>()).prop_map(
        |(path, query, host, fields, trusted)| {
            let request =
                Request { host: host.to_owned(), ..Request::get(&format!("{path}{query}")) };
            let request = if trusted { request.trusting("192.0.2.0/24") } else { request };
            fields.iter().fold(request, |request, (name, value)| request.field(name, value))
        },
    )
}

#[derive(Clone, Copy, Debug)]
enum Known {
    Active,
    Expired,
    Revoked,
    OtherScheme,
    Unknown,
    Unavailable,
    NotAsked,
}

fn lookup(known: Known) -> Option<Lookup> {
    let mut record = credential("a", "ak");
    match known {
        Known::Active => record.expires_at = Some(Timestamp(NOW.0 + 1)),
        Known::Expired => record.expires_at = Some(NOW),
        Known::Revoked => record.revoked_at = Some(Timestamp(NOW.0 + 1000)),
        Known::OtherScheme => record.scheme = "any".to_owned(),
        Known::Unknown => return Some(Lookup::Unknown),
        Known::Unavailable => return Some(Lookup::Unavailable),
        Known::NotAsked => return None,
    }
    Some(Lookup::Found(Arc::new(Fact::new(record))))
}

fn knowledge() -> impl Strategy<Value = Known> {
    use Known::*;
    prop::sample::select(vec![
        Active,
        Expired,
        Revoked,
        OtherScheme,
        Unknown,
        Unavailable,
        NotAsked,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn only_an_active_credential_or_none_at_all_where_none_is_needed_leads_to_a_permit(request in requests(), known in knowledge()) {
        let snapshot = ordinary();
        if let Ok(question) = request.with_head(|head| ask(&snapshot, &pepper(), head)) {
            let (wanted, auth) = (question.wanted(), question.route().auth);
            match question.answer(lookup(known), NOW) {
                Ok(permit) if permit.principal().is_some() => {
                    // `zz` belongs to the scheme that the record of the other scheme names.
                    let zz = wanted.is_some_and(|wanted| wanted.digest == pepper().digest(b"zz"));
                    prop_assert!(matches!(known, Known::Active) && !zz || matches!(known, Known::OtherScheme) && zz);
                }
                Ok(_) => prop_assert!(wanted.is_none() && auth != Auth::Required),
                Err(refused) => {
                    prop_assert!(wanted.is_some());
                    if matches!(known, Known::Unavailable | Known::NotAsked) {
                        prop_assert_eq!(refused.outcome, Outcome::StoreUnavailable);
                    } else {
                        prop_assert_eq!(refused.outcome.status(), 401);
                    }
                }
            }
        }
    }

    #[test]
    fn the_upstream_gets_each_identity_name_once_with_our_value_or_not_and_never_the_credential(request in requests()) {
        let snapshot = ordinary();
        let Became::Sent(sent) = decide_at(&snapshot, &request, lookup(Known::Active), NOW) else { return Ok(()) };
        let names = snapshot.apis.iter().flat_map(|api| &api.identity.headers);
        for (name, _) in names {
            for alias in [name.as_str().to_owned(), name.as_str().replace('-', "_")] {
                let values = sent.values(&alias);
                prop_assert!(values.len() <= 1 && !values.contains(&"forged"), "{}: {:?}", alias, values);
            }
        }
        prop_assert_eq!(sent.values("x-request-id"), ["req_ours"]);
        prop_assert_eq!(sent.values("x-forwarded-for").len(), 1);
        let whole = format!("{} {:?}", sent.target.replace("%5F", "_"), sent.fields.iter().map(|(name, value)| (name, String::from_utf8_lossy(value))).collect::<Vec<_>>());
        let open = sent.target.starts_with("/public") || sent.target.starts_with("/forward") || sent.host == "other.example";
        prop_assert!(open || !whole.contains(SECRET), "{}", whole);
        prop_assert!(open || sent.values("authorization").is_empty());
    }

    #[test]
    fn without_a_rewrite_the_path_that_is_sent_is_the_normalised_one_byte_for_byte(request in requests()) {
        let Became::Sent(sent) = decide_at(&ordinary(), &request, lookup(Known::Active), NOW) else { return Ok(()) };
        let path = |target: &str| target.split('?').next().unwrap().to_owned();
        prop_assert_eq!(path(&sent.target), normalise(&path(&request.target)).unwrap().into_owned());
    }

    #[test]
    fn nothing_that_can_be_shown_of_a_decision_holds_the_secret(request in requests(), known in knowledge()) {
        let snapshot = ordinary();
        let head = request.with_head(|head| format!("{head:?}"));
        let refused = |refused: Refused<'_>| {
            let answer = crate::dialect::render(&refused, "req_ours");
            format!("{refused:?} {answer:?} {}", refused.why)
        };
        let decision = match request.with_head(|head| ask(&snapshot, &pepper(), head)) {
            Err(error) => refused(error),
            Ok(question) => {
                let asked = format!("{question:?} {:?}", question.wanted());
                let answered = question.answer(lookup(known), NOW);
                format!("{asked} {}", answered.map_or_else(refused, |permit| format!("{permit:?}")))
            }
        };
        let shown = format!("{head} {decision}");
        prop_assert!(!shown.contains("topsecret"), "{}", shown);
    }
}
