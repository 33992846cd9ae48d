//! What is true of every call.

use std::convert::Infallible;

use axum::body::Bytes;
use futures_util::stream::{self, StreamExt as _};

use super::*;

/// A body of unknown length.
fn in_pieces(body: &[u8]) -> Body {
    let pieces: Vec<_> =
        body.chunks(1000).map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece))).collect();
    Body::from_stream(stream::iter(pieces))
}

/// A body that begins and goes no further.
fn unending() -> Body {
    let begin = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{"))]);
    Body::from_stream(begin.chain(stream::pending()))
}

const WRONG: [Option<&str>; 9] = [
    None,
    Some(""),
    Some("Bearer"),
    Some("Bearer "),
    Some("Bearer admin-toke"),
    Some("Bearer admin-tokenx"),
    Some("Bearer ADMIN-TOKEN"),
    Some("Basic admin-token"),
    Some("admin-token"),
];

#[tokio::test]
async fn without_the_token_every_request_is_401_whatever_it_asks() {
    let house = House::new();
    let asked = [
        (Method::GET, "/v1/credentials"),
        (Method::POST, "/v1/credentials"),
        (Method::GET, "/v1/credentials/crd_1"),
        (Method::PUT, "/v1/credentials"),
        (Method::GET, "/nowhere"),
        (Method::OPTIONS, "/v1/credentials"),
    ];
    for (method, path) in asked {
        for authorization in WRONG {
            let mut request = Request::builder().method(method.clone()).uri(path);
            if let Some(authorization) = authorization {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            // A body that never ends must not be waited for.
            let answer = house.send(request.body(unending()).unwrap()).await;
            assert_eq!(answer.status, 401, "{method} {path} {authorization:?}");
            assert_eq!(answer.code(), "unauthorized");
            assert!(
                answer.headers[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer")
            );
            assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        }
    }
}

#[tokio::test]
async fn the_word_bearer_is_of_any_case_and_two_tokens_are_none() {
    let house = House::new();
    for authorization in ["bearer admin-token", "BEARER   admin-token"] {
        let request =
            Request::builder().uri("/v1/credentials").header(header::AUTHORIZATION, authorization);
        assert_eq!(house.send(request.body(Body::empty()).unwrap()).await.status, 200);
    }
    let twice =
        request(Method::GET, "/v1/credentials").header(header::AUTHORIZATION, "Bearer admin-token");
    assert_eq!(house.send(twice.body(Body::empty()).unwrap()).await.status, 401);
}

#[tokio::test]
async fn no_answer_is_for_a_cache() {
    let house = House::new();
    let id = house.created(json!({})).await;
    for path in ["/v1/credentials", &format!("/v1/credentials/{id}"), "/nowhere"] {
        assert_eq!(house.get(path).await.headers[header::CACHE_CONTROL], "no-store", "{path}");
    }
    let anonymous = Request::builder().uri("/").body(Body::empty()).unwrap();
    assert_eq!(house.send(anonymous).await.headers[header::CACHE_CONTROL], "no-store");
}

#[tokio::test]
async fn an_unknown_path_is_a_problem_of_404() {
    let house = House::new();
    for path in [
        "/",
        "/v1",
        "/v1/credentials/",
        "/v1/credentials/crd_1/revive",
        "/v1/subjects/",
        "/v1/subjects/user_1/members",
        "/openapi.yaml",
    ] {
        let answer = house.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "not_found"), "{path}");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        let problem = answer.body.as_object().unwrap();
        assert_eq!(problem["title"], "Not Found");
        assert!(
            ["type", "title", "status", "code", "detail"]
                .iter()
                .all(|field| problem.contains_key(*field))
        );
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_know_is_405_with_those_it_knows() {
    let house = House::new();
    let cases = [
        (Method::PUT, "/v1/credentials", "GET,HEAD,POST"),
        (Method::PUT, "/v1/credentials/crd_1", "GET,HEAD,PATCH,DELETE"),
        (Method::PATCH, "/v1/credentials/crd_1/grants/b", "PUT,DELETE"),
        (Method::POST, "/v1/subjects/user_1", "GET,HEAD,PUT,PATCH,DELETE"),
        (Method::DELETE, "/v1/events", "GET,HEAD"),
        (Method::GET, "/v1/credentials/crd_1/revoke", "POST"),
    ];
    for (method, path, allow) in cases {
        let answer = house.call(method, path, None).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (405, "method_not_allowed"), "{path}");
        assert_eq!(answer.headers[header::ALLOW], allow);
    }
}

#[tokio::test]
async fn head_answers_as_get_without_the_body() {
    let house = House::new();
    let id = house.created(json!({})).await;
    for path in ["/v1/credentials".to_owned(), format!("/v1/credentials/{id}")] {
        let answer = house.call(Method::HEAD, &path, None).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, Value::Null), "{path}");
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_415() {
    let house = House::new();
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonx"),
    ] {
        let mut request = request(Method::POST, "/v1/credentials");
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let answer = house.send(request.body(order(json!({})).to_string().into()).unwrap()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (415, "media_type_unsupported"),
            "{kind:?}"
        );
    }
    let kind = "Application/JSON; charset=utf-8";
    let request = request(Method::POST, "/v1/credentials").header(header::CONTENT_TYPE, kind);
    assert_eq!(
        house.send(request.body(order(json!({})).to_string().into()).unwrap()).await.status,
        201
    );
}

#[tokio::test]
async fn a_body_of_more_than_256_kib_is_413_declared_or_not() {
    let house = House::new();
    let long = json!({ "name": "x".repeat(256 * 1024) }).to_string();
    for body in [Body::from(long.clone()), in_pieces(long.as_bytes())] {
        let request = request(Method::POST, "/v1/credentials")
            .header(header::CONTENT_TYPE, "application/json");
        let answer = house.send(request.body(body).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (413, "body_too_large"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_to_its_end_is_408() {
    let house = House::new();
    let request =
        request(Method::POST, "/v1/credentials").header(header::CONTENT_TYPE, "application/json");
    let answer = house.send(request.body(unending()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (408, "request_timeout"));
}

#[tokio::test]
async fn a_body_that_is_not_json_is_400_with_its_place() {
    let house = House::new();
    for body in ["", "{", "{\"api\": \"app\",}", "[]", "\"x\"", "\u{feff}{}"] {
        let request = request(Method::POST, "/v1/credentials")
            .header(header::CONTENT_TYPE, "application/json");
        let answer = house.send(request.body(body.into()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "body_malformed"), "{body}");
    }
}
