use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::http::Method;
use decision::facts::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::admin::Fleet;
use crate::admin::house::{Answer, House};
use crate::store::{Followed, Listener, Register, Registered, Report, SharedLog};

/// A register that says what a test wants, by how often it was read.
struct Registry {
    read: AtomicU64,
    says: Box<dyn Fn(u64) -> Option<Register> + Send + Sync>,
    /// What was asked of the log.
    followed: Mutex<Vec<Mark>>,
    broken: bool,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

#[async_trait]
impl SharedLog for Registry {
    async fn report(&self, _: &Report) -> Result<Mark, Unavailable> {
        panic!("the admin API reports nothing")
    }

    async fn leave(&self, _: &str) -> Result<(), Unavailable> {
        panic!("the admin API does not leave")
    }

    async fn follow(&self, after: Mark, _: usize) -> Result<Followed, Unavailable> {
        self.followed.lock().unwrap().push(after);
        let head = mark(1_000_000);
        if self.broken {
            Ok(Followed::Broken { head })
        } else {
            Ok(Followed::Entries { items: Vec::new(), head })
        }
    }

    async fn listen(&self) -> Result<Box<dyn Listener>, Unavailable> {
        panic!("the admin API does not listen")
    }

    async fn register(&self) -> Result<Register, Unavailable> {
        let read = self.read.fetch_add(1, Ordering::SeqCst);
        (self.says)(read).ok_or_else(|| Unavailable { reason: "no route".into() })
    }
}

const fn mark(position: u64) -> Mark {
    Mark { position: Position(position), link: position }
}

/// A replica that has applied everything up to `applied`, and was silent for so many milliseconds.
fn replica(name: &str, applied: u64, silent: i64) -> Registered {
    let report = Report {
        instance: format!("instance of {name}"),
        replica: name.into(),
        number: 1,
        version: "1.2.3".into(),
        applied: mark(applied),
        lease: Duration::from_secs(2),
        bound: Duration::from_secs(32),
        generation: 4,
    };
    Registered { report, reported_at: Timestamp(1_000_000 - silent) }
}

fn register(replicas: impl Into<Vec<Registered>>) -> Register {
    Register { now: Timestamp(1_000_000), head: mark(100), replicas: replicas.into() }
}

/// The admin API of `gw-1`.
fn house(says: impl Fn(u64) -> Option<Register> + Send + Sync + 'static) -> (House, Arc<Registry>) {
    house_where(false, says)
}

fn house_where(
    broken: bool,
    says: impl Fn(u64) -> Option<Register> + Send + Sync + 'static,
) -> (House, Arc<Registry>) {
    let registry = Arc::new(Registry {
        read: AtomicU64::new(0),
        says: Box::new(says),
        followed: Mutex::default(),
        broken,
    });
    let fleet = Fleet::new(Arc::clone(&registry) as _, "instance of gw-1".into());
    (House::in_fleet(fleet), registry)
}

async fn revoke(house: &House, query: &str) -> Answer {
    let id = house.created(json!({})).await;
    house.call(Method::POST, &format!("/v1/credentials/{id}/revoke{query}"), None).await
}

fn states(body: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let replicas = body["propagation"]["replicas"].as_array().unwrap();
    replicas.iter().map(|one| (text(&one["replica"]), text(&one["state"]))).collect()
}

fn named(states: &[(&str, &str)]) -> Vec<(String, String)> {
    states.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect()
}

#[tokio::test]
async fn whoever_waits_is_answered_once_every_replica_has_applied_it() {
    let (house, registry) = house(|read| {
        let second = if read < 3 { 1 } else { 2 };
        Some(register([replica("gw-2", second, 0), replica("gw-1", 2, 0)]))
    });
    let answer = revoke(&house, "?wait=all").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["propagation"]["complete"]),
        (200, &json!(true))
    );
    assert_eq!(states(&answer.body), named(&[("gw-1", "applied"), ("gw-2", "applied")]));
    assert!(answer.body["propagation"]["replicas"][1]["applied_ms"].is_u64());
    assert_eq!(registry.read.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_replica_whose_bound_has_passed_uses_nothing_any_more_and_one_that_left_is_not_named() {
    let (house, _) = house(|read| {
        let silent = if read < 2 { 32_000 } else { 32_001 };
        let mut replicas = vec![replica("gw-1", 2, 0), replica("gw-2", 1, silent)];
        if read < 1 {
            replicas.push(replica("gw-3", 1, 0));
        }
        Some(register(replicas))
    });
    let answer = revoke(&house, "?wait=all").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["propagation"]["complete"]),
        (200, &json!(true))
    );
    assert_eq!(states(&answer.body), named(&[("gw-1", "applied"), ("gw-2", "lapsed")]));
    assert_eq!(answer.body["propagation"]["replicas"][1]["applied_ms"], Value::Null);
}

/// The register does not know it yet, or took it to be lapsed.
#[tokio::test]
async fn this_replica_is_waited_for_also_where_it_does_not_report() {
    let registry = Registry {
        read: AtomicU64::new(0),
        says: Box::new(|_| Some(register([replica("gw-2", 100, 0)]))),
        followed: Mutex::default(),
        broken: false,
    };
    let fleet = Fleet::new(Arc::new(registry), "instance of gw-1".into());
    // A worker that never looks at what it is told.
    let (worker, _inbox) = tokio::sync::mpsc::unbounded_channel();
    let house = House::in_fleet_with(fleet, vec![worker]);
    let answer = revoke(&house, "?wait=all&timeout=30ms").await;
    assert_eq!(states(&answer.body), named(&[("gw-1", "pending"), ("gw-2", "applied")]));
    assert_eq!(
        (answer.status, &answer.body["propagation"]["complete"]),
        (StatusCode::ACCEPTED, &json!(false))
    );
}

#[tokio::test]
async fn where_the_timeout_comes_first_it_is_202_and_the_change_stands() {
    let (house, _) = house(|_| Some(register([replica("gw-1", 2, 0), replica("gw-2", 1, 0)])));
    let answer = revoke(&house, "?wait=all&timeout=30ms").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["propagation"]["complete"]),
        (202, &json!(false))
    );
    assert_eq!(states(&answer.body), named(&[("gw-1", "applied"), ("gw-2", "pending")]));
    assert_eq!(answer.body["credential"]["state"], "revoked");
}

#[tokio::test]
async fn every_call_that_changes_something_can_wait() {
    let (house, _) = house(|_| Some(register([replica("gw-2", 0, 0)])));
    let path = format!("/v1/credentials/{}", house.created(json!({})).await);
    let made = json!({ "api": "app", "scheme": "key", "subject": "u_1" });
    for (method, path, body, status) in [
        (Method::POST, "/v1/credentials", made, 201),
        (Method::PATCH, path.as_str(), json!({ "name": "x" }), 202),
        (Method::PUT, "/v1/resources/org_1?realm=app", json!({ "kind": "org" }), 201),
        (Method::PUT, "/v1/resources/org_1?realm=app", json!({ "kind": "board" }), 202),
        (Method::DELETE, "/v1/resources/org_1?realm=app", Value::Null, 202),
        (Method::DELETE, path.as_str(), Value::Null, 202),
    ] {
        let mark = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{mark}wait=all&timeout=10ms");
        let answer = house.call(method, &path, Some(body).filter(|body| !body.is_null())).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert_eq!(answer.body["propagation"]["complete"], false, "{path}");
        assert_eq!(states(&answer.body), named(&[("gw-1", "applied"), ("gw-2", "pending")]));
    }
}

#[tokio::test]
async fn whoever_does_not_wait_is_told_how_far_it_has_come() {
    let (house, registry) =
        house(|_| Some(register([replica("gw-1", 2, 0), replica("gw-2", 1, 0)])));
    let answer = revoke(&house, "").await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["propagation"]["complete"]),
        (200, &json!(false))
    );
    assert_eq!(states(&answer.body), named(&[("gw-1", "applied"), ("gw-2", "pending")]));
    assert_eq!(registry.read.load(Ordering::SeqCst), 1, "a create without wait asks nobody");
}

#[tokio::test]
async fn a_register_that_cannot_be_read_has_not_said_that_anything_is_applied() {
    let (house, _) = house(|_| None);
    for (query, status) in [("", 200), ("?wait=all&timeout=20ms", 202)] {
        let answer = revoke(&house, query).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.body["propagation"]["complete"], false);
        assert_eq!(states(&answer.body), named(&[("gw-1", "applied")]));
    }
}

#[tokio::test]
async fn a_register_that_comes_back_in_time_is_asked_again() {
    let (house, _) = house(|read| (read > 2).then(|| register([replica("gw-1", 9, 0)])));
    assert_eq!(revoke(&house, "?wait=all").await.status, 200);
}

#[tokio::test]
async fn what_a_failover_has_undone_is_not_acknowledged() {
    let (house, _) = house(|_| Some(Register { head: mark(1), ..register([]) }));
    let answer = revoke(&house, "?wait=all").await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "store_unavailable"));
}

#[tokio::test]
async fn a_revocation_that_is_repeated_waits_for_what_the_log_had_by_then() {
    for (broken, status) in [(false, 200), (true, 503)] {
        let (house, registry) =
            house_where(broken, |read| Some(register([replica("gw-2", 98 + read, 0)])));
        let id = house.created(json!({})).await;
        let path = format!("/v1/credentials/{id}/revoke");
        house.post(&path, json!({})).await;
        registry.read.store(0, Ordering::SeqCst);
        let answer = house.post(&format!("{path}?wait=all"), json!({})).await;
        assert_eq!(answer.status, status);
        assert_eq!(registry.read.load(Ordering::SeqCst), 3, "until 100 was applied");
        assert_eq!(*registry.followed.lock().unwrap(), [mark(100)]);
    }
}

#[tokio::test]
async fn the_register_tells_who_serves_and_how_far_each_has_come() {
    let (house, _) = house(|_| {
        Some(register([
            replica("gw-1", 100, 300),
            replica("gw-2", 90, 2500),
            replica("gw-3", 9, 40_000),
        ]))
    });
    let answer = house.get("/v1/replicas").await;
    let row = |name: &str, position: u64, lag: u64, lease: u64| {
        json!({ "replica": name, "version": "1.2.3", "position": position, "lag_ms": lag,
            "lease_ms": lease, "generation": 4 })
    };
    assert_eq!(
        answer.body,
        json!({ "items": [row("gw-1", 100, 0, 1700), row("gw-2", 90, 2500, 0)] })
    );
}

#[tokio::test]
async fn however_many_wait_the_register_is_read_by_one_at_a_time() {
    let (house, registry) = house(|_| Some(register([replica("gw-1", 100_000, 0)])));
    let fleet = Fleet::new(Arc::clone(&registry) as _, "instance of gw-1".into());
    let since = clock::now();
    let ask = || fleet.register(since);
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    for register in [one, two, three] {
        assert_eq!(register.unwrap().replicas.len(), 1);
    }
    assert_eq!(registry.read.load(Ordering::SeqCst), 1);
    fleet.register(clock::now()).await.unwrap();
    assert_eq!(registry.read.load(Ordering::SeqCst), 2, "what was read before is not after");
    drop(house);
}
