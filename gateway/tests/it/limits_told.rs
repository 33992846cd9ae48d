//! Contract 7: what limits tell: in the fields of answers, to `explain`, in metrics.

use serde_json::json;

use crate::limits::{get, limited, refused, stands, statuses};
use crate::support::{Gateway, H2, Upstream, one_api_with};

#[test]
fn a_hidden_rule_counts_and_is_not_shown() {
    let upstream = Upstream::echo();
    let gateway = limited(
        &upstream,
        "seen: { max: 5, window: 1h }, hidden: { per: ip, max: 1, window: 1h, announce: false }",
        "",
    );
    let key = gateway.mint("u_1", "org_1");
    assert_eq!(get(&gateway, "/", &key).status, 200);
    let over = get(&gateway, "/", &key);
    refused(&over, "rate_exceeded");
    assert_eq!(over.all("ratelimit-policy"), [r#""seen";q=5;w=3600"#]);
    assert_eq!(stands(&over), [r#""seen";r=4"#]);
    assert!(over.field("retry-after").is_some());
}

#[test]
fn the_old_triple_is_sent_where_it_is_asked_for_and_says_the_same_as_the_new_fields() {
    let upstream = Upstream::echo();
    let gateway = limited(
        &upstream,
        "wide: { max: 100, window: 1h }, tight: { max: 2, window: 2h }",
        "legacy_ratelimit_headers: true",
    );
    let key = gateway.mint("u_1", "org_1");
    for (remaining, status) in [("1", 200), ("0", 200), ("0", 429)] {
        let response = get(&gateway, "/", &key);
        assert_eq!(response.status, status);
        assert_eq!(response.all("x-ratelimit-limit"), ["2"]);
        assert_eq!(response.all("x-ratelimit-remaining"), [remaining]);
        let reset = response.field("x-ratelimit-reset").unwrap();
        assert!(
            response
                .field("ratelimit")
                .unwrap()
                .contains(&format!(r#""tight";r={remaining};t={reset}"#))
        );
        if status == 429 {
            assert_eq!(response.field("retry-after"), Some(reset));
        }
    }
}

#[test]
fn the_fields_are_appended_to_an_upstreams_own_and_are_on_its_faults_and_on_later_refusals() {
    let upstream = Upstream::answering(
        "HTTP/1.1 404 Not Found\r\nRateLimit-Policy: \"theirs\";q=1\r\nRateLimit: \"theirs\";r=0\r\nContent-Length: 0\r\n\r\n",
    );
    let keys = "limits: { a: { per: ip, max: 9, window: 1h } }\n\
                routes: [{ path: /up, auth: none }, { path: /gone, auth: none, upstream: gone }, { path: /admin, subject_admin: true }, { path: /key }]";
    let text = one_api_with(&upstream, keys);
    let gateway =
        Gateway::start(text.replace("upstreams: { app:", "upstreams: { gone: [127.0.0.1:1], app:"));
    let key = gateway.mint("u_1", "org_1");
    let up = gateway.get("/up", &[]);
    assert_eq!(up.status, 404);
    assert_eq!(up.all("ratelimit-policy"), [r#""theirs";q=1"#, r#""a";q=9;w=3600"#]);
    assert_eq!(up.all("ratelimit").len(), 2);
    assert_eq!(stands(&up), [r#""theirs";r=0"#, r#""a";r=8"#]);
    let gone = gateway.get("/gone", &[]);
    assert_eq!((gone.status, stands(&gone)), (503, vec![r#""a";r=7"#.to_owned()]));
    let forbidden = get(&gateway, "/admin", &key);
    assert_eq!((forbidden.status, stands(&forbidden)), (403, vec![r#""a";r=6"#.to_owned()]));
    // Before the stage limit nothing is counted, and nothing said.
    let unauthenticated = gateway.get("/key", &[]);
    assert_eq!(unauthenticated.status, 401);
    assert_eq!(unauthenticated.all("ratelimit"), Vec::<&str>::new());
    let mut h2 = H2::connect(gateway.address("public"));
    assert_eq!(stands(&h2.get("/up", &[])), [r#""theirs";r=0"#, r#""a";r=5"#]);
}

#[test]
fn to_explain_a_request_spends_nothing_of_any_limit() {
    let upstream = Upstream::echo();
    let limits =
        "a: { max: 2, window: 1h }, guesses: { per: ip, max: 1, window: 1h, when: refused }";
    let gateway = limited(&upstream, limits, "");
    let key = gateway.mint("u_1", "org_1");
    let explain = |key: &str| {
        let body =
            json!({ "method": "GET", "url": "http://app.test/", "headers": { "x-api-key": key } });
        let (status, explained) = gateway.admin("POST", "/v1/explain", &body);
        assert_eq!(status, 200, "{explained}");
        explained["outcome"].as_str().unwrap().to_owned()
    };
    for _ in 0..5 {
        assert_eq!(explain(&key), "forwarded");
        assert_eq!(explain("ak_guess"), "credential_unknown");
    }
    assert_eq!(stands(&get(&gateway, "/", &key)), [r#""a";r=1"#]);
    assert_eq!(stands(&get(&gateway, "/", &key)), [r#""a";r=0"#]);
    assert_eq!(explain(&key), "rate_exceeded");
    assert_eq!(get(&gateway, "/", "ak_guess").status, 401);
    assert_eq!(explain("ak_another"), "failures_exceeded");
    assert_eq!(explain(&key), "rate_exceeded");
}

#[test]
fn decisions_and_keys_are_counted() {
    let upstream = Upstream::echo();
    let gateway =
        limited(&upstream, "a: { max: 1, window: 1h }, b: { per: ip, max: 9, window: 1s }", "");
    let keys = [gateway.mint("u_1", "org_1"), gateway.mint("u_2", "org_1")];
    for key in &keys {
        let answers: [u16; 3] = statuses(|| get(&gateway, "/", key));
        assert_eq!(answers, [200, 429, 429]);
    }
    let metrics = gateway.metrics();
    let decided = |(limit, decision)| {
        let labels = [("api", "app"), ("limit", limit), ("decision", decision)];
        metrics.sum("limit_decisions_total", &labels) as i64
    };
    let all = [("a", "admitted"), ("a", "refused"), ("b", "admitted"), ("b", "refused")];
    assert_eq!(all.map(decided), [2, 4, 2, 0]);
    assert_eq!(metrics.sum("limit_keys", &[("api", "app"), ("limit", "a")]) as i64, 2);
}
