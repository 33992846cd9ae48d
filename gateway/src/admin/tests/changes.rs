//! Revoke and delete, and what happens when the store is in trouble.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::*;
use crate::admin::instant;
use crate::store::hooked::{Hook, Hooked};
use crate::store::{Store, Unavailable};
use crate::worker::Command;

#[tokio::test]
async fn a_revoked_credential_stays_on_record_with_its_reason() {
    let house = House::new();
    let id = house.created(json!({})).await;
    let path = format!("/v1/credentials/{id}");
    let answer = house.post(&format!("{path}/revoke"), json!({ "reason": "seen in a log" })).await;
    assert_eq!(answer.status, 200);
    let credential = &answer.body["credential"];
    assert_eq!(
        (&credential["state"], &credential["revoke_reason"]),
        (&json!("revoked"), &json!("seen in a log"))
    );
    assert_eq!(credential["version"], 2);
    assert!(instant::read(credential["revoked_at"].as_str().unwrap()).is_some());
    let propagation = &answer.body["propagation"];
    assert_eq!(propagation["complete"], true);
    assert_eq!(propagation["replicas"][0]["replica"], "gw-1");
    assert_eq!(propagation["replicas"][0]["state"], "applied");
    assert_eq!(house.get(&path).await.body, *credential);
}

#[tokio::test]
async fn a_revocation_that_is_repeated_changes_nothing() {
    let house = House::new();
    let id = house.created(json!({})).await;
    let path = format!("/v1/credentials/{id}/revoke");
    let first = house.post(&path, json!({ "reason": "first" })).await;
    let second = house.post(&path, json!({ "reason": "second" })).await;
    assert_eq!(second.status, 200);
    assert_eq!(second.body["credential"], first.body["credential"]);
    assert_eq!(second.body["propagation"]["complete"], true);
}

#[tokio::test]
async fn a_revocation_needs_no_body() {
    let house = House::new();
    for wait in ["", "?wait=none", "?wait=all", "?wait=all&timeout=250ms"] {
        let id = house.created(json!({})).await;
        let answer =
            house.call(Method::POST, &format!("/v1/credentials/{id}/revoke{wait}"), None).await;
        assert_eq!(answer.status, 200, "{wait}");
        assert_eq!(answer.body["credential"]["revoke_reason"], Value::Null);
    }
}

#[tokio::test]
async fn a_revocation_that_is_badly_asked_for_revokes_nothing() {
    let house = House::new();
    let id = house.created(json!({})).await;
    let path = format!("/v1/credentials/{id}/revoke");
    for (query, body, refused) in [
        ("", json!({ "reason": 7 }), "reason"),
        ("", json!({ "reason": "" }), "reason"),
        ("", json!({ "reason": "a\nb" }), "reason"),
        ("", json!({ "why": "x" }), "why"),
        ("?wait=some", json!({}), "wait"),
        ("?timeout=5", json!({}), "timeout"),
        ("?timeout=2h", json!({}), "timeout"),
        ("?now=1", json!({}), "now"),
    ] {
        let answer = house.post(&format!("{path}{query}"), body).await;
        assert_eq!(answer.refused(), [refused]);
    }
    let text = request(Method::POST, &path).body("please".into()).unwrap();
    assert_eq!(house.send(text).await.status, 415);
    let shown = house.get(&format!("/v1/credentials/{id}")).await.body;
    assert_eq!(shown["state"], "active", "{shown}");
}

#[tokio::test]
async fn a_deleted_credential_is_gone_with_its_secret() {
    let house = House::new();
    let answer = house.create(json!({})).await;
    let (id, secret) = (text(&answer.body["credential"]["id"]), text(&answer.body["secret"]));
    let path = format!("/v1/credentials/{id}");
    let deleted = house.call(Method::DELETE, &path, None).await;
    assert_eq!((deleted.status.as_u16(), deleted.body), (204, Value::Null));
    assert_eq!(house.get(&path).await.status, 404);
    assert_eq!(house.call(Method::DELETE, &path, None).await.status, 404);
    assert!(!house.knows(&secret).await);
}

#[tokio::test]
async fn a_deletion_that_waits_tells_where_it_is_applied() {
    let house = House::new();
    let id = house.created(json!({})).await;
    let answer = house.call(Method::DELETE, &format!("/v1/credentials/{id}?wait=all"), None).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["propagation"]["complete"], true);
}

#[tokio::test]
async fn a_revocation_is_no_error_for_a_day_after_the_deletion() {
    let house = House::new();
    let id = house.created(json!({})).await;
    let path = format!("/v1/credentials/{id}");
    house.call(Method::DELETE, &path, None).await;
    let answer = house.post(&format!("{path}/revoke?wait=all"), json!({ "reason": "late" })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["credential"]["state"], "revoked");
    assert_eq!(answer.body["credential"]["revoke_reason"], Value::Null);
    assert_eq!(answer.body["propagation"]["complete"], true);
    assert_eq!(house.get(&path).await.status, 404);
}

// --- trouble ---------------------------------------------------------------------------------------------------------

/// A store that cannot be reached, or never answers.
struct Gone {
    silent: bool,
}

#[async_trait]
impl Hook for Gone {
    async fn before(&self, _: &'static str) -> Result<(), Unavailable> {
        if self.silent {
            Notify::new().notified().await;
        }
        Err(Unavailable { reason: "the disk is gone".to_owned() })
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_or_is_silent_is_503_and_never_a_no() {
    for silent in [false, true] {
        let whole = House::new();
        let store = Hooked { store: Arc::clone(&whole.store), hook: Gone { silent } };
        let house = House::over(Arc::new(store));
        for (method, path, body) in [
            (Method::GET, "/v1/credentials", None),
            (Method::POST, "/v1/credentials", Some(order(json!({})))),
            (Method::GET, "/v1/credentials/crd_1", None),
            (Method::DELETE, "/v1/credentials/crd_1", None),
            (Method::POST, "/v1/credentials/crd_1/revoke?wait=all", None),
        ] {
            let answer = house.call(method, path, body).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code()),
                (503, "store_unavailable"),
                "{path}"
            );
            assert_eq!(answer.headers[header::RETRY_AFTER], "1");
        }
    }
}

/// A store whose revocations wait to be let through.
#[derive(Default)]
struct Held {
    begun: Notify,
    gate: Notify,
}

#[async_trait]
impl Hook for Held {
    async fn before(&self, call: &'static str) -> Result<(), Unavailable> {
        if call == "revoke" {
            self.begun.notify_one();
            self.gate.notified().await;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_change_goes_on_to_its_end_when_its_caller_goes_away() {
    let whole = House::new();
    let held = Arc::new(Hooked { store: Arc::clone(&whole.store), hook: Held::default() });
    let house = House::over(Arc::clone(&held) as Arc<dyn Store>);
    let id = house.created(json!({})).await;
    let path = format!("/v1/credentials/{id}");
    let revoke = format!("{path}/revoke");
    tokio::select! {
        _ = house.post(&revoke, json!({ "reason": "first" })) => panic!("it was let through"),
        () = held.begun.notified() => {}
    }
    assert_eq!(house.get(&path).await.body["state"], "active");
    held.gate.notify_one();
    // The next change waits for the end of the first: its answer finds it made and applied.
    let (second, ()) = tokio::join!(house.post(&revoke, json!({ "reason": "second" })), async {
        held.begun.notified().await;
        held.gate.notify_one();
    });
    assert_eq!(second.body["credential"]["revoke_reason"], "first");
}

#[tokio::test]
async fn a_worker_that_hears_nothing_is_waited_for_as_long_as_was_asked_and_holds_up_nobody() {
    let (house, mut worker) = House::with_worker();
    let id = house.created(json!({})).await;
    let other = house.created(json!({})).await;
    let path = format!("/v1/credentials/{id}");
    // The second changes nothing, and is no more told than the first.
    for reason in ["first", "second"] {
        let revoke = format!("{path}/revoke?wait=all&timeout=20ms");
        let answer = house.post(&revoke, json!({ "reason": reason })).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        assert_eq!(answer.body["credential"]["revoke_reason"], "first");
        let propagation = &answer.body["propagation"];
        assert_eq!(propagation["complete"], false);
        assert_eq!(propagation["replicas"][0]["state"], "pending");
    }
    let unasked = house.post(&format!("{path}/revoke?timeout=20ms"), json!({})).await;
    assert_eq!(
        (unasked.status.as_u16(), &unasked.body["propagation"]["complete"]),
        (200, &json!(false))
    );
    let update = format!("/v1/credentials/{other}?wait=all&timeout=20ms");
    let updated = house.patch(&update, json!({ "disabled": true })).await;
    assert_eq!(
        (updated.status.as_u16(), &updated.body["propagation"]["complete"]),
        (202, &json!(false))
    );
    let matching = json!({ "api": "app", "subject": "user_1" });
    let matching = house.post("/v1/revocations?wait=all&timeout=20ms", matching).await;
    assert_eq!((matching.status.as_u16(), &matching.body["revoked"]), (202, &json!(1)));
    let gone = house.delete(&format!("{path}?wait=all&timeout=20ms")).await;
    assert_eq!((gone.status.as_u16(), &gone.body["propagation"]["complete"]), (202, &json!(false)));

    let listens = async move {
        while let Some(command) = worker.recv().await {
            let Command::Tell { done, .. } = command else { continue };
            done.send(()).unwrap();
        }
    };
    let listens = tokio::spawn(listens);
    let told = house.post(&format!("{path}/revoke?wait=all&timeout=60s"), json!({})).await;
    assert_eq!((told.status.as_u16(), &told.body["propagation"]["complete"]), (200, &json!(true)));
    assert_eq!(told.body["propagation"]["replicas"][0]["state"], "applied");
    listens.abort();
}
