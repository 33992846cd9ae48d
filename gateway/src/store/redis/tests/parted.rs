//! Servers that are silent, restarted, demoted, or full.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{Server, eventually, open};
use crate::store::conformance::{NOW, at, credential, digest, id, new};
use crate::store::{SharedLog as _, Store as _};

#[tokio::test]
async fn a_server_that_is_stopped_is_not_waited_for_and_serves_again_when_it_goes_on() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    redis.create(new(credential("crd_1"), 1), &at(NOW)).await.unwrap();
    server.signal("-STOP");
    let (began, digests, author) = (Instant::now(), digest(1).into(), at(NOW));
    let (find, create, register) = tokio::join!(
        redis.find("app", &digests),
        redis.create(new(credential("crd_2"), 2), &author),
        redis.register(),
    );
    assert!(find.is_err() && create.is_err() && register.is_err());
    assert!(began.elapsed() < Duration::from_secs(8));
    server.signal("-CONT");
    let found =
        eventually("it answers", async || redis.find("app", &digest(1).into()).await.ok()).await;
    assert!(found.value.is_some());
}

#[tokio::test]
async fn a_server_that_is_restarted_is_connected_to_again() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    redis.create(new(credential("crd_1"), 1), &at(NOW)).await.unwrap();
    let place = server.place.clone();
    drop(server);
    eventually("it is gone", async || redis.get(&id("crd_1")).await.err()).await;
    let _server = Server::start_at(place).await;
    let found = eventually("it is back", async || redis.get(&id("crd_1")).await.ok()).await;
    assert_eq!(found, None, "it kept nothing");
}

#[tokio::test]
async fn a_master_that_was_demoted_answers_no_look_up() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    redis.create(new(credential("crd_1"), 1), &at(NOW)).await.unwrap();
    server.run(&[b"REPLICAOF", b"127.0.0.1", b"1"]).await;
    assert!(redis.find("app", &digest(1).into()).await.is_err());
    assert!(redis.subject("realm", &id("user")).await.is_err());
    assert!(redis.register().await.is_err());
}

#[tokio::test]
async fn a_server_without_room_still_answers_and_takes_reports() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    redis.create(new(credential("crd_1"), 1), &at(NOW)).await.unwrap();
    server.run(&[b"CONFIG", b"SET", b"maxmemory", b"1"]).await;
    assert!(redis.create(new(credential("crd_2"), 2), &at(NOW)).await.is_err());
    assert!(redis.find("app", &digest(1).into()).await.unwrap().value.is_some());
    assert!(redis.register().await.is_ok());
    server.run(&[b"CONFIG", b"SET", b"maxmemory", b"0"]).await;
    redis.create(new(credential("crd_2"), 2), &at(NOW)).await.unwrap();
}

#[tokio::test]
async fn a_server_that_forgets_its_scripts_is_given_them_again() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    for number in 1..4 {
        let one = credential(&format!("crd_{number}"));
        redis.create(new(one, number), &at(NOW)).await.unwrap();
        server.run(&[b"SCRIPT", b"FLUSH"]).await;
        assert!(redis.find("app", &digest(number).into()).await.unwrap().value.is_some());
    }
}

#[tokio::test]
async fn no_call_fails_while_the_server_forgets_its_scripts_all_the_time() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    redis.create(new(credential("crd_1"), 1), &at(NOW)).await.unwrap();
    let forgetting = async {
        loop {
            server.run(&[b"SCRIPT", b"FLUSH"]).await;
        }
    };
    let digests = digest(1).into();
    let asking = async {
        for _ in 0..500 {
            assert!(redis.find("app", &digests).await.unwrap().value.is_some());
        }
    };
    tokio::select! {
        () = asking => {}
        () = forgetting => {}
    }
}

#[tokio::test]
async fn a_store_that_is_dropped_leaves_no_connection() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    let listener = redis.listen().await.unwrap();
    drop((redis, listener));
    let gone = eventually("they are closed", async || {
        server.info("clients").await.contains("connected_clients:1\r\n").then_some(())
    });
    timeout(Duration::from_secs(10), gone).await.unwrap();
}
