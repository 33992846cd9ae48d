//! Contract 5: identity headers. What the upstream is told is ours, exactly once, or is not there at all.

use http::HeaderMap;
use serde_json::json;

use crate::support::h2c::h2_request;
use crate::support::{Gateway, H2, Upstream, one_api, one_api_with, request};

/// The default plan's names.
pub(crate) const NAMES: [&str; 9] = [
    "x-org-id",
    "x-subject-id",
    "x-credential-id",
    "x-credential-scheme",
    "x-resource-id",
    "x-level",
    "x-grants",
    "x-scopes",
    "x-request-id",
];

/// Every name of the default plan with the value `evil`, in each of the spellings.
fn claims(spellings: &[fn(&str) -> String]) -> Vec<(String, &'static str)> {
    let spell = |name| spellings.iter().map(move |spelling| (spelling(name), "evil"));
    NAMES.into_iter().flat_map(spell).collect()
}

fn borrowed<'a>(fields: &'a [(String, &'a str)]) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(name, value)| (name.as_str(), *value)).collect()
}

fn odd_case(name: &str) -> String {
    let odd = |(i, c): (usize, char)| if i % 2 == 0 { c.to_ascii_uppercase() } else { c };
    name.chars().enumerate().map(odd).collect()
}

#[test]
fn the_upstream_learns_who_asks() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let body = json!({
        "api": "app", "scheme": "key", "subject": "u_1", "org": "org_1", "lifetime": "never",
    });
    let (id, secret) = gateway.create(&body);
    let by_h1 = gateway.get("/a", &[("x-api-key", &secret)]);
    let by_h2 = H2::connect(gateway.address("public")).get("/a", &[("x-api-key", &secret)]);
    for response in [by_h1, by_h2] {
        let echo = response.echo();
        assert_eq!(echo.field("x-org-id").as_deref(), Some("org_1"));
        assert_eq!(echo.field("x-subject-id").as_deref(), Some("u_1"));
        assert_eq!(echo.field("x-credential-id"), Some(id.clone()));
        assert_eq!(echo.field("x-credential-scheme").as_deref(), Some("key"));
        assert_eq!(echo.field("x-grants").as_deref(), Some("*"));
        assert_eq!(echo.field("x-request-id"), Some(response.request_id()));
        assert_eq!(echo.field("x-level"), None, "no resource, no level");
        assert_eq!(echo.field("x-resource-id"), None);
    }
}

#[test]
fn what_a_client_claims_to_be_never_arrives_in_any_case_or_number() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let claims = claims(&[str::to_owned, str::to_ascii_uppercase, odd_case, str::to_owned]);
    let mut fields = borrowed(&claims);
    fields.insert(0, ("x-api-key", &secret));
    let echo = gateway.get("/", &fields).echo();
    for name in NAMES {
        let values = echo.all(name);
        assert!(values.len() <= 1 && !values.contains(&"evil".to_owned()), "{name}: {values:?}");
    }
    assert_eq!(echo.field("x-org-id").as_deref(), Some("org_1"));
}

#[test]
fn what_a_client_claims_over_http2_never_arrives() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let claims = claims(&[str::to_owned, str::to_owned]);
    let mut fields = borrowed(&claims);
    fields.push(("authorization", &secret));
    let bearer = format!("Bearer {secret}");
    fields.last_mut().unwrap().1 = &bearer;
    let echo = H2::connect(gateway.address("public")).get("/", &fields).echo();
    for name in NAMES {
        let values = echo.all(name);
        assert!(values.len() <= 1 && !values.contains(&"evil".to_owned()), "{name}: {values:?}");
    }
    assert_eq!(echo.field("x-subject-id").as_deref(), Some("u_1"));
}

#[test]
fn a_claim_is_removed_even_where_we_have_no_value_for_it() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let body = json!({ "api": "app", "scheme": "key", "subject": "u_1", "lifetime": "never" });
    let (_, secret) = gateway.create(&body);
    let echo = gateway.get("/", &[("x-api-key", &secret), ("x-org-id", "evil")]).echo();
    assert_eq!(echo.field("x-org-id"), None);
    assert_eq!(echo.field("x-subject-id").as_deref(), Some("u_1"));
}

#[test]
fn a_folded_claim_is_refused() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    for fold in ["x-org-id:\r\n evil", "x-org-id: a\r\n\tevil", "x-other: a\r\n x-org-id: evil"] {
        let mut client = gateway.connect();
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nx-api-key: {secret}\r\n{fold}\r\n\r\n"));
        assert_eq!(client.response().code(), "request_malformed", "{fold:?}");
        client.closed();
    }
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn a_claim_spelt_with_an_underscore_is_refused() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    for name in ["x_org_id", "X_Org-Id", "x-org_id"] {
        let response = gateway.get("/", &[("x-api-key", &secret), (name, "evil")]);
        assert_eq!((response.status, response.code().as_str()), (400, "request_malformed"));
    }
    let mut h2 = H2::connect(gateway.address("public"));
    let response = h2.get("/", &[("x-api-key", &secret), ("x_org_id", "evil")]);
    assert_eq!((response.status, response.code().as_str()), (400, "request_malformed"));
    assert_eq!(h2.get("/", &[("x-api-key", &secret)]).status, 200, "the connection lives");
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn naming_an_identity_header_in_connection_does_not_remove_ours() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let nominated = [("connection", "x-org-id, X-Subject-Id"), ("Connection", "x-request-id")];
    let mut fields = vec![("x-api-key", secret.as_str()), ("x-org-id", "evil"), ("x-hop", "h")];
    fields.extend(nominated);
    fields.push(("connection", "x-hop"));
    let echo = gateway.get("/", &fields).echo();
    assert_eq!(echo.field("x-org-id").as_deref(), Some("org_1"));
    assert_eq!(echo.field("x-subject-id").as_deref(), Some("u_1"));
    assert!(echo.field("x-request-id").is_some());
    assert_eq!(echo.field("x-hop"), None, "a nominated field of the client's own ends here");
}

#[test]
fn request_trailers_never_arrive() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    let fields =
        [("x-api-key", secret.as_str()), ("transfer-encoding", "chunked"), ("trailer", "x-org-id")];
    let body = "5\r\nhello\r\n0\r\nx-org-id: evil\r\nX-Subject-Id: evil\r\nx-other: t\r\n\r\n";
    let echo = gateway.send(request("POST", "/", &fields, body)).echo();
    assert_eq!((echo.body(), echo.field("x-org-id").as_deref()), ("hello", Some("org_1")));
    assert_eq!(echo.0["trailers"], json!([]));

    let mut trailers = HeaderMap::new();
    trailers.insert("x-org-id", "evil".parse().unwrap());
    let mut h2 = H2::connect(gateway.address("public"));
    let head = h2_request("POST", "/", &[("x-api-key", &secret)]);
    let echo = h2.request(head, "hello", Some(trailers)).unwrap().echo();
    assert_eq!((echo.body(), echo.field("x-org-id").as_deref()), ("hello", Some("org_1")));
    assert_eq!(echo.0["trailers"], json!([]));
}

#[test]
fn a_public_route_removes_claims_and_touches_nothing_else() {
    let upstream = Upstream::echo();
    let lines = "schemes: [{ name: key, prefix: ak_, from: [bearer, \"header:x-api-key\", \"cookie:sid\", \"query:k\"] }]\n\
                 routes: [{ path: /login, auth: none }, { path: /** }]";
    let yaml =
        one_api_with(&upstream, lines).replace("    schemes: [{ name: key, prefix: ak_ }]\n", "");
    let gateway = Gateway::start(yaml);
    let claims = claims(&[str::to_owned, odd_case]);
    let mut fields = borrowed(&claims);
    let own = [
        ("authorization", "Basic dTpw"),
        ("x-api-key", "ak_whatever"),
        ("cookie", "sid=ak_x; a=1"),
    ];
    fields.extend(own);
    let response = gateway.get("/login?k=ak_y&b=%2f", &fields);
    let echo = response.echo();
    for (name, value) in own {
        assert_eq!(echo.field(name).as_deref(), Some(value));
    }
    assert_eq!(echo.target(), "/login?k=ak_y&b=%2f");
    for name in NAMES.into_iter().filter(|&name| name != "x-request-id") {
        assert_eq!(echo.all(name), Vec::<String>::new(), "{name}");
    }
    assert_eq!(echo.field("x-request-id"), Some(response.request_id()));
}

#[test]
fn the_names_of_one_api_are_removed_on_every_route_of_every_other() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(two_apis(&upstream));
    let of = |api: &str, org: &str| {
        let body = json!({
            "api": api, "scheme": "key", "subject": "u_1", "org": org, "lifetime": "never",
        });
        gateway.create(&body).1
    };
    let (a, b) = (of("a", "org_a"), of("b", "org_b"));
    let evil = [("x-org-id", "evil"), ("x-organization-id", "evil"), ("x-user-id", "evil")];
    let ask = |host: &'static str, target: &str, secret: &str| {
        let mut fields = vec![("host", host), ("x-api-key", secret)];
        fields.extend(evil);
        gateway.get(target, &fields).echo()
    };
    let echo = ask("a.test", "/", &a);
    assert_eq!(echo.field("x-org-id").as_deref(), Some("org_a"));
    assert_eq!((echo.field("x-organization-id"), echo.field("x-user-id")), (None, None));
    let echo = ask("b.test", "/", &b);
    assert_eq!(echo.field("x-organization-id").as_deref(), Some("org_b"));
    assert_eq!((echo.field("x-org-id"), echo.field("x-user-id").as_deref()), (None, Some("u_1")));
    let echo = ask("b.test", "/open", "none");
    for (name, _) in evil {
        assert_eq!(echo.field(name), None, "{name}");
    }
}

/// `a.test` with the default plan, `b.test` with a plan of its own.
fn two_apis(upstream: &Upstream) -> String {
    format!(
        "upstreams: {{ app: [{}] }}
apis:
  - name: a
    hosts: [a.test]
    upstream: app
    schemes: [{{ name: key, prefix: ak_ }}]
  - name: b
    hosts: [b.test]
    upstream: app
    schemes: [{{ name: key, prefix: ak_ }}]
    identity: {{ headers: {{ x-organization-id: org, x-user-id: subject }} }}
    routes: [{{ path: /open, auth: none }}, {{ path: /** }}]
",
        upstream.address()
    )
}
