//! Whoever can write to Redis and does not know the pepper.

use std::sync::atomic::Ordering;

use super::{Server, count, open, watched};
use crate::store::conformance::resources::resource;
use crate::store::conformance::subjects::subject;
use crate::store::conformance::{NOW, at, credential, digest, id, new};
use crate::store::{AuditFilter, Filter, Followed, Mark, Position, SharedLog as _, Store as _};

/// Two credentials, found by 1 and 2.
async fn two(server: &Server) -> (super::Redis, super::Alarms) {
    let (redis, alarms) = watched(&server.settings()).await;
    for number in 1..=2 {
        let one = credential(&format!("crd_{number}"));
        redis.create(new(one, number), &at(NOW)).await.unwrap();
    }
    (redis, alarms)
}

#[tokio::test]
async fn a_record_that_was_altered_is_unavailable_wherever_it_is_met() {
    let server = Server::start(&[]).await;
    let (redis, alarms) = two(&server).await;
    let record = server.value("credential:crd_1").await;
    let text = String::from_utf8_lossy(&record[32..]).replace("user_1", "user_9");
    assert!(text.contains("user_9"));
    server.set("credential:crd_1", &[&record[..32], text.as_bytes()].concat()).await;

    let find = redis.find("app", &digest(1).into()).await.unwrap_err();
    assert_eq!(find.reason, "credential:crd_1 was not written by this deployment");
    assert_eq!(count(&alarms), 1);
    assert!(redis.get(&id("crd_1")).await.is_err());
    assert!(redis.list(&Filter::default(), None, 10, NOW).await.is_err());
    assert!(redis.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.is_err());
    // What nobody can say of the log is as if it had been trimmed.
    assert!(redis.changes(Position(0), 10).await.unwrap().trimmed);
    assert_eq!(count(&alarms), 5);
    // The others are as they were.
    assert!(redis.find("app", &digest(2).into()).await.unwrap().value.is_some());
}

/// Or a replica would never again come to know that it has applied everything.
#[tokio::test]
async fn a_log_with_an_entry_that_cannot_be_read_does_not_lead_on() {
    let server = Server::start(&[]).await;
    let (redis, alarms) = two(&server).await;
    let beginning = Mark { position: Position(0), link: 0 };
    server.set("credential:crd_1", &server.value("credential:crd_2").await).await;
    let Followed::Broken { head } = redis.follow(beginning, 10).await.unwrap() else {
        panic!("it was read")
    };
    assert_eq!(count(&alarms), 1);
    assert!(matches!(
        redis.follow(head, 10).await.unwrap(),
        Followed::Entries { items, .. } if items.is_empty()
    ));
}

#[tokio::test]
async fn a_record_cannot_be_put_in_the_place_of_another() {
    let server = Server::start(&[]).await;
    let (redis, alarms) = two(&server).await;
    server.set("credential:crd_1", &server.value("credential:crd_2").await).await;
    assert!(redis.find("app", &digest(1).into()).await.is_err());

    let (mut admin, user) = (subject("admin"), subject("user"));
    admin.admin = true;
    for one in [admin, user] {
        redis.put_subject("realm", one, &at(NOW)).await.unwrap();
    }
    redis.put_resource("realm", resource("admin", None), &[], &at(NOW)).await.unwrap();
    server.set("subject:realm:user", &server.value("subject:realm:admin").await).await;
    assert!(redis.subject("realm", &id("user")).await.is_err());
    server.set("subject:realm:user", &server.value("resource:realm:admin").await).await;
    assert!(redis.subject("realm", &id("user")).await.is_err());
    assert_eq!(count(&alarms), 3);
}

#[tokio::test]
async fn a_secret_of_ones_own_does_not_lead_to_anothers_record() {
    let server = Server::start(&[]).await;
    let (redis, alarms) = two(&server).await;
    let name = |number: u8| format!("digest:app:{number:02x}{}{}", "00".repeat(7), "07".repeat(24));
    assert_eq!(server.value(&name(1)).await, b"crd_1");
    server.set(&name(1), b"crd_2").await;
    assert!(redis.find("app", &digest(1).into()).await.is_err());
    server.set(&name(1), b"crd_3").await;
    assert!(redis.find("app", &digest(1).into()).await.is_err(), "a record that is not there");
    assert_eq!(count(&alarms), 2);
    // Nor in another api.
    let other = name(2).replace("app", "other");
    server.set(&other, b"crd_2").await;
    assert!(redis.find("other", &digest(2).into()).await.is_err());
}

#[tokio::test]
async fn what_somebody_else_publishes_is_not_told() {
    let server = Server::start(&[]).await;
    let (redis, alarms) = watched(&server.settings()).await;
    let mut listener = redis.listen().await.unwrap();
    let channel = b"{portcullis}:changes:0";
    for message in [&b""[..], b"\n", b"1 0 5 - 3 1\nabcdef", b"1 0 5 - 9999999999 1\nabc", b"x"] {
        server.run(&[b"PUBLISH", channel, message]).await;
    }
    redis.create(new(credential("crd_1"), 1), &at(NOW)).await.unwrap();
    let told = listener.next().await.unwrap();
    assert_eq!(told.change.what.id(), &id("crd_1"));
    assert_eq!(alarms.load(Ordering::Relaxed), 1, "one of them had the form of a change");
}

/// Entries of the log bear the records: who spoils one does not keep everybody from hearing of all others.
#[tokio::test]
async fn a_log_that_cannot_be_read_does_not_lead_on_and_what_comes_after_does() {
    let server = Server::start(&[]).await;
    let (redis, alarms) = two(&server).await;
    let beginning = Mark { position: Position(0), link: 0 };
    server.set("credential:crd_1", b"spoilt").await;
    let Followed::Broken { head } = redis.follow(beginning, 10).await.unwrap() else {
        panic!("nobody can say what was changed")
    };
    assert_eq!((head.position, count(&alarms)), (Position(2), 1));
    redis.create(new(credential("crd_3"), 3), &at(NOW)).await.unwrap();
    let Followed::Entries { items, .. } = redis.follow(head, 10).await.unwrap() else {
        panic!("it leads on from its head")
    };
    assert_eq!(items.len(), 1);
}

#[tokio::test]
async fn an_entry_of_the_audit_log_that_is_not_ours_is_told_of_and_hides_no_other() {
    let server = Server::start(&[]).await;
    let (redis, alarms) = two(&server).await;
    server.run(&[b"XADD", b"{portcullis}:audit", b"3-0", b"e", b"spoilt"]).await;
    server.run(&[b"SET", b"{portcullis}:audited", b"3"]).await;
    redis.create(new(credential("crd_3"), 3), &at(NOW)).await.unwrap();
    let entries = redis.audit(&AuditFilter::default(), None, 10).await.unwrap().items;
    let ids: Vec<_> = entries.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!((ids, count(&alarms)), (vec!["crd_3", "crd_2", "crd_1"], 1));
}

#[tokio::test]
async fn what_another_pepper_has_signed_is_not_ours() {
    let server = Server::start(&[]).await;
    let (redis, _) = two(&server).await;
    let record = server.value("credential:crd_1").await;
    let elsewhere = Server::start(&[]).await;
    let theirs = super::try_open(&elsewhere.settings(), &super::peppers("other")).await.unwrap();
    theirs.create(new(credential("crd_1"), 1), &at(NOW)).await.unwrap();
    let forged = elsewhere.value("credential:crd_1").await;
    assert_eq!(forged[..].len(), record.len());
    server.set("credential:crd_1", &forged).await;
    assert!(redis.find("app", &digest(1).into()).await.is_err());
    drop(open(&server.settings()).await);
}
