use std::net::{IpAddr, Ipv4Addr};

use decision::facts::Timestamp;
use decision::limit::{Algorithm, Asked, Part, Per, Who, Window, admit};
use prometheus::IntGauge;

use super::*;

const SECOND: u64 = 1_000_000_000;
const ONE: Terms = Terms { max: 1, burst: None };

fn counters(algorithm: Algorithm, most: usize) -> Counters {
    let gauge = IntGauge::new("limit_keys", "of a test").unwrap();
    Counters::new(Shape { algorithm, per: Per::of([Part::Ip]), failures: false }, most, gauge)
}

fn sliding() -> Algorithm {
    Algorithm::Sliding(Window::new(10).unwrap())
}

fn key(counters: &Counters, client: u32) -> Key {
    let ip = IpAddr::V4(Ipv4Addr::from_bits(client));
    let who = Who { credential: None, subject: None, org: None, ip, route: "" };
    counters.key(&counters.shape.per.key(&who).unwrap())
}

fn at(seconds: u64) -> Moment {
    Moment { elapsed: seconds * SECOND, wall: Timestamp(0) }
}

/// Whether a client is admitted; `None`: there is no room for it.
fn ask(counters: &Counters, client: u32, seconds: u64) -> Option<bool> {
    let key = key(counters, client);
    let mut shard = counters.lock(key).unwrap();
    let cell = counters.cell(&mut shard, key, at(seconds))?;
    Some(admit(&mut [Asked { cell, terms: ONE }], at(seconds)).is_ok())
}

#[test]
fn every_key_is_counted_by_itself() {
    let counters = counters(sliding(), 1000);
    for client in 0..500 {
        assert_eq!(ask(&counters, client, 0), Some(true));
        assert_eq!(ask(&counters, client, 0), Some(false));
    }
    assert_eq!((counters.keys(), counters.gauge.get()), (500, 500));
}

#[test]
fn a_flood_of_keys_evicts_nobody_and_admits_nobody_uncounted() {
    let counters = counters(sliding(), 100);
    assert!((0..100).all(|client| ask(&counters, client, 0) == Some(true)));
    assert!((100..5000).all(|client| ask(&counters, client, 1).is_none()));
    assert!((0..100).all(|client| ask(&counters, client, 1) == Some(false)));
    assert_eq!(counters.keys(), 100);
    // A window later the same shards have room again, without anybody's sweeping.
    assert!((0..100).all(|client| ask(&counters, client, 11) == Some(true)));
    let admitted = (100..5000).filter_map(|client| ask(&counters, client, 21));
    assert!(admitted.count() > 0);
    assert!(counters.keys() <= 100);
}

#[test]
fn idle_keys_are_forgotten_part_by_part_and_the_others_kept() {
    let counters = counters(sliding(), 10_000);
    assert!((0..1000).all(|client| ask(&counters, client, 0) == Some(true)));
    assert!((1000..2000).all(|client| ask(&counters, client, 5) == Some(true)));
    for part in 0..Counters::PARTS {
        counters.forget_idle(part, at(9));
    }
    assert_eq!(counters.keys(), 2000);
    for part in 0..Counters::PARTS {
        counters.forget_idle(Counters::PARTS + part, at(10));
    }
    assert_eq!((counters.keys(), counters.gauge.get()), (1000, 1000));
    assert_eq!(ask(&counters, 1000, 10), Some(false));
    let gauge = counters.gauge.clone();
    drop(counters);
    assert_eq!(gauge.get(), 0);
}

#[test]
fn a_place_that_is_given_back_leaves_nothing() {
    let counters = counters(Algorithm::Concurrency, 10);
    assert_eq!(ask(&counters, 7, 0), Some(true));
    assert_eq!(ask(&counters, 7, 100), Some(false));
    counters.release(key(&counters, 7));
    assert_eq!(counters.keys(), 0);
    assert_eq!(ask(&counters, 7, 100), Some(true));
}

#[test]
fn looking_at_a_key_adds_none_and_a_full_rule_says_so() {
    let counters = counters(sliding(), 1);
    let (one, other) = (key(&counters, 1), key(&counters, 2));
    assert_eq!(counters.look(one, ONE, at(0)), Some(Ok(())));
    assert_eq!(counters.keys(), 0);
    assert!(counters.count(one, ONE, at(0)));
    assert_eq!(counters.look(one, ONE, at(3)), Some(Err(7)));
    assert_eq!(counters.look(other, ONE, at(3)), None);
    assert!(!counters.count(other, ONE, at(3)));
    counters.forget_idle(0, at(3));
    assert_eq!(counters.keys(), 1);
}
