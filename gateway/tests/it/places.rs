//! Contract 3: where a credential can sit, how it is read there, and that it leaves no trace towards the upstream.

use serde_json::json;

use crate::support::http1::Echo;
use crate::support::{Gateway, H2, Upstream};

const EVERYWHERE: &str = "[bearer, \"header:x-api-key\", \"cookie:sid\", \"query:k\"]";

/// One api with a scheme `key` (`ak_`) in these places; `lines` are further keys of the api.
fn gateway_from(upstream: &Upstream, from: &str, lines: &str) -> Gateway {
    Gateway::start(format!(
        "upstreams: {{ app: [{}] }}\napis:\n  - name: app\n    upstream: app\n    \
         schemes: [{{ name: key, prefix: ak_, from: {from} }}]\n{lines}",
        upstream.address()
    ))
}

fn refusal(gateway: &Gateway, target: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let response = gateway.get(target, fields);
    (response.status, response.code())
}

fn names_a_place(echo: &Echo) -> bool {
    echo.names()
        .iter()
        .any(|name| ["authorization", "x-api-key", "cookie"].contains(&name.as_str()))
        || echo.target().contains("k=")
}

#[test]
fn each_place_is_read_and_emptied() {
    let upstream = Upstream::echo();
    let gateway = gateway_from(&upstream, EVERYWHERE, "");
    let secret = gateway.mint("u_1", "org_1");
    let (bearer, cookie) = (format!("Bearer {secret}"), format!("sid={secret}"));
    let in_query = format!("/p?k={secret}");
    let mut h2 = H2::connect(gateway.address("public"));
    let cases: [(&str, &[(&str, &str)]); 4] = [
        ("/p", &[("authorization", &bearer)]),
        ("/p", &[("x-api-key", &secret)]),
        ("/p", &[("cookie", &cookie)]),
        (&in_query, &[]),
    ];
    for (target, fields) in cases {
        for response in [gateway.get(target, fields), h2.get(target, fields)] {
            let echo = response.echo();
            assert_eq!(echo.field("x-org-id").as_deref(), Some("org_1"));
            assert_eq!(echo.target(), "/p");
            assert!(!names_a_place(&echo), "{:?}", echo.0);
        }
    }
}

#[test]
fn a_cookie_is_taken_out_from_among_others() {
    let upstream = Upstream::echo();
    let gateway = gateway_from(&upstream, EVERYWHERE, "");
    let secret = gateway.mint("u_1", "org_1");
    for (sent, left) in [
        (format!("a=1; sid={secret}; b=\"2\""), "a=1; b=\"2\""),
        (format!("sid={secret}; a=1"), "a=1"),
        (format!("a=1; sid={secret}"), "a=1"),
        (format!("a=1;sid={secret};sidx=3; xsid=4"), "a=1; sidx=3; xsid=4"),
    ] {
        let echo = gateway.get("/", &[("Cookie", &sent)]).echo();
        assert_eq!(echo.field("x-org-id").as_deref(), Some("org_1"));
        let cookie = echo.field("cookie").unwrap();
        assert_eq!(cookie.replace("; ", ";"), left.replace("; ", ";"), "{sent}");
    }
}

#[test]
fn the_last_of_sixty_cookies_in_twelve_kibibytes_is_found() {
    let upstream = Upstream::echo();
    let gateway = gateway_from(&upstream, EVERYWHERE, "");
    let secret = gateway.mint("u_1", "org_1");
    let mut crumbs: Vec<_> = (0..59).map(|i| format!("login{i}={}", "x".repeat(190))).collect();
    crumbs.push(format!("sid={secret}"));
    let cookie = crumbs.join("; ");
    assert_eq!(
        gateway.get("/", &[("cookie", &cookie)]).echo().field("x-subject-id").as_deref(),
        Some("u_1")
    );
}

#[test]
fn crumbs_of_an_http2_cookie_are_one_and_the_credential_is_out() {
    let upstream = Upstream::echo();
    let gateway = gateway_from(&upstream, EVERYWHERE, "");
    let secret = gateway.mint("u_1", "org_1");
    let sid = format!("sid={secret}");
    let mut h2 = H2::connect(gateway.address("public"));
    let echo = h2.get("/", &[("cookie", "a=1"), ("cookie", &sid), ("cookie", "b=2")]).echo();
    assert_eq!(echo.field("cookie").as_deref(), Some("a=1; b=2"));
    let refused = h2.get("/", &[("cookie", &sid), ("cookie", "sid=ak_other")]);
    assert_eq!((refused.status, refused.code().as_str()), (400, "credential_ambiguous"));
}

#[test]
fn a_query_parameter_is_taken_out_and_the_rest_goes_through_byte_for_byte() {
    let upstream = Upstream::echo();
    let gateway = gateway_from(&upstream, EVERYWHERE, "");
    let secret = gateway.mint("u_1", "org_1");
    for (sent, left) in [
        (format!("/p?a=%2f&&k={secret}&b=%zz&c[]=|"), "/p?a=%2f&&b=%zz&c[]=|"),
        (format!("/p?k={secret}&a=1"), "/p?a=1"),
        (format!("/p?a=1&k={secret}"), "/p?a=1"),
        (format!("/p?kk=1&k={secret}&K=2"), "/p?kk=1&K=2"),
    ] {
        let echo = gateway.get(&sent, &[]).echo();
        assert_eq!(echo.target(), left);
        assert_eq!(echo.field("x-org-id").as_deref(), Some("org_1"));
    }
}

#[test]
fn a_percent_encoded_key_in_the_query_is_the_key() {
    let upstream = Upstream::echo();
    let gateway = gateway_from(&upstream, EVERYWHERE, "");
    let secret = gateway.mint("u_1", "org_1");
    let encoded = secret.replace('_', "%5F");
    assert_eq!(gateway.get(&format!("/p?k={encoded}"), &[]).echo().target(), "/p");
    gateway.create(&json!({
        "api": "app", "scheme": "key", "subject": "u_2", "lifetime": "never",
        "secret": "ak_own+secret/and=more&",
    }));
    let echo = gateway.get("/p?k=ak_own%2Bsecret%2fand%3Dmore%26&a=1", &[]).echo();
    assert_eq!((echo.target(), echo.field("x-subject-id").as_deref()), ("/p?a=1", Some("u_2")));
}

#[test]
fn bearer_is_read_in_any_case_and_with_any_spaces() {
    let upstream = Upstream::echo();
    let gateway = gateway_from(&upstream, EVERYWHERE, "");
    let secret = gateway.mint("u_1", "org_1");
    for word in ["Bearer ", "bearer ", "BEARER ", "Bearer  "] {
        let echo = gateway.get("/", &[("authorization", &format!("{word}{secret}"))]).echo();
        assert_eq!(echo.field("x-org-id").as_deref(), Some("org_1"), "{word:?}");
    }
}

#[test]
fn bearer_without_exactly_one_token_is_malformed() {
    let upstream = Upstream::echo();
    let gateway = gateway_from(&upstream, EVERYWHERE, "");
    let secret = gateway.mint("u_1", "org_1");
    for value in ["Bearer".to_owned(), "bearer  ".to_owned(), format!("Bearer {secret} {secret}")] {
        let refused = refusal(&gateway, "/", &[("authorization", &value)]);
        assert_eq!(refused, (401, "credential_malformed".to_owned()), "{value}");
    }
}

#[test]
fn a_value_over_8_kib_or_outside_visible_ascii_is_malformed() {
    let upstream = Upstream::echo();
    let gateway = gateway_from(&upstream, EVERYWHERE, "");
    let secret = gateway.mint("u_1", "org_1");
    let malformed = (401, "credential_malformed".to_owned());
    let long = format!("ak_{}", "a".repeat(8 * 1024));
    assert_eq!(refusal(&gateway, "/", &[("x-api-key", &long)]), malformed);
    let fits = format!("ak_{}", "a".repeat(8 * 1024 - 3));
    assert_eq!(
        refusal(&gateway, "/", &[("x-api-key", &fits)]),
        (401, "credential_invalid".to_owned())
    );
    assert_eq!(refusal(&gateway, "/", &[("x-api-key", "ak_schlüssel")]), malformed);
    assert_eq!(refusal(&gateway, "/", &[("x-api-key", &format!("Bearer {secret}"))]), malformed);
}

#[test]
fn an_empty_value_or_another_kind_of_authorization_is_no_value() {
    let upstream = Upstream::echo();
    let gateway = gateway_from(&upstream, EVERYWHERE, "");
    let secret = gateway.mint("u_1", "org_1");
    let missing = (401, "credential_missing".to_owned());
    let cases: [(&str, &[(&str, &str)]); 8] = [
        ("/", &[]),
        ("/", &[("x-api-key", "")]),
        ("/", &[("authorization", "")]),
        ("/", &[("authorization", "Basic dTpw")]),
        ("/", &[("authorization", &secret)]),
        ("/", &[("cookie", "sid=")]),
        ("/?k=", &[]),
        ("/?k", &[]),
    ];
    for (target, fields) in cases {
        assert_eq!(refusal(&gateway, target, fields), missing, "{target} {fields:?}");
    }
}

#[test]
fn another_kind_of_authorization_is_emptied_too_where_the_route_authenticates() {
    let upstream = Upstream::echo();
    let gateway = gateway_from(&upstream, EVERYWHERE, "");
    let secret = gateway.mint("u_1", "org_1");
    let fields = [("x-api-key", secret.as_str()), ("authorization", "Basic dTpw")];
    assert_eq!(gateway.get("/", &fields).echo().field("authorization"), None);
}

#[test]
fn a_place_that_no_scheme_names_is_not_read_and_not_emptied() {
    let upstream = Upstream::echo();
    let gateway = gateway_from(&upstream, "[\"header:x-api-key\"]", "");
    gateway.forwards_credentials();
    let secret = gateway.mint("u_1", "org_1");
    let bearer = format!("Bearer {secret}");
    assert_eq!(
        refusal(&gateway, "/", &[("authorization", &bearer)]),
        (401, "credential_missing".to_owned())
    );
    let echo = gateway.get("/", &[("x-api-key", &secret), ("authorization", &bearer)]).echo();
    assert_eq!(echo.field("authorization"), Some(bearer));
}

#[test]
fn forward_credential_keeps_the_accepted_place_alone() {
    let upstream = Upstream::echo();
    let lines = "    routes: [{ path: /kept, forward_credential: true }, { path: /** }]\n";
    let gateway = gateway_from(&upstream, EVERYWHERE, lines);
    gateway.forwards_credentials();
    let secret = gateway.mint("u_1", "org_1");
    let bearer = format!("Bearer {secret}");
    let fields =
        [("authorization", bearer.as_str()), ("x-api-key", secret.as_str()), ("cookie", "sid=")];
    let echo = gateway.get("/kept", &fields).echo();
    assert_eq!(
        (echo.field("authorization"), echo.field("x-api-key")),
        (Some(bearer.clone()), None)
    );
    let echo =
        gateway.get("/kept", &[("x-api-key", &secret), ("authorization", "Basic dTpw")]).echo();
    assert_eq!(
        (echo.field("authorization"), echo.field("x-api-key")),
        (None, Some(secret.clone()))
    );
    assert!(!names_a_place(&gateway.get("/other", &fields).echo()));
}

#[test]
fn naming_the_credentials_field_in_connection_hides_it_from_nobody() {
    let upstream = Upstream::echo();
    let gateway = gateway_from(&upstream, EVERYWHERE, "");
    let secret = gateway.mint("u_1", "org_1");
    let echo = gateway.get("/", &[("connection", "x-api-key"), ("x-api-key", &secret)]).echo();
    assert_eq!(echo.field("x-org-id").as_deref(), Some("org_1"));
    assert!(!names_a_place(&echo));
}
