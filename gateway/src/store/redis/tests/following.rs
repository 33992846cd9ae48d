//! What a replica is told of the log, whatever has become of it.

use super::{Redis, Server, open};
use crate::store::conformance::{NOW, at, credential, digest, id, new, polled};
use crate::store::{Change, Followed, Mark, Position, SharedLog as _, Store as _, Told};

const BEGINNING: Mark = Mark { position: Position(0), link: 0 };

async fn create(redis: &Redis, number: u64) -> Change {
    let one = credential(&format!("crd_{number}"));
    redis.create(new(one, number), &at(NOW)).await.unwrap().change.unwrap()
}

async fn entries(redis: &Redis, after: Mark) -> Vec<Told> {
    match redis.follow(after, 100).await.unwrap() {
        Followed::Entries { items, .. } => items,
        other @ Followed::Broken { .. } => panic!("{other:?}"),
    }
}

async fn is_broken(redis: &Redis, after: Mark) -> bool {
    matches!(redis.follow(after, 100).await.unwrap(), Followed::Broken { .. })
}

#[tokio::test]
async fn changes_are_told_as_they_are_made_each_with_the_mark_before_it() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    let mut listener = redis.listen().await.unwrap();
    let mut last = BEGINNING;
    let mut told = Vec::new();
    for number in 0..3 {
        let made = create(&redis, number).await;
        let heard = listener.next().await.unwrap();
        assert_eq!((&heard.change, heard.before), (&made, last));
        last = heard.mark;
        told.push(heard);
    }
    redis.revoke(&id("crd_0"), None, None, true, &at(NOW)).await.unwrap();
    let gone = listener.next().await.unwrap();
    let crate::store::What::Credential { now, .. } = &gone.change.what else { panic!() };
    assert!(now.is_none());
    // The log has the same, but tells of each record as it is now.
    let read = entries(&redis, told[0].mark).await;
    assert_eq!(read, [told[1].clone(), told[2].clone(), gone]);
    assert!(entries(&redis, read[2].mark).await.is_empty());
}

#[tokio::test]
async fn two_entries_of_one_change_follow_each_other() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    create(&redis, 1).await;
    let mut ending = credential("crd_1");
    ending.expires_at = Some(NOW);
    redis.rotate(ending, new(credential("crd_2"), 2), &at(NOW)).await.unwrap();
    let read = entries(&redis, BEGINNING).await;
    let ids: Vec<_> = read.iter().map(|told| told.change.what.id().as_str()).collect();
    assert_eq!(ids, ["crd_1", "crd_1", "crd_2"]);
    assert!(read.is_sorted_by(|a, b| a.mark == b.before && a.mark.link != b.mark.link));
}

#[tokio::test]
async fn an_empty_log_leads_on_from_its_beginning_and_from_nowhere_else() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    assert!(entries(&redis, BEGINNING).await.is_empty());
    assert!(is_broken(&redis, Mark { position: Position(1), link: 5 }).await);
    assert!(is_broken(&redis, Mark { position: Position(0), link: 5 }).await);
    create(&redis, 1).await;
    assert_eq!(entries(&redis, BEGINNING).await.len(), 1);
    assert!(is_broken(&redis, Mark { position: Position(0), link: 5 }).await);
}

#[tokio::test]
async fn a_log_that_was_trimmed_moved_backwards_or_is_another_is_broken() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    for number in 0..4 {
        create(&redis, number).await;
    }
    let read = entries(&redis, BEGINNING).await;
    let marks: Vec<_> = read.iter().map(|told| told.mark).collect();
    server.run(&[b"XTRIM", b"{portcullis}:log", b"MINID", b"3-0"]).await;
    assert!(is_broken(&redis, BEGINNING).await && is_broken(&redis, marks[0]).await);
    // What follows is still there, and the newest needs nothing.
    assert_eq!(entries(&redis, marks[1]).await.len(), 2);
    server.run(&[b"XTRIM", b"{portcullis}:log", b"MAXLEN", b"0"]).await;
    assert!(is_broken(&redis, marks[2]).await);
    assert!(entries(&redis, marks[3]).await.is_empty());
    // Positions that others have taken, in another history.
    let other = Mark { link: marks[3].link ^ 1, ..marks[3] };
    assert!(is_broken(&redis, other).await);
    create(&redis, 4).await;
    assert!(is_broken(&redis, other).await && entries(&redis, marks[3]).await.len() == 1);
    server.run(&[b"FLUSHALL"]).await;
    assert!(is_broken(&redis, marks[3]).await);
    for number in 0..5 {
        create(&redis, number).await;
    }
    for mark in marks {
        assert!(is_broken(&redis, mark).await);
    }
    assert!(redis.find("app", &digest(4).into()).await.unwrap().value.is_some());
}

#[tokio::test]
async fn a_listener_that_is_dropped_while_it_waits_loses_nothing() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    let mut listener = redis.listen().await.unwrap();
    for number in 0..20 {
        {
            let mut waiting = listener.next();
            assert!(polled(waiting.as_mut()).await.is_pending());
        }
        let made = create(&redis, number).await;
        assert_eq!(listener.next().await.unwrap().change, made);
    }
}

#[tokio::test]
async fn a_subscription_that_is_cut_or_silent_is_told() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    let mut listener = redis.listen().await.unwrap();
    server.run(&[b"CLIENT", b"KILL", b"TYPE", b"pubsub"]).await;
    assert!(listener.next().await.is_err());
    // Who is not with the server any more listens to it no longer: another may tell of changes now.
    let mut listener = redis.listen().await.unwrap();
    server.run(&[b"CLIENT", b"KILL", b"TYPE", b"normal"]).await;
    assert!(listener.next().await.is_err());
    let mut listener = redis.listen().await.unwrap();
    server.signal("-STOP");
    assert!(listener.next().await.is_err());
    server.signal("-CONT");
}
