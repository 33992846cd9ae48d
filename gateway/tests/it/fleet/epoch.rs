//! A log that does not lead on, under load: everything is asked for anew, and nobody notices.

use std::collections::BTreeSet;

use super::faults::trim;
use super::hammer::Hammer;
use super::*;

const CREDENTIALS: usize = 1000;
/// Whose record a change of the probe's has made old, because it shares its stripe, and who is asked for while there is nobody to
/// ask: that is one in four, for each change.
const OLD: usize = 10;

#[test]
fn when_everything_is_old_at_once_nobody_is_refused_and_each_record_is_read_once() {
    let redis = Redis::start();
    let fleet = Fleet::with(1, redis.address(), &["lease: 20s", "timeout: 5s"]);
    let gateway = &fleet.gateways[0];
    // Each of a subject of its own, so that one old record is one credential's affair.
    let mint = |number: usize| {
        let subject = format!("u_{number}");
        gateway.create(&json!({ "api": "app", "scheme": "key", "subject": subject })).1
    };
    let secrets: Vec<String> = (0..CREDENTIALS).map(mint).collect();
    let mut client = gateway.connect();
    for secret in &secrets {
        assert_eq!(ask_on(&mut client, "/", secret), 200);
    }
    let found =
        || gateway.metrics().count("store_duration_seconds_count", &[("operation", "find")]);
    let before = found();
    let hammers: Vec<_> = (0..4).map(|_| Hammer::start(gateway, "/", secrets.clone())).collect();
    // Both are lost: the listener, and what it would have been told.
    fleet.proxies[0].shut();
    let other = Fleet::of(1, redis.address());
    other.warm();
    trim(&redis);
    fleet.proxies[0].open();
    eventually("all were asked for anew", || found() - before >= CREDENTIALS as u64);
    fleet.recovers_within(RECOVERY);
    let mut refused = BTreeSet::new();
    for answer in hammers.into_iter().flat_map(Hammer::stop) {
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        refused.extend((answer.status == 503).then_some(answer.which));
    }
    assert!(refused.len() <= OLD, "{} were refused", refused.len());
    let asked = found() - before;
    // A change makes the few old that share its stripe.
    assert!(asked < 2 * CREDENTIALS as u64, "{asked} look-ups");
}
