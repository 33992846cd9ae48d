//! Starting with a Redis that is right, wrong, or not there.

use decision::config::snapshot::RedisSettings;
use decision::secret::Peppers;
use secrecy::SecretString;

use super::{Redis, Server, eventually, open, pepper, peppers, try_open};
use crate::store::Store as _;
use crate::store::conformance::{NOW, at as author, credential, digest, id, new};
use crate::store::redis::notes::{Expected, Note, look};

#[tokio::test]
async fn another_pepper_than_the_one_in_force_is_refused_at_start() {
    let server = Server::start(&[]).await;
    let settings = server.settings();
    drop(open(&settings).await);
    let refused = try_open(&settings, &peppers("second")).await.unwrap_err().to_string();
    assert!(refused.contains("was made with another pepper"), "{refused}");
    assert!(refused.contains(&format!("127.0.0.1:{}", server.port)), "{refused}");
}

#[tokio::test]
async fn records_signed_under_a_previous_pepper_are_read_and_then_it_is_the_previous_one() {
    let server = Server::start(&[]).await;
    let settings = server.settings();
    let first = open(&settings).await;
    first.create(new(credential("crd_1"), 1), &author(NOW)).await.unwrap();
    drop(first);
    let both = Peppers::new(pepper("second"), [pepper("first")]);
    let second = try_open(&settings, &both).await.unwrap();
    let found = second.find("app", &digest(1).into()).await.unwrap();
    assert_eq!(found.value, Some(credential("crd_1")));
    assert!(try_open(&settings, &peppers("first")).await.is_err());
    assert!(try_open(&settings, &peppers("second")).await.is_ok());
}

#[tokio::test]
async fn a_password_that_is_wrong_is_said_at_start_and_not_shown() {
    let server = Server::start(&["--requirepass", "hunter2"]).await;
    let with = |password: Option<&str>| RedisSettings {
        password: password.map(SecretString::from),
        ..server.settings()
    };
    for wrong in [Some("hunter3"), None] {
        let refused = try_open(&with(wrong), &peppers("first")).await.unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("hunter"), "{refused}");
    }
    let redis = try_open(&with(Some("hunter2")), &peppers("first")).await.unwrap();
    assert!(redis.get(&id("crd_1")).await.unwrap().is_none());
    assert!(!format!("{redis:?}").contains("hunter"));
}

#[tokio::test]
async fn a_user_of_redis_needs_no_more_than_our_names() {
    let rules = "--user portcullis on >hunter2 ~{portcullis}* &{portcullis}* +@all -@admin -@dangerous +role";
    let server = Server::start(&rules.split(' ').collect::<Vec<_>>()).await;
    let settings = RedisSettings {
        user: Some("portcullis".into()),
        password: Some(SecretString::from("hunter2")),
        ..server.settings()
    };
    let redis = open(&settings).await;
    redis.create(new(credential("crd_1"), 1), &author(NOW)).await.unwrap();
    assert!(redis.find("app", &digest(1).into()).await.unwrap().value.is_some());
}

#[tokio::test]
async fn databases_of_one_server_are_two_stores() {
    let server = Server::start(&[]).await;
    let (zero, one) = (server.settings(), RedisSettings { db: 1, ..server.settings() });
    let (zero, one) = (open(&zero).await, open(&one).await);
    zero.create(new(credential("crd_1"), 1), &author(NOW)).await.unwrap();
    assert!(one.get(&id("crd_1")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_server_that_comes_later_is_found_and_a_replica_is_none() {
    let server = Server::start(&[]).await;
    server.run(&[b"REPLICAOF", b"127.0.0.1", b"1"]).await;
    let redis = open(&server.settings()).await;
    let unavailable = redis.get(&id("crd_1")).await.unwrap_err();
    assert!(unavailable.reason.contains("is a replica"), "{unavailable}");
    server.run(&[b"REPLICAOF", b"NO", b"ONE"]).await;
    eventually("it is found", async || redis.get(&id("crd_1")).await.ok()).await;
}

/// What is noted of a server of which `acknowledge` replicas must hold a change.
async fn noted(redis: &Redis, acknowledge: u32) -> Vec<Note> {
    let live = redis.link.live().await.unwrap();
    look(live.changes, &Expected { acknowledge, peppers: vec![&redis.pepper] }).await.unwrap()
}

#[tokio::test]
async fn what_a_server_is_not_made_for_is_noted() {
    let careless = Server::start(&["--maxmemory-policy", "allkeys-lru"]).await;
    let redis = open(&careless.settings()).await;
    let evicts = Note::Evicts("allkeys-lru".into());
    let lonely = Note::Lonely { replicas: 0, acknowledge: 1 };
    assert_eq!(noted(&redis, 1).await, [evicts, Note::Forgets, lonely]);
    let careful = Server::start(&["--appendonly", "yes"]).await;
    assert_eq!(noted(&open(&careful.settings()).await, 0).await, []);
}

#[tokio::test]
async fn a_server_that_may_not_be_asked_how_it_is_set_up_is_noted_as_that() {
    let rules =
        "--user portcullis on >hunter2 ~{portcullis}* &{portcullis}* +@all -@dangerous +role";
    let server = Server::start(&rules.split(' ').collect::<Vec<_>>()).await;
    let settings = RedisSettings {
        user: Some("portcullis".into()),
        password: Some(SecretString::from("hunter2")),
        ..server.settings()
    };
    assert_eq!(noted(&open(&settings).await, 1).await, [Note::Silent]);
}
