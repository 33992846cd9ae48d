use super::*;
use crate::test_support::Request;

fn cors() -> Cors {
    Cors {
        origins: Some(vec!["https://a.example".to_owned(), "http://localhost:3000".to_owned()]),
        credentials: true,
        methods: None,
        headers: None,
        expose: HeaderValue::from_static("x-total"),
        max_age: Some(HeaderValue::from_static("600")),
    }
}

fn any() -> Cors {
    Cors { origins: None, credentials: false, ..cors() }
}

fn of(fields: &Fields, name: &str) -> Vec<String> {
    let of_name = fields.iter().filter(|(known, _)| known == name);
    of_name.map(|(_, value)| value.to_str().unwrap().to_owned()).collect()
}

fn preflight(cors: &Cors, request: &Request) -> Option<Fields> {
    let answer = request.with_head(|head| cors.preflight(head))?;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
    Some(answer.headers)
}

fn asking(origin: &str, method: &str) -> Request {
    let request = Request { method: "OPTIONS".to_owned(), ..Request::get("/") };
    request.field("Origin", origin).field("Access-Control-Request-Method", method)
}

#[test]
fn a_preflight_is_told_what_its_origin_may() {
    let asked =
        asking("https://a.example", "PUT").field("access-control-request-headers", "x-a,x-b");
    let fields = preflight(&cors(), &asked).unwrap();
    for (name, value) in [
        ("access-control-allow-origin", "https://a.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", "x-a,x-b"),
        ("access-control-max-age", "600"),
        ("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
    ] {
        assert_eq!(of(&fields, name), [value], "{name}");
    }
    let narrow = Cors {
        methods: Some(HeaderValue::from_static("GET")),
        headers: Some(HeaderValue::from_static("x-c")),
        max_age: None,
        credentials: false,
        ..cors()
    };
    let fields = preflight(&narrow, &asked).unwrap();
    assert_eq!(of(&fields, "access-control-allow-methods"), ["GET"]);
    assert_eq!(of(&fields, "access-control-allow-headers"), ["x-c"]);
    assert_eq!(of(&fields, "access-control-max-age"), [""; 0]);
    assert_eq!(of(&fields, "access-control-allow-credentials"), [""; 0]);
}

#[test]
fn only_options_with_an_origin_and_a_method_to_ask_for_is_a_preflight() {
    let asked = asking("https://a.example", "PUT");
    let get = Request { method: "GET".to_owned(), ..asked.clone() };
    assert!(preflight(&cors(), &get).is_none());
    let options = Request { method: "OPTIONS".to_owned(), ..Request::get("/") };
    assert!(preflight(&cors(), &options).is_none());
    assert!(preflight(&cors(), &options.clone().field("origin", "https://a.example")).is_none());
    let method = options.field("access-control-request-method", "PUT");
    assert!(preflight(&cors(), &method).is_none());
}

#[test]
fn an_origin_that_may_not_is_allowed_nothing() {
    for origin in [
        "https://b.example",
        "http://a.example",
        "https://a.example:444",
        "https://a.example.evil.example",
        "https://A.example",
        "null",
        "*",
        "",
    ] {
        let fields = preflight(&cors(), &asking(origin, "GET")).unwrap();
        assert!(fields.iter().all(|(name, _)| name == VARY), "{origin}: {fields:?}");
        let request = Request::get("/").field("origin", origin);
        let fields = request.with_head(|head| cors().fields(head));
        assert!(fields.iter().all(|(name, _)| name == VARY), "{origin}: {fields:?}");
    }
    let twice = asking("https://a.example", "GET").field("origin", "https://b.example");
    let fields = preflight(&cors(), &twice).unwrap();
    assert_eq!(of(&fields, "access-control-allow-origin"), [""; 0]);
}

#[test]
fn any_origin_is_a_star_and_never_an_echo() {
    let fields = preflight(&any(), &asking("https://b.example", "GET")).unwrap();
    assert_eq!(of(&fields, "access-control-allow-origin"), ["*"]);
    assert_eq!(of(&fields, "access-control-allow-credentials"), [""; 0]);
    for request in [Request::get("/"), Request::get("/").field("origin", "https://b.example")] {
        let fields = request.with_head(|head| any().fields(head));
        assert_eq!(of(&fields, "access-control-allow-origin"), ["*"]);
        assert_eq!(of(&fields, "vary"), [""; 0]);
    }
}

#[test]
fn an_answer_varies_by_origin_even_where_it_has_none() {
    let with = |request: Request| request.with_head(|head| cors().fields(head));
    assert_eq!(of(&with(Request::get("/")), "vary"), ["Origin"]);
    let fields = with(Request::get("/").field("Origin", "http://localhost:3000"));
    for (name, value) in [
        ("access-control-allow-origin", "http://localhost:3000"),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "x-total"),
        ("vary", "Origin"),
    ] {
        assert_eq!(of(&fields, name), [value], "{name}");
    }
}

#[test]
fn what_is_echoed_is_a_list_of_tokens_or_nothing() {
    for bad in ["GET\u{7f}", "a\"b", "(x)", "x:y", ""] {
        let asked = asking("https://a.example", bad).field("access-control-request-headers", bad);
        let fields = preflight(&cors(), &asked).unwrap();
        assert_eq!(of(&fields, "access-control-allow-methods"), [""; 0], "{bad}");
        assert_eq!(of(&fields, "access-control-allow-headers"), [""; 0], "{bad}");
    }
}

#[test]
fn an_upstreams_fields_of_this_family_are_known_in_any_case() {
    for name in ["access-control-allow-origin", "Access-Control-Expose-Headers", "ACCESS-CONTROL-X"]
    {
        assert!(is_ours(name.as_bytes()), "{name}");
    }
    for name in ["access-control", "x-access-control-allow-origin", "vary", ""] {
        assert!(!is_ours(name.as_bytes()), "{name}");
    }
}
