//! A log that does not lead on, under load: everything is asked for anew, and nobody notices.

use super::faults::trim;
use super::hammer::Hammer;
use super::*;

const CREDENTIALS: usize = 1000;

#[test]
fn when_everything_is_old_at_once_nobody_is_refused_and_each_record_is_read_once() {
    let redis = Redis::start();
    let fleet = Fleet::with(1, redis.address(), &["lease: 20s", "timeout: 5s"]);
    let gateway = &fleet.gateways[0];
    let keys: Vec<_> = (0..CREDENTIALS).map(|_| fleet.create()).collect();
    let mut client = gateway.connect();
    for key in &keys {
        assert_eq!(ask_on(&mut client, "/", &key.secret), 200);
    }
    let found =
        || gateway.metrics().count("store_duration_seconds_count", &[("operation", "find")]);
    let before = found();
    let secrets: Vec<String> = keys.iter().map(|key| key.secret.clone()).collect();
    let hammers: Vec<_> = (0..4).map(|_| Hammer::start(gateway, "/", secrets.clone())).collect();
    // Both are lost: the listener, and what it would have been told.
    fleet.proxies[0].shut();
    let other = Fleet::of(1, redis.address());
    other.warm();
    trim(&redis);
    fleet.proxies[0].open();
    eventually("all were asked for anew", || found() - before >= CREDENTIALS as u64);
    fleet.recovers_within(RECOVERY);
    for hammer in hammers {
        let answers = hammer.stop();
        assert!(answers.iter().all(|answer| answer.status == 200), "nobody is refused");
    }
    let asked = found() - before;
    // A change makes the few old that share its stripe.
    assert!(asked < 2 * CREDENTIALS as u64, "{asked} look-ups");
}
