//! `GET /v1/events`.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::HeaderMap;
use decision::facts::Credential;
use futures_util::StreamExt as _;
use tokio::time::timeout;
use tower::ServiceExt as _;

use super::*;
use crate::store::PROBE;
use crate::store::conformance::{created, credential};

/// Less than a client is left alone for.
const SOON: Duration = Duration::from_secs(10);

/// A client that follows the events.
struct Client {
    headers: HeaderMap,
    stream: BodyDataStream,
    read: String,
}

#[derive(Debug)]
struct Event {
    name: String,
    id: u64,
    data: Value,
}

impl Client {
    async fn follow(house: &House, last: Option<u64>) -> Self {
        let mut request = request(Method::GET, "/v1/events");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = house.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        let (head, body) = response.into_parts();
        Self { headers: head.headers, stream: body.into_data_stream(), read: String::new() }
    }

    async fn next(&mut self) -> Event {
        let event = self.next_block().await;
        let field = |name: &str| {
            let line = event.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{event} has no {name}")).trim().to_owned()
        };
        let data = serde_json::from_str(&field("data:")).unwrap();
        Event { name: field("event:"), id: field("id:").parse().unwrap(), data }
    }

    /// Lines up to an empty one.
    async fn next_block(&mut self) -> String {
        loop {
            if let Some((block, rest)) = self.read.split_once("\n\n") {
                let block = block.to_owned();
                self.read = rest.to_owned();
                return block;
            }
            let bytes = self.stream.next().await.unwrap().unwrap();
            self.read.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

#[tokio::test]
async fn every_change_is_an_event_with_its_position() {
    let house = House::new();
    house.created(json!({})).await;
    let mut client = Client::follow(&house, None).await;
    assert_eq!(client.headers[header::CONTENT_TYPE], "text/event-stream");
    let id = house.created(json!({})).await;
    let path = format!("/v1/credentials/{id}");
    house.patch(&path, json!({ "disabled": true })).await;
    house.post(&format!("{path}/revoke"), json!({})).await;
    house.delete(&path).await;
    house.put("/v1/subjects/user_1?realm=app", json!({})).await;
    house.patch("/v1/subjects/user_1?realm=app", json!({ "state": "suspended" })).await;
    house.put("/v1/resources/org_1?realm=other", json!({ "kind": "org" })).await;
    let mut last = 0;
    for (name, place, record) in [
        ("credential.created", json!("app"), &*id),
        ("credential.updated", json!("app"), &id),
        ("credential.revoked", json!("app"), &id),
        ("credential.deleted", json!("app"), &id),
        ("subject.created", json!("app"), "user_1"),
        ("subject.updated", json!("app"), "user_1"),
        ("resource.created", json!("other"), "org_1"),
    ] {
        let event = client.next().await;
        assert_eq!((event.name.as_str(), &event.data["id"]), (name, &json!(record)), "{event:?}");
        let key = if name.starts_with("credential") { "api" } else { "realm" };
        assert_eq!(event.data[key], place, "{event:?}");
        assert!(event.id > last);
        last = event.id;
    }
}

#[tokio::test]
async fn a_client_goes_on_where_it_was() {
    let house = House::new();
    let mut client = Client::follow(&house, None).await;
    house.created(json!({})).await;
    let seen = client.next().await.id;
    drop(client);
    let missed = house.created(json!({})).await;
    let mut client = Client::follow(&house, Some(seen)).await;
    let event = client.next().await;
    assert_eq!(event.data["id"], missed);
    for n in 0..250 {
        house.put(&format!("/v1/subjects/u{n}?realm=app"), json!({})).await;
    }
    let mut client = Client::follow(&house, Some(event.id)).await;
    for n in 0..250 {
        assert_eq!(client.next().await.data["id"], format!("u{n}"));
    }
}

#[tokio::test]
async fn a_position_that_the_log_does_not_reach_back_or_up_to_is_a_reset() {
    let house = House::new();
    house.created(json!({})).await;
    let mut client = Client::follow(&house, Some(1_000_000)).await;
    let reset = client.next().await;
    assert_eq!(reset.name, "reset");
    let id = house.created(json!({})).await;
    let event = client.next().await;
    assert!(event.id > reset.id && event.data["id"] == id, "{event:?}");
}

/// Heard of by the feed, long before anybody would look for himself.
#[tokio::test]
async fn what_another_replica_has_changed_is_told_once_it_is_applied_here() {
    let house = House::new();
    let mut client = Client::follow(&house, None).await;
    let change = created(&*house.store, credential("crd_1"), 1).await;
    house.own_feed.apply(&change).await;
    let event = timeout(SOON, client.next()).await.expect("it is told at once");
    assert_eq!((event.name.as_str(), &event.data["id"]), ("credential.created", &json!("crd_1")));
}

#[tokio::test]
async fn of_the_probes_changes_a_client_is_told_where_to_go_on_and_nothing_else() {
    let house = House::new();
    let mut client = Client::follow(&house, None).await;
    let change = created(&*house.store, credential("crd_1"), 1).await;
    house.own_feed.apply(&change).await;
    client.next().await;
    let probed = Credential { api: PROBE.to_owned(), ..credential("probe_1") };
    let probed = created(&*house.store, probed, 2).await;
    // Whatever makes it look.
    house.own_feed.apply(&change).await;
    let block = timeout(SOON, client.next_block()).await.expect("it looks");
    assert_eq!(block, format!("id: {}", probed.position.0));
}

/// Other changes may have come to stand at the positions that it has seen.
#[tokio::test]
async fn once_the_log_did_not_lead_on_a_client_has_to_read_anew() {
    let house = House::new();
    let mut client = Client::follow(&house, None).await;
    let change = created(&*house.store, credential("crd_1"), 1).await;
    house.own_feed.has_lost_track();
    let reset = timeout(SOON, client.next()).await.expect("it is told at once");
    assert_eq!((reset.name.as_str(), reset.id), ("reset", change.position.0));
    let id = house.created(json!({})).await;
    assert_eq!(client.next().await.data["id"], id);
}

#[tokio::test]
async fn a_last_event_that_is_none_is_refused_and_so_are_parameters() {
    let house = House::new();
    for last in ["x", "-1", "", "1.5"] {
        let request = request(Method::GET, "/v1/events").header("last-event-id", last);
        let answer = house.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "header_malformed"), "{last}");
    }
    assert_eq!(house.get("/v1/events?since=1").await.refused(), ["since"]);
}

#[tokio::test]
async fn no_more_than_64_follow_at_once_and_who_goes_makes_room() {
    let house = House::new();
    let mut clients = Vec::new();
    for _ in 0..64 {
        clients.push(Client::follow(&house, None).await);
    }
    let answer = house.get("/v1/events").await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "too_many_streams"));
    clients.pop();
    Client::follow(&house, None).await;
}
