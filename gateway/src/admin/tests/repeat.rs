//! `Idempotency-Key`.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::*;
use crate::store::hooked::{Hook, Hooked};
use crate::store::{Store, Unavailable};

async fn send(house: &House, path: &str, key: &str, body: Value) -> crate::admin::house::Answer {
    let request = request(Method::POST, path)
        .header("idempotency-key", key)
        .header(header::CONTENT_TYPE, "application/json");
    house.send(request.body(body.to_string().into()).unwrap()).await
}

async fn count(house: &House) -> usize {
    house.get("/v1/credentials").await.body["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_repeated_create_answers_as_before_without_the_secret_and_makes_nothing() {
    let house = House::new();
    let first = send(&house, "/v1/credentials", "k-1", order(json!({ "name": "ci" }))).await;
    assert_eq!((first.status.as_u16(), first.body.get("replayed")), (201, None));
    let again = send(&house, "/v1/credentials", "k-1", order(json!({ "name": "ci" }))).await;
    assert_eq!(again.status, 201);
    assert_eq!(again.body["credential"], first.body["credential"]);
    assert_eq!((&again.body["secret"], &again.body["replayed"]), (&Value::Null, &json!(true)));
    for name in [header::LOCATION, header::ETAG] {
        assert!(first.headers.contains_key(&name), "{name}");
        assert_eq!(first.headers.get(&name), again.headers.get(&name), "{name}");
    }
    assert_eq!(count(&house).await, 1);
    let other = send(&house, "/v1/credentials", "k-2", order(json!({ "name": "ci" }))).await;
    assert_ne!(other.body["credential"]["id"], first.body["credential"]["id"]);
    let import = json!({ "secret": "ak_of-another-system" });
    let first = send(&house, "/v1/credentials", "k-3", order(import.clone())).await;
    let again = send(&house, "/v1/credentials", "k-3", order(import)).await;
    assert_eq!(
        (again.status.as_u16(), &again.body["credential"]),
        (201, &first.body["credential"])
    );
}

#[tokio::test]
async fn a_key_that_comes_with_another_request_is_422() {
    let house = House::new();
    send(&house, "/v1/credentials", "k", order(json!({}))).await;
    for (path, body) in [
        ("/v1/credentials", order(json!({ "name": "x" }))),
        ("/v1/credentials?wait=all", order(json!({}))),
        ("/v1/revocations", order(json!({}))),
    ] {
        let answer = send(&house, path, "k", body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (422, "idempotency_key_reused"),
            "{path}"
        );
    }
    assert_eq!(count(&house).await, 1);
}

#[tokio::test]
async fn what_was_refused_is_judged_anew() {
    let house = House::new();
    let refused = send(&house, "/v1/credentials", "k", order(json!({ "name": "" }))).await;
    assert_eq!(refused.refused(), ["name"]);
    assert_eq!(send(&house, "/v1/credentials", "k", order(json!({}))).await.status, 201);
}

#[tokio::test]
async fn rotations_and_revelations_are_repeated_without_their_secret() {
    let house = House::new();
    let id = house.created(json!({ "scheme": "shown" })).await;
    let path = format!("/v1/credentials/{id}");
    for (action, body, secret) in [
        ("rotate", json!({ "overlap": "1h" }), true),
        ("reveal", json!({}), true),
        ("revoke", json!({}), false),
    ] {
        let path = format!("{path}/{action}");
        let first = send(&house, &path, action, body.clone()).await;
        let again = send(&house, &path, action, body).await;
        assert_eq!((first.status, again.body["replayed"].clone()), (again.status, json!(true)));
        for name in [header::LOCATION, header::ETAG] {
            assert_eq!(first.headers.get(&name), again.headers.get(&name), "{action}: {name}");
            assert_eq!(first.headers.contains_key(&name), action == "rotate", "{action}: {name}");
        }
        assert_eq!(first.body["secret"].is_string(), secret, "{action}: {}", first.body);
        assert_eq!(again.body["secret"], Value::Null, "{action}");
    }
    assert_eq!(count(&house).await, 2);
}

#[tokio::test]
async fn a_key_has_one_form() {
    let house = House::new();
    for key in ["", " ", "a b", "é", &"x".repeat(256)] {
        let answer = send(&house, "/v1/credentials", key, order(json!({}))).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "header_malformed"), "{key}");
    }
    let twice = request(Method::POST, "/v1/credentials")
        .header("idempotency-key", "a")
        .header("idempotency-key", "a")
        .header(header::CONTENT_TYPE, "application/json");
    let answer = house.send(twice.body(order(json!({})).to_string().into()).unwrap()).await;
    assert_eq!(answer.status, 400);
    assert_eq!(count(&house).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_equal_creates_at_the_same_time_one_makes_and_the_others_hear_of_it() {
    let house = Arc::new(House::new());
    let creates: Vec<_> = (0..50)
        .map(|_| {
            let house = Arc::clone(&house);
            tokio::spawn(
                async move { send(&house, "/v1/credentials", "k", order(json!({}))).await },
            )
        })
        .collect();
    let mut secrets = 0;
    for create in creates {
        let answer = create.await.unwrap();
        match answer.status.as_u16() {
            201 => secrets += usize::from(answer.body["secret"].is_string()),
            409 => assert_eq!(answer.code(), "still_running"),
            _ => panic!("{}", answer.body),
        }
    }
    assert_eq!((secrets, count(&house).await), (1, 1));
}

/// A store whose creates wait to be let through.
#[derive(Default)]
struct Held {
    begun: Notify,
    gate: Notify,
    finished: Notify,
}

#[async_trait]
impl Hook for Held {
    async fn before(&self, call: &'static str) -> Result<(), Unavailable> {
        if call == "create" {
            self.begun.notify_one();
            self.gate.notified().await;
        }
        Ok(())
    }

    async fn after(&self, call: &'static str) {
        if call == "finish" {
            self.finished.notify_one();
        }
    }
}

#[tokio::test]
async fn a_create_that_takes_too_long_is_still_running_and_then_answered_with_what_became_of_it() {
    let whole = House::new();
    let held = Arc::new(Hooked { store: Arc::clone(&whole.store), hook: Held::default() });
    let house = House::over(Arc::clone(&held) as Arc<dyn Store>);
    let create = || send(&house, "/v1/credentials", "k", order(json!({})));
    let mut slow = pin!(create());
    tokio::select! {
        _ = &mut slow => panic!("it was let through"),
        () = held.begun.notified() => {}
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    let slow = slow.await;
    assert_eq!((slow.status.as_u16(), slow.code()), (503, "store_unavailable"));
    let running = create().await;
    assert_eq!((running.status.as_u16(), running.code()), (409, "still_running"));
    held.gate.notify_one();
    held.finished.notified().await;
    let answer = create().await;
    assert_eq!((answer.status.as_u16(), &answer.body["replayed"]), (201, &json!(true)));
    assert_eq!(count(&house).await, 1);
}

#[tokio::test]
async fn without_the_token_no_key_is_looked_at() {
    let house = House::new();
    let request = Request::builder().method(Method::POST).uri("/v1/credentials");
    let request = request.header("idempotency-key", "k").body(Body::empty()).unwrap();
    assert_eq!(house.send(request).await.status, 401);
    assert_eq!(send(&house, "/v1/credentials", "k", order(json!({}))).await.status, 201);
}
