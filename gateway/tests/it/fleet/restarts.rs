//! Redis ends and starts again.

use super::hammer::Hammer;
use super::*;

/// What gateways say while Redis is away and once it is back: of a credential that was good, and of one that was revoked.
#[track_caller]
fn restarted(mut redis: Redis, keeps: bool) {
    let fleet = Fleet::of(2, redis.address());
    let (good, key) = (fleet.warm(), fleet.warm());
    assert_eq!(fleet.revoke(0, &key, "?wait=all&timeout=20s").0, 200);
    let hammers =
        [&good, &key].map(|key| Hammer::start(&fleet.gateways[1], "/", vec![key.secret.clone()]));
    redis.kill();
    for gateway in &fleet.gateways {
        eventually("nobody can tell any more", || ask(gateway, "/", &good) == 503);
    }
    // Nobody was told "no" as long as nobody could tell.
    let [first, second] = hammers.map(Hammer::stop);
    assert!(first.iter().all(|answer| matches!(answer.status, 200 | 503)));
    assert!(second.iter().all(|answer| matches!(answer.status, 401 | 503)));

    redis.start_again();
    fleet.recovers_within(RECOVERY);
    for gateway in &fleet.gateways {
        // What Redis has lost is unknown; what it has kept is as it was.
        let expected = if keeps { 200 } else { 401 };
        assert_eq!((ask(gateway, "/", &good), ask(gateway, "/", &key)), (expected, 401));
        let (_, answer) = gateway.admin("GET", "/v1/replicas", &Value::Null);
        assert_eq!(answer["items"].as_array().unwrap().len(), 2, "{answer}");
    }
}

#[test]
fn what_redis_has_kept_is_known_again_without_a_restart_of_anybody_else() {
    restarted(Redis::persistent(), true);
}

#[test]
fn what_redis_has_lost_is_unknown_and_new_credentials_work() {
    restarted(Redis::start(), false);
}

/// The new log has lower positions, and may even have come as far as the old one.
#[test]
fn a_redis_that_comes_back_empty_and_is_filled_again_is_another_log() {
    let mut redis = Redis::start();
    let fleet = Fleet::of(2, redis.address());
    let old: Vec<_> = (0..5).map(|_| fleet.warm()).collect();
    fleet.proxies[1].shut();
    redis.kill();
    redis.start_again();
    let new: Vec<_> = (0..20).map(|_| fleet.create_eventually()).collect();
    fleet.proxies[1].open();
    fleet.recovers_within(RECOVERY);
    for gateway in &fleet.gateways {
        // One whose lease has not lapsed yet may still be on its way back.
        eventually("the old log is forgotten", || ask(gateway, "/", &old[0]) == 401);
        assert!(old.iter().all(|key| ask(gateway, "/", key) == 401));
        assert!(new.iter().all(|key| ask(gateway, "/", key) == 200));
    }
}
