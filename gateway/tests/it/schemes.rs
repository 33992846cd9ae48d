//! Contract 3: which value is whose, and what several of them mean.

use serde_json::json;

use crate::support::{Gateway, Response, Upstream};

/// One api `app` with these schemes and further keys.
fn gateway_with(upstream: &Upstream, schemes: &str, lines: &str) -> Gateway {
    Gateway::start(format!(
        "upstreams: {{ app: [{}] }}\napis:\n  - name: app\n    upstream: app\n    schemes:\n{schemes}{lines}",
        upstream.address()
    ))
}

fn mint(gateway: &Gateway, scheme: &str, subject: &str) -> String {
    let body = json!({ "api": "app", "scheme": scheme, "subject": subject, "lifetime": "never" });
    gateway.create(&body).1
}

fn refused(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code));
}

fn scheme_of(response: &Response) -> String {
    response.echo().field("x-credential-scheme").unwrap()
}

const A_AND_B: &str = "      - { name: a, prefix: aa_, from: [bearer, \"header:x-a\"] }
      - { name: b, prefix: bb_, from: [bearer, \"header:x-b\"] }
";

#[test]
fn the_longest_matching_prefix_decides_and_the_rest_goes_to_the_first_catch_all() {
    let upstream = Upstream::echo();
    let schemes = "      - { name: any }\n      - { name: other-any }\n      - { name: short, prefix: ak_ }\n      \
                   - { name: long, prefix: ak_live_ }\n";
    let gateway = gateway_with(&upstream, schemes, "");
    for scheme in ["any", "short", "long"] {
        let secret = mint(&gateway, scheme, "u_1");
        assert_eq!(scheme_of(&gateway.get("/", &[("x-api-key", &secret)])), scheme);
    }
    let never_asked = mint(&gateway, "other-any", "u_1");
    refused(&gateway.get("/", &[("x-api-key", &never_asked)]), 401, "credential_invalid");
}

/// One in 62 secrets would begin with the longer prefix.
#[test]
fn a_minted_secret_is_always_one_of_its_own_scheme() {
    let upstream = Upstream::echo();
    let schemes = "      - { name: short, prefix: ak_ }\n      - { name: long, prefix: ak_A }\n";
    let gateway = gateway_with(&upstream, schemes, "");
    for _ in 0..250 {
        let secret = mint(&gateway, "short", "u_1");
        assert!(!secret.starts_with("ak_A"), "it would be taken for one of `long`");
    }
    let secret = mint(&gateway, "long", "u_1");
    assert_eq!(scheme_of(&gateway.get("/", &[("x-api-key", &secret)])), "long");
}

#[test]
fn a_scheme_takes_a_value_only_in_its_own_places() {
    let upstream = Upstream::echo();
    let gateway = gateway_with(&upstream, A_AND_B, "");
    let a = mint(&gateway, "a", "u_a");
    assert_eq!(scheme_of(&gateway.get("/", &[("x-a", &a)])), "a");
    refused(&gateway.get("/", &[("x-b", &a)]), 401, "credential_invalid");
}

#[test]
fn a_value_that_no_scheme_takes_is_unknown() {
    let upstream = Upstream::echo();
    let gateway = gateway_with(&upstream, A_AND_B, "");
    let response = gateway.get("/", &[("authorization", "Bearer zz_something")]);
    refused(&response, 401, "credential_invalid");
    assert_eq!(gateway.line(&response.request_id())["outcome"], "credential_unknown");
}

#[test]
fn equal_values_are_one_credential() {
    let upstream = Upstream::echo();
    let gateway = gateway_with(&upstream, A_AND_B, "");
    let a = mint(&gateway, "a", "u_a");
    let bearer = format!("Bearer {a}");
    let fields = [("authorization", bearer.as_str()), ("x-a", a.as_str()), ("X-A", a.as_str())];
    let echo = gateway.get("/", &fields).echo();
    assert_eq!(echo.field("x-subject-id").as_deref(), Some("u_a"));
    assert_eq!((echo.field("authorization"), echo.all("x-a")), (None, vec![]));
}

#[test]
fn different_credentials_in_different_places_are_refused_by_default() {
    let upstream = Upstream::echo();
    let gateway = gateway_with(&upstream, A_AND_B, "");
    let (a, b, a2) =
        (mint(&gateway, "a", "u_a"), mint(&gateway, "b", "u_b"), mint(&gateway, "a", "u_a2"));
    let bearer = format!("Bearer {a2}");
    for fields in [[("x-a", a.as_str()), ("x-b", &b)], [("x-a", &a), ("authorization", &bearer)]] {
        let response = gateway.get("/", &fields);
        refused(&response, 400, "credential_ambiguous");
        assert_eq!(response.field("www-authenticate"), None);
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn where_the_first_wins_it_is_by_the_order_of_schemes_then_of_places_among_those_accepted() {
    let upstream = Upstream::echo();
    let lines = "    ambiguous: first\n    routes: [{ path: /b, accept: [b] }, { path: /** }]\n";
    let gateway = gateway_with(&upstream, A_AND_B, lines);
    let (a, b, a2) =
        (mint(&gateway, "a", "u_a"), mint(&gateway, "b", "u_b"), mint(&gateway, "a", "u_a2"));
    let subject = |target: &str, fields: &[(&str, &str)]| {
        let echo = gateway.get(target, fields).echo();
        assert_eq!(
            (echo.field("x-a"), echo.field("x-b"), echo.field("authorization")),
            (None, None, None)
        );
        echo.field("x-subject-id").unwrap()
    };
    let (bearer_a2, bearer_b) = (format!("Bearer {a2}"), format!("Bearer {b}"));
    assert_eq!(subject("/", &[("x-b", &b), ("x-a", &a)]), "u_a");
    assert_eq!(
        subject("/", &[("x-a", &a), ("authorization", &bearer_a2)]),
        "u_a2",
        "bearer comes first"
    );
    assert_eq!(subject("/", &[("x-a", &a), ("authorization", &bearer_b)]), "u_a");
    assert_eq!(subject("/b", &[("x-b", &b), ("x-a", &a)]), "u_b", "the route accepts b alone");
}

#[test]
fn different_values_in_one_place_are_ambiguous_taken_or_not_even_where_the_first_wins() {
    let upstream = Upstream::echo();
    let schemes = "      - { name: a, prefix: aa_, from: [bearer, \"header:x-a\", \"cookie:sid\", \"query:k\"] }\n";
    let gateway = gateway_with(&upstream, schemes, "    ambiguous: first\n");
    let a = mint(&gateway, "a", "u_a");
    let (bearer, cookie, query) =
        (format!("Bearer {a}"), format!("sid={a}; sid=aa_2"), format!("/?k={a}&k=zz"));
    let other = "Bearer zz";
    let cases: [(&str, &[(&str, &str)]); 5] = [
        ("/", &[("x-a", &a), ("X-A", "aa_other")]),
        ("/", &[("x-a", &a), ("x-a", "taken-by-none")]),
        ("/", &[("authorization", &bearer), ("authorization", other)]),
        ("/", &[("cookie", &cookie)]),
        (&query, &[]),
    ];
    for (target, fields) in cases {
        refused(&gateway.get(target, fields), 400, "credential_ambiguous");
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_value_elsewhere_that_no_scheme_takes_is_ignored_and_emptied_where_a_credential_is_found() {
    let upstream = Upstream::echo();
    let gateway = gateway_with(&upstream, A_AND_B, "");
    let a = mint(&gateway, "a", "u_a");
    let echo = gateway.get("/", &[("x-a", &a), ("authorization", "Bearer eyJ.of.others")]).echo();
    assert_eq!(echo.field("x-subject-id").as_deref(), Some("u_a"));
    assert_eq!(echo.field("authorization"), None);
}

#[test]
fn a_route_takes_only_the_schemes_it_accepts() {
    let upstream = Upstream::echo();
    let lines = "    routes: [{ path: /b, accept: [b] }, { path: /** }]\n";
    let gateway = gateway_with(&upstream, A_AND_B, lines);
    let (a, b) = (mint(&gateway, "a", "u_a"), mint(&gateway, "b", "u_b"));
    refused(&gateway.get("/b", &[("x-a", &a)]), 401, "scheme_not_accepted");
    assert_eq!(scheme_of(&gateway.get("/b", &[("x-b", &b)])), "b");
    assert_eq!(scheme_of(&gateway.get("/", &[("x-a", &a)])), "a");
}

#[test]
fn a_wrong_checksum_is_refused_without_a_look_up() {
    let upstream = Upstream::echo();
    let schemes = "      - { name: checked, prefix: aa_ }\n      \
                   - { name: unchecked, prefix: bb_, issue: { checksum: false } }\n";
    let gateway = gateway_with(&upstream, schemes, "");
    let mistyped = |scheme: &str| {
        let mut secret = mint(&gateway, scheme, "u_1");
        let last = secret.pop().unwrap();
        secret.push(if last == 'x' { 'y' } else { 'x' });
        secret
    };
    let look_ups = || gateway.metrics().sum("credential_lookups_total", &[]);
    let before = look_ups();
    let response = gateway.get("/", &[("x-api-key", &mistyped("checked"))]);
    refused(&response, 401, "credential_invalid");
    assert_eq!(gateway.line(&response.request_id())["outcome"], "credential_unknown");
    assert!((look_ups() - before).abs() < 0.5, "asked for a mistyped one");
    refused(&gateway.get("/", &[("x-api-key", &mistyped("unchecked"))]), 401, "credential_invalid");
    gateway.line(&response.request_id());
    assert!(look_ups() - before > 0.5, "not asked where values may come from elsewhere");
}

#[test]
fn a_credential_is_good_in_its_api_alone_and_equal_secrets_are_different_things() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(format!(
        "upstreams: {{ app: [{}] }}\napis:\n  \
         - {{ name: one, hosts: [one.test], upstream: app, schemes: [{{ name: key, prefix: ak_ }}] }}\n  \
         - {{ name: two, hosts: [two.test], upstream: app, schemes: [{{ name: key, prefix: ak_ }}] }}\n",
        upstream.address()
    ));
    let body = |api: &str, subject: &str, secret: &str| json!({ "api": api, "scheme": "key", "subject": subject, "lifetime": "never", "secret": secret });
    gateway.create(&body("one", "u_one", "ak_same-secret"));
    let ask = |host: &str| gateway.get("/", &[("host", host), ("x-api-key", "ak_same-secret")]);
    refused(&ask("two.test"), 401, "credential_invalid");
    gateway.create(&body("two", "u_two", "ak_same-secret"));
    assert_eq!(ask("one.test").echo().field("x-subject-id").as_deref(), Some("u_one"));
    assert_eq!(ask("two.test").echo().field("x-subject-id").as_deref(), Some("u_two"));
}

#[test]
fn an_optional_route_is_anonymous_without_a_credential_and_strict_with_one() {
    let upstream = Upstream::echo();
    let lines = "    routes: [{ path: /**, auth: optional }]\n";
    let gateway = gateway_with(&upstream, A_AND_B, lines);
    let a = mint(&gateway, "a", "u_a");
    let echo =
        gateway.get("/", &[("x-subject-id", "evil"), ("authorization", "Basic dTpw")]).echo();
    assert_eq!((echo.field("x-subject-id"), echo.field("authorization")), (None, None));
    assert_eq!(
        gateway.get("/", &[("x-a", &a)]).echo().field("x-subject-id").as_deref(),
        Some("u_a")
    );
    refused(&gateway.get("/", &[("x-a", "aa_garbage")]), 401, "credential_invalid");
    refused(&gateway.get("/", &[("authorization", "Bearer ")]), 401, "credential_malformed");
    let id = gateway.get("/", &[("x-a", &a)]).request_id();
    assert_eq!(gateway.line(&id)["subject"], "u_a");
}
