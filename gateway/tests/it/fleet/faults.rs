//! Networks and processes that fail: how late a revoked credential is still admitted, what is said meanwhile, and how soon
//! everything is well again.

use std::thread;

use super::hammer::{Answered, Hammer, last_admission};
use super::*;
use crate::support::proxy::Way;
use crate::support::redis::Reply;

/// Trims the log to nothing.
#[track_caller]
pub(super) fn trim(redis: &Redis) {
    let Reply::List(names) = redis.command(&["KEYS", "{portcullis}*"]) else { panic!("no names") };
    let mut trimmed = 0;
    for name in names.iter().map(Reply::text) {
        if redis.command(&["TYPE", name]).text() == "stream" {
            redis.command(&["XTRIM", name, "MAXLEN", "0"]);
            trimmed += 1;
        }
    }
    assert!(trimmed > 0, "there is no stream: {names:?}");
}

/// What the second gateway answered to requests of a revoked credential and of one that is good.
struct Seen {
    /// When the revocation was acknowledged.
    revoked: Instant,
    refused: Vec<Answered>,
    served: Vec<Answered>,
    good: Vec<Answered>,
}

/// Revokes a credential at the first gateway while the second is in trouble, and watches that one for as long as anybody could
/// still be admitted.
#[track_caller]
fn in_trouble(fleet: &Fleet, begin: impl FnOnce()) -> (Key, Seen) {
    let (good, key) = (fleet.warm(), fleet.warm());
    let second = &fleet.gateways[1];
    eventually("it is known on the other route", || ask(second, "/serve/x", &key) == 200);
    let hammers = [("/", &key), ("/serve/x", &key), ("/", &good)]
        .map(|(target, key)| Hammer::start(second, target, vec![key.secret.clone()]));
    begin();
    let (status, answer) = fleet.revoke(0, &key, "");
    assert_eq!(status, 200, "{answer}");
    let revoked = Instant::now();
    // This is the time that is watched, and no wait for anything.
    thread::sleep(LEASE + SERVE + BEYOND * 2);
    let [refused, served, good] = hammers.map(Hammer::stop);
    (key, Seen { revoked, refused, served, good })
}

impl Seen {
    /// No later than promised, and never "no" where nobody can tell.
    #[track_caller]
    fn is_bounded(&self) {
        let last = last_admission(&self.refused, self.revoked);
        assert!(last <= LEASE + BEYOND, "admitted {last:?} after the revocation");
        let last = last_admission(&self.served, self.revoked);
        assert!(last <= LEASE + SERVE + BEYOND, "served {last:?} after the revocation");
        for answer in self.good.iter().chain(&self.served).chain(&self.refused) {
            assert!(matches!(answer.status, 200 | 401 | 503), "{}", answer.status);
        }
        assert!(self.good.iter().all(|answer| answer.status != 401), "a good one was refused");
    }

    /// Nobody could tell for a while.
    #[track_caller]
    fn could_not_tell(&self) {
        assert!(self.good.iter().any(|answer| answer.status == 503));
    }

    /// And the revocation was not heard of: so it was admitted for as long as that was promised, and no longer.
    #[track_caller]
    fn did_not_hear(&self) {
        assert!(self.refused.iter().any(|answer| answer.status == 503));
        let served = last_admission(&self.served, self.revoked);
        assert!(served > last_admission(&self.refused, self.revoked), "{served:?}");
    }
}

#[test]
fn with_its_listener_killed_between_every_two_revocations_each_still_gets_there() {
    let (_redis, fleet) = fleet(2);
    let keys: Vec<_> = (0..20).map(|_| fleet.warm()).collect();
    for key in &keys {
        eventually("it listens", || fleet.proxies[1].cut_listeners() > 0);
        let (status, answer) = fleet.revoke(0, key, "");
        assert_eq!(status, 200, "{answer}");
        let revoked = Instant::now();
        let mut client = fleet.gateways[1].connect();
        let mut last = Duration::ZERO;
        eventually("it is refused", || {
            let sent = revoked.elapsed();
            let is_admitted = ask_on(&mut client, "/", &key.secret) == 200;
            if is_admitted {
                last = sent;
            }
            !is_admitted
        });
        assert!(last <= LEASE + BEYOND, "admitted {last:?} after the revocation");
        eventually("it can tell", || {
            let status = ask_on(&mut client, "/", &key.secret);
            assert_ne!(status, 200, "it was refused, and now is admitted");
            status == 401
        });
    }
    fleet.recovers_within(RECOVERY);
}

#[test]
fn with_either_direction_lost_nobody_is_admitted_beyond_the_lease() {
    for way in [Way::ToServer, Way::ToClient] {
        let (_redis, fleet) = fleet(2);
        let (key, seen) = in_trouble(&fleet, || fleet.proxies[1].hold(way));
        seen.is_bounded();
        seen.could_not_tell();
        // What comes from Redis still tells of changes; only reports are not answered.
        if way == Way::ToClient {
            seen.did_not_hear();
        }
        fleet.proxies[1].open();
        fleet.recovers_within(RECOVERY);
        assert_eq!(ask(&fleet.gateways[1], "/", &key), 401, "{way:?}");
    }
}

#[test]
fn cut_off_nobody_is_admitted_beyond_the_lease() {
    let (_redis, fleet) = fleet(2);
    let (key, seen) = in_trouble(&fleet, || fleet.proxies[1].shut());
    seen.is_bounded();
    seen.could_not_tell();
    seen.did_not_hear();
    fleet.proxies[1].open();
    fleet.recovers_within(RECOVERY);
    assert_eq!(ask(&fleet.gateways[1], "/", &key), 401);
}

#[test]
fn with_the_log_trimmed_to_nothing_while_it_was_cut_off_a_replica_takes_everything_for_old() {
    let (redis, fleet) = fleet(2);
    let (key, seen) = in_trouble(&fleet, || fleet.proxies[1].shut());
    seen.is_bounded();
    trim(&redis);
    fleet.proxies[1].open();
    let hammer = Hammer::start(&fleet.gateways[1], "/", vec![key.secret.clone()]);
    fleet.recovers_within(RECOVERY);
    assert!(hammer.stop().iter().all(|answer| answer.status != 200));
    assert_eq!(ask(&fleet.gateways[1], "/", &key), 401);
}

/// A slow store is one that is down, until it answers in time.
#[test]
fn with_a_network_slower_than_the_lease_nobody_is_admitted_beyond_it() {
    let (_redis, fleet) = fleet(2);
    let (key, seen) = in_trouble(&fleet, || fleet.proxies[1].delay(LEASE));
    seen.is_bounded();
    seen.could_not_tell();
    fleet.proxies[1].open();
    fleet.proxies[1].cut();
    fleet.recovers_within(RECOVERY);
    assert_eq!(ask(&fleet.gateways[1], "/", &key), 401);
}

#[test]
fn with_redis_standing_still_it_is_503_after_the_lease_and_goes_on_when_redis_does() {
    let (redis, fleet) = fleet(2);
    let (good, keys) = (fleet.warm(), [fleet.warm(), fleet.warm()]);
    for key in &keys {
        assert_eq!(fleet.revoke(0, key, "?wait=all&timeout=20s").0, 200);
        for gateway in &fleet.gateways {
            assert_eq!(ask(gateway, "/", key), 401, "and from now on that is known here");
        }
    }
    let secrets = [&good, &keys[0], &keys[1]].map(|key| key.secret.clone());
    let hammers: Vec<_> = fleet
        .gateways
        .iter()
        .map(|gateway| Hammer::start(gateway, "/", secrets.to_vec()))
        .collect();
    redis.freeze();
    let frozen = Instant::now();
    for gateway in &fleet.gateways {
        eventually("nobody can tell any more", || ask(gateway, "/", &good) == 503);
    }
    let (status, answer) = fleet.revoke(0, &good, "?wait=all&timeout=100ms");
    assert_eq!(status, 503, "what Redis has not done is not acknowledged: {answer}");
    let thawed = Instant::now();
    redis.thaw();
    fleet.recovers_within(RECOVERY);
    for hammer in hammers {
        let answers = hammer.stop();
        let (first, others): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.which == 0);
        let until = |answer: &&Answered| answer.status == 200 && answer.sent < thawed;
        let last = first.iter().filter(until).map(|answer| answer.sent).max().unwrap();
        assert!(last <= frozen + LEASE + BEYOND, "{:?}", last - frozen);
        // Once one is revoked it stays so, whatever cannot be told.
        assert!(others.iter().all(|answer| answer.status == 401), "{others:?}");
    }
}

#[test]
fn a_gateway_that_was_stopped_for_longer_than_the_lease_wakes_up_knowing_that() {
    let (_redis, fleet) = fleet(2);
    let (good, key) = (fleet.warm(), fleet.warm());
    let second = &fleet.gateways[1];
    let mut before = second.connect();
    assert_eq!(ask_on(&mut before, "/", &key.secret), 200);
    second.freeze();
    // The kernel takes both, and the gateway finds them when it wakes up.
    let field = [("x-api-key", key.secret.as_str())];
    before.send(request("GET", "/", &field, ""));
    let mut new = second.connect();
    new.send(request("GET", "/", &field, ""));
    let (status, answer) = fleet.revoke(0, &key, "?wait=all&timeout=20s");
    assert_eq!((status, &answer["propagation"]["complete"]), (200, &json!(true)), "{answer}");
    assert_eq!(answer["propagation"]["replicas"][1]["state"], "lapsed");
    second.thaw();
    for client in [&mut before, &mut new] {
        let status = client.response().status;
        assert!(matches!(status, 401 | 503), "{status}");
    }
    fleet.recovers_within(RECOVERY);
    assert_eq!((ask(second, "/", &key), ask(second, "/", &good)), (401, 200));
}
