//! The standing probe makes credentials all the time, and nobody is to meet them.

use redis::Value;

use super::{Server, open};
use crate::store::conformance::{NOW, at, credential, digest, id, new};
use crate::store::{AuditFilter, Filter, PROBE, Position, Store as _};

/// The names of all that lies in Redis.
async fn names(server: &Server) -> Vec<String> {
    let Value::Array(names) = server.run(&[b"KEYS", b"*"]).await else { panic!("no list") };
    let text = |name| match name {
        Value::BulkString(name) => String::from_utf8(name).unwrap(),
        other => panic!("{other:?}"),
    };
    let mut names: Vec<_> = names.into_iter().map(text).collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_the_probe_makes_stands_in_no_list_and_leaves_nothing_but_its_changes() {
    let server = Server::start(&[]).await;
    let redis = open(&server.settings()).await;
    // Whatever is there once there is a credential.
    for number in 0..2 {
        let one = credential(&format!("crd_{number}"));
        redis.create(new(one, number), &at(NOW)).await.unwrap();
    }
    let before = names(&server).await;
    let mut canary = credential("probe_1");
    (canary.api, canary.scheme) = (PROBE.into(), PROBE.into());
    redis.create(new(canary, 9), &at(NOW)).await.unwrap();

    let of = |change: &dyn Fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    };
    for filter in [
        of(&|_| {}),
        of(&|filter| filter.subject = Some("user_1".into())),
        of(&|filter| filter.scheme = Some(PROBE.into())),
        of(&|filter| filter.api = Some(PROBE.into())),
        of(&|filter| filter.state = Some(decision::facts::CredentialState::Active)),
    ] {
        let found = redis.list(&filter, None, 10, NOW).await.unwrap().items;
        assert!(found.iter().all(|found| found.id.as_str() != "probe_1"), "{filter:?}");
    }
    assert!(redis.find(PROBE, &digest(9).into()).await.unwrap().value.is_some());
    redis.revoke(&id("probe_1"), None, None, true, &at(NOW)).await.unwrap();
    assert_eq!(names(&server).await, before);
    let audit = redis.audit(&AuditFilter::default(), None, 10).await.unwrap().items;
    assert_eq!(audit.len(), 2, "{audit:?}");
    assert_eq!(redis.changes(Position(0), 10).await.unwrap().items.len(), 4);
}
