//! The register of replicas.

use std::time::Duration;

use super::{Redis, Server, eventually, open};
use crate::store::conformance::{NOW, at, credential, new};
use crate::store::{Mark, Position, Register, Report, SharedLog as _, Store as _};

fn report(instance: &str, applied: Mark) -> Report {
    Report {
        instance: instance.into(),
        replica: "a replica".into(),
        number: 1,
        version: "1.2.3".into(),
        applied,
        lease: Duration::from_secs(2),
        bound: Duration::from_secs(32),
        generation: 7,
    }
}

const BEGINNING: Mark = Mark { position: Position(0), link: 0 };

async fn head(redis: &Redis) -> Mark {
    redis.register().await.unwrap().head
}

async fn create(redis: &Redis, number: u64) -> Mark {
    let one = credential(&format!("crd_{number}"));
    redis.create(new(one, number), &at(NOW)).await.unwrap();
    head(redis).await
}

#[tokio::test]
async fn a_report_is_entered_and_answered_with_the_head() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    assert_eq!(redis.report(&report("one", BEGINNING)).await.unwrap(), BEGINNING);
    let first = create(&redis, 1).await;
    let second = create(&redis, 2).await;
    assert!(first.position < second.position && first.link != second.link);
    assert_eq!(redis.report(&report("one", first)).await.unwrap(), second);
    assert_eq!(redis.report(&report("two", second)).await.unwrap(), second);
    let Register { now, head, replicas } = redis.register().await.unwrap();
    assert_eq!(head, second);
    let reports: Vec<_> = replicas.iter().map(|one| one.report.clone()).collect();
    assert_eq!(reports, [report("one", first), report("two", second)]);
    assert!(replicas.iter().all(|one| one.is_live(now) && one.reported_at <= now));
    redis.leave("one").await.unwrap();
    redis.leave("nobody").await.unwrap();
    let left = redis.register().await.unwrap().replicas;
    assert_eq!(left.into_iter().map(|one| one.report.instance).collect::<Vec<_>>(), ["two"]);
}

#[tokio::test]
async fn a_position_of_another_history_is_entered_as_none() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    let first = create(&redis, 1).await;
    let second = create(&redis, 2).await;
    for (applied, expected) in [
        (BEGINNING, BEGINNING),
        (first, first),
        (second, second),
        (Mark { link: first.link ^ 1, ..first }, BEGINNING),
        (Mark { link: second.link ^ 1, ..second }, BEGINNING),
        (Mark { position: Position(9), ..second }, BEGINNING),
    ] {
        assert_eq!(redis.report(&report("one", applied)).await.unwrap(), second);
        let entered = redis.register().await.unwrap().replicas.pop().unwrap();
        assert_eq!(entered.report.applied, expected, "{applied:?}");
    }
}

/// From a connection that was given up, for example: what was said there first must not hold in the stead of what was said later.
#[tokio::test]
async fn a_report_that_comes_after_a_later_one_is_not_entered_and_not_answered() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    let mark = create(&redis, 1).await;
    let late = Report { bound: Duration::from_secs(2), ..report("one", BEGINNING) };
    let later = Report { number: 10, ..report("one", mark) };
    assert_eq!(redis.report(&later).await.unwrap(), mark);
    assert!(redis.report(&late).await.is_err());
    assert!(redis.report(&Report { number: 9, ..late.clone() }).await.is_err());
    let entered = async || redis.register().await.unwrap().replicas.pop().unwrap().report;
    assert_eq!(entered().await, later);
    // What follows is entered, and so is what others say.
    let next = Report { number: 11, ..late };
    assert_eq!(redis.report(&next).await.unwrap(), mark);
    assert_eq!(entered().await, next);
    assert_eq!(redis.report(&report("two", mark)).await.unwrap(), mark);
}

#[tokio::test]
async fn who_is_silent_past_his_bound_is_no_longer_live_and_is_dropped_a_minute_later() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    let short = Report { bound: Duration::from_millis(1), ..report("short", BEGINNING) };
    redis.report(&short).await.unwrap();
    eventually("it is not live any more", async || {
        let register = redis.register().await.unwrap();
        (!register.replicas[0].is_live(register.now)).then_some(())
    })
    .await;
    // As if it had been said long ago.
    server.run(&[b"HSET", b"{portcullis}:replicas", b"short", b"1000 1 1 x"]).await;
    server.run(&[b"DEL", b"{portcullis}:swept"]).await;
    redis.report(&report("long", BEGINNING)).await.unwrap();
    let left = redis.register().await.unwrap().replicas;
    assert_eq!(left.into_iter().map(|one| one.report.instance).collect::<Vec<_>>(), ["long"]);
}
