//! A pepper that is replaced while several replicas are running: some have the one in force, some the other.

use decision::secret::{Digests, Peppers, Sealed};

use super::{Redis, Server, eventually, pepper, peppers, try_open};
use crate::store::conformance::resources::resource;
use crate::store::conformance::subjects::subject;
use crate::store::conformance::{NOW, at, changed, credential, digest, id, new, told};
use crate::store::redis::notes::{Expected, Note, look};
use crate::store::{
    AuditFilter, Begun, ChangeKind, Filter, New, Position, RepeatKey, SharedLog as _, Store as _,
};

/// Of replicas that were not restarted yet.
fn before() -> Peppers {
    Peppers::new(pepper("first"), [pepper("second")])
}

fn after() -> Peppers {
    Peppers::new(pepper("second"), [pepper("first")])
}

/// What the secret of `number` is to a replica that has not, and to one that has the new pepper in force.
fn digests(number: u64) -> (Digests, Digests) {
    let (first, second) = (digest(number), digest(number + 10));
    (
        Digests { current: first, previous: [second].into() },
        Digests { current: second, previous: [first].into() },
    )
}

async fn two(server: &Server) -> (Redis, Redis) {
    let old = try_open(&server.settings(), &before()).await.unwrap();
    old.create(new(credential("crd_1"), 1), &at(NOW)).await.unwrap();
    let young = try_open(&server.settings(), &after()).await.unwrap();
    (old, young)
}

async fn head(redis: &Redis) -> Position {
    redis.register().await.unwrap().head.position
}

#[tokio::test]
async fn replicas_of_two_peppers_do_not_take_a_credential_from_each_other() {
    let server = Server::start(&[]).await;
    let (old, young) = two(&server).await;
    let (by_old, by_young) = digests(1);
    let moved = young.find("app", &by_young).await.unwrap().position;
    for _ in 0..3 {
        for (redis, digests) in [(&old, &by_old), (&young, &by_young)] {
            let read = redis.find("app", digests).await.unwrap();
            assert_eq!((read.value, read.position), (Some(credential("crd_1")), moved));
        }
    }
    // Nor one that only the young have seen; that the old know it, too, is noted once.
    let made = New { digests: by_young_of(2), ..new(credential("crd_2"), 0) };
    young.create(made, &at(NOW)).await.unwrap();
    let noted = old.find("app", &digests(2).0).await.unwrap().position;
    for (redis, digests) in [(&old, digests(2).0), (&young, digests(2).1)] {
        let read = redis.find("app", &digests).await.unwrap();
        assert_eq!((read.value, read.position), (Some(credential("crd_2")), noted));
    }
}

fn by_young_of(number: u64) -> Digests {
    digests(number).1
}

#[tokio::test]
async fn a_change_is_told_by_every_digest_that_replicas_know_the_credential_by() {
    let server = Server::start(&[]).await;
    let (old, young) = two(&server).await;
    let (by_old, by_young) = digests(1);
    young.find("app", &by_young).await.unwrap();
    old.find("app", &by_old).await.unwrap();
    let digests = async |since: Position| {
        let log = young.changes(since, 10).await.unwrap().items;
        let of = |kind: ChangeKind| log.iter().all(|change| change.kind == kind);
        (log.iter().map(|change| told(change).2).collect::<Vec<_>>(), of(ChangeKind::Revoked))
    };
    // Whoever makes it is given the last, and that is the one that he knows it by.
    let since = head(&old).await;
    let revoked = old.revoke(&id("crd_1"), None, None, false, &at(NOW)).await.unwrap();
    let (_, change) = changed(revoked);
    assert_eq!((told(&change).2, change.position), (digest(1), head(&old).await));
    assert_eq!(digests(since).await, (vec![digest(11), digest(1)], true));

    let since = head(&old).await;
    let (_, change) = changed(young.delete(&id("crd_1"), None, &at(NOW)).await.unwrap());
    assert_eq!((told(&change).2, change.position), (digest(11), head(&old).await));
    assert_eq!(digests(since).await.0, [digest(1), digest(11)]);
    assert!(old.find("app", &by_old).await.unwrap().value.is_none());
}

#[tokio::test]
async fn who_only_connects_anew_does_not_put_his_pepper_back_in_force() {
    let server = Server::start(&[]).await;
    let (old, _young) = two(&server).await;
    let in_force = server.value("pepper").await;
    let generation = old.link.generation().await.unwrap();
    server.run(&[b"CLIENT", b"KILL", b"TYPE", b"normal"]).await;
    eventually("it has connected anew", async || {
        (old.link.generation().await.ok()? != generation).then_some(())
    })
    .await;
    assert_eq!(server.value("pepper").await, in_force);
}

/// One of each kind, under the first pepper alone.
async fn filled(server: &Server) {
    let first = try_open(&server.settings(), &peppers("first")).await.unwrap();
    let sealed = Some(Sealed::from_bytes(vec![1, 2, 3]));
    first.create(New { sealed, ..new(credential("crd_1"), 1) }, &at(NOW)).await.unwrap();
    for number in 2..=3 {
        let one = credential(&format!("crd_{number}"));
        first.create(new(one, number), &at(NOW)).await.unwrap();
    }
    first.delete(&id("crd_3"), None, &at(NOW)).await.unwrap();
    first.put_subject("realm", subject("user"), &at(NOW)).await.unwrap();
    first.put_resource("realm", resource("org", None), &[], &at(NOW)).await.unwrap();
    first.begin(&key(), [7; 32], NOW).await.unwrap();
}

fn key() -> RepeatKey {
    RepeatKey { author: "an author".into(), key: "a key".into() }
}

#[tokio::test]
async fn records_are_signed_anew_and_then_the_previous_pepper_can_be_given_up() {
    let server = Server::start(&[]).await;
    filled(&server).await;
    let both = try_open(&server.settings(), &after()).await.unwrap();
    // Only one of the two is used meanwhile.
    assert!(both.find("app", &digests(1).1).await.unwrap().value.is_some());
    let only = try_open(&server.settings(), &peppers("second")).await.unwrap();
    eventually("all is signed anew", async || {
        only.subject("realm", &id("user")).await.ok()?.value?;
        only.resource("realm", &id("org")).await.ok()?.value?;
        only.reveal(&id("crd_1"), None, &at(NOW)).await.ok()??;
        only.get(&id("crd_2")).await.ok()??;
        only.revoke(&id("crd_3"), None, None, false, &at(NOW)).await.ok()?;
        let begun = only.begin(&key(), [7; 32], NOW).await.ok()?;
        matches!(begun, Begun::Running).then_some(())
    })
    .await;
    let ttl = server.run(&[b"PTTL", b"{portcullis}:deleted:crd_3"]).await;
    assert!(matches!(ttl, redis::Value::Int(1..)), "{ttl:?}");

    // Who was not seen meanwhile is found by nobody any more, but listed, and counted.
    assert!(only.find("app", &digest(11).into()).await.unwrap().value.is_some());
    assert!(only.find("app", &digest(12).into()).await.unwrap().value.is_none());
    let listed = only.list(&Filter::default(), None, 10, NOW).await.unwrap().items;
    assert_eq!(listed.len(), 2);
    let expected = Expected { acknowledge: 0, peppers: vec![&only.pepper] };
    let notes = look(only.link.live().await.unwrap().changes, &expected).await.unwrap();
    assert!(notes.contains(&Note::Lost(1)), "{notes:?}");
    // What the former pepper has signed in the logs hides nothing that came later.
    let audit = only.audit(&AuditFilter::default(), None, 100).await.unwrap().items;
    assert!(!audit.is_empty());
    let log = only.changes(Position(0), 100).await.unwrap();
    assert!(log.trimmed && log.items.is_empty());
}
