//! Which of several servers takes changes.

use decision::config::snapshot::{RedisServers, RedisSettings};
use redis::FromRedisValue as _;

use super::{Server, at, eventually, local, open};
use crate::store::conformance::{NOW, at as author, credential, digest, id, new};
use crate::store::{SharedLog as _, Store as _};

#[tokio::test]
async fn sentinel_says_who_takes_changes_and_who_does_after_a_failover() {
    let master = Server::start(&["--repl-diskless-sync-delay", "0"]).await;
    let port = master.port.to_string();
    let replica = Server::start(&["--replicaof", "127.0.0.1", &port]).await;
    // A sentinel that does not see it at once looks again ten seconds later.
    eventually("the replica has joined", async || {
        let text = master.info("replication").await;
        text.contains("state=online").then_some(())
    })
    .await;
    let sentinel = Server::sentinel(&master, "").await;
    let nodes = vec![local(1), local(sentinel.port)];
    let redis = open(&at(RedisServers::Sentinel { nodes, service: "main".into() })).await;
    redis.create(new(credential("crd_1"), 1), &author(NOW)).await.unwrap();
    eventually("the replica holds it", async || {
        let held = replica.run(&[b"EXISTS", b"{portcullis}:credential:crd_1"]).await;
        (held == redis::Value::Int(1)).then_some(())
    })
    .await;
    eventually("the sentinel knows the replica", async || {
        let known = sentinel.run(&[b"SENTINEL", b"REPLICAS", b"main"]).await;
        (known != redis::Value::Array(Vec::new())).then_some(())
    })
    .await;
    drop(master);
    let create = async || redis.create(new(credential("crd_2"), 2), &author(NOW)).await.ok();
    eventually("the replica was promoted", create).await;
    assert!(redis.find("app", &digest(1).into()).await.unwrap().value.is_some());
    assert!(replica.value("credential:crd_2").await.len() > 32);
    redis.listen().await.unwrap();
}

#[tokio::test]
async fn a_sentinel_that_wants_a_password_has_no_database_to_be_asked_for() {
    let master = Server::start(&["--requirepass", "hunter2"]).await;
    let more = "requirepass hunter2\nsentinel auth-pass main hunter2\n";
    let sentinel = Server::sentinel(&master, more).await;
    let nodes = vec![local(sentinel.port)];
    let servers = RedisServers::Sentinel { nodes, service: "main".into() };
    let password = Some(secrecy::SecretString::from("hunter2"));
    let redis = open(&RedisSettings { password, db: 1, ..at(servers) }).await;
    redis.create(new(credential("crd_1"), 1), &author(NOW)).await.unwrap();
}

#[tokio::test]
async fn a_cluster_says_who_has_the_slot_of_the_store() {
    let node = Server::start(&["--cluster-enabled", "yes"]).await;
    let other = Server::start(&["--cluster-enabled", "yes"]).await;
    node.run(&[b"CLUSTER", b"ADDSLOTSRANGE", b"0", b"8191"]).await;
    other.run(&[b"CLUSTER", b"ADDSLOTSRANGE", b"8192", b"16383"]).await;
    let port = other.port.to_string();
    node.run(&[b"CLUSTER", b"MEET", b"127.0.0.1", port.as_bytes()]).await;
    eventually("they have met", async || {
        let ok = async |server: &Server| {
            let info = server.run(&[b"CLUSTER", b"INFO"]).await;
            String::from_redis_value(info).unwrap().contains("cluster_state:ok")
        };
        (ok(&node).await && ok(&other).await).then_some(())
    })
    .await;
    // Whichever is asked, the one that has the slot is found.
    for seed in [&node, &other] {
        let redis = open(&at(RedisServers::Cluster(vec![local(seed.port)]))).await;
        let number = u64::from(seed.port);
        let one = credential(&format!("crd_{number}"));
        let made = async || redis.create(new(one.clone(), number), &author(NOW)).await.ok();
        eventually("the cluster serves", made).await;
        assert!(redis.get(&id(&format!("crd_{number}"))).await.unwrap().is_some());
        redis.listen().await.unwrap();
        assert_eq!(redis.register().await.unwrap().replicas, []);
    }
}

#[tokio::test]
async fn where_nobody_knows_it_is_said_of_whom_it_was_asked() {
    let nodes = vec![local(1)];
    let lost = at(RedisServers::Sentinel { nodes: nodes.clone(), service: "main".into() });
    for settings in [lost, at(RedisServers::Cluster(nodes)), at(RedisServers::One(local(1)))] {
        let redis = open(&settings).await;
        let unavailable = redis.get(&id("crd_1")).await.unwrap_err();
        assert!(unavailable.reason.starts_with("127.0.0.1:1: "), "{unavailable}");
    }
}
