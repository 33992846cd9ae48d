//! Changes that replicas of Redis must hold.

use std::time::Duration;

use decision::config::snapshot::RedisSettings;
use decision::secret::Sealed;
use tokio::task::JoinSet;

use super::{Server, eventually, open};
use crate::store::conformance::{NOW, at, changed, credential, digest, id, new};
use crate::store::{
    AuditFilter, Begun, ChangeError, New, RepeatKey, Reply, SharedLog as _, Store as _,
};

async fn replica_of(master: &Server) -> Server {
    let replica = Server::start(&[]).await;
    let port = master.port.to_string();
    replica.run(&[b"REPLICAOF", b"127.0.0.1", port.as_bytes()]).await;
    eventually("it is connected", async || {
        replica.info("replication").await.contains("master_link_status:up").then_some(())
    })
    .await;
    replica
}

fn acknowledged_by(count: u32, server: &Server) -> RedisSettings {
    RedisSettings { acknowledge: count, ..server.settings() }
}

#[tokio::test]
async fn a_change_that_is_held_by_enough_replicas_is_acknowledged() {
    let master = Server::start(&["--repl-diskless-sync-delay", "0"]).await;
    let replica = replica_of(&master).await;
    let redis = open(&acknowledged_by(1, &master)).await;
    let create = async || redis.create(new(credential("crd_1"), 1), &at(NOW)).await.ok();
    eventually("the replica has caught up", create).await;
    // A change that was not held in time may be repeated.
    let revoke = async || redis.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.ok();
    eventually("the replica has that, too", revoke).await;
    // It has what was acknowledged, however it ends with the master.
    drop(master);
    replica.run(&[b"REPLICAOF", b"NO", b"ONE"]).await;
    let promoted = open(&replica.settings()).await;
    let found = promoted.find("app", &digest(1).into()).await.unwrap().value.unwrap();
    assert!(found.revoked_at.is_some());
}

#[tokio::test]
async fn a_change_that_too_few_hold_is_unavailable_and_stands_and_may_be_repeated() {
    let server = Server::start(&[]).await;
    let plain = open(&server.settings()).await;
    plain.create(new(credential("crd_1"), 1), &at(NOW)).await.unwrap();
    let redis = open(&acknowledged_by(1, &server)).await;
    for _ in 0..2 {
        let answer = redis.revoke(&id("crd_1"), None, None, false, &at(NOW)).await;
        let Err(ChangeError::Unavailable(unavailable)) = answer else { panic!("{answer:?}") };
        assert_eq!(unavailable.reason, "0 replicas of 1 hold the change");
        let found = plain.get(&id("crd_1")).await.unwrap().unwrap();
        assert_eq!((found.revoked_at, found.version), (Some(NOW), 2));
    }
    // As the probe asks, whose changes nobody relies on.
    redis.acknowledged_by(0).delete(&id("crd_1"), None, &at(NOW)).await.unwrap();
}

#[tokio::test]
async fn a_replica_that_is_away_holds_up_nobody_but_who_waits_for_it() {
    let server = Server::start(&[]).await;
    let redis = open(&acknowledged_by(1, &server)).await;
    let generation = redis.link.generation().await.unwrap();
    let mut changes = JoinSet::new();
    for number in 0..8 {
        let redis = redis.clone();
        changes.spawn(async move {
            let one = credential(&format!("crd_{number}"));
            redis.create(new(one, number), &at(NOW)).await
        });
    }
    let digests = digest(99).into();
    loop {
        tokio::select! {
            change = changes.join_next() => match change {
                None => break,
                Some(answer) => {
                    let Err(ChangeError::Unavailable(unavailable)) = answer.unwrap() else {
                        panic!("nobody holds it")
                    };
                    assert_eq!(unavailable.reason, "0 replicas of 1 hold the change");
                }
            },
            () = tokio::time::sleep(Duration::from_millis(5)) => {
                redis.find("app", &digests).await.unwrap();
                redis.register().await.unwrap();
            }
        }
    }
    assert_eq!(redis.link.generation().await.unwrap(), generation, "nothing was taken for lost");
}

#[tokio::test]
async fn what_is_revealed_and_what_a_repetition_is_answered_must_be_held_too() {
    let server = Server::start(&[]).await;
    let plain = open(&server.settings()).await;
    let sealed = Some(Sealed::from_bytes(vec![1, 2, 3]));
    plain.create(New { sealed, ..new(credential("crd_1"), 1) }, &at(NOW)).await.unwrap();
    let redis = open(&acknowledged_by(1, &server)).await;
    let revealed = redis.reveal(&id("crd_1"), None, &at(NOW)).await;
    assert!(matches!(revealed, Err(ChangeError::Unavailable(_))), "{revealed:?}");
    let key = RepeatKey { author: "an author".into(), key: "a key".into() };
    // That it was begun is held with what it changes.
    assert!(matches!(redis.begin(&key, [7; 32], NOW).await.unwrap(), Begun::New));
    let reply = Reply { status: 201, body: b"{}".to_vec() };
    assert!(redis.finish(&key, Some(reply), NOW).await.is_err());
}

#[tokio::test]
async fn a_create_that_too_few_hold_is_taken_back() {
    let server = Server::start(&[]).await;
    let plain = open(&server.settings()).await;
    let redis = open(&acknowledged_by(1, &server)).await;
    let answer = redis.create(new(credential("crd_1"), 1), &at(NOW)).await;
    assert!(matches!(answer, Err(ChangeError::Unavailable(_))), "{answer:?}");
    assert!(plain.get(&id("crd_1")).await.unwrap().is_none());
    let (_, _) = changed(plain.create(new(credential("crd_1"), 1), &at(NOW)).await.unwrap());
    let answer = redis.rotate(credential("crd_1"), new(credential("crd_2"), 2), &at(NOW)).await;
    assert!(matches!(answer, Err(ChangeError::Unavailable(_))), "{answer:?}");
    assert!(plain.get(&id("crd_2")).await.unwrap().is_none());
    let told = plain.audit(&AuditFilter::default(), None, 100).await.unwrap().items;
    assert_eq!(told.len(), 6, "each step is in the audit log");
}
