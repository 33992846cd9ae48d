//! A master is lost, and a replica takes its place, under Sentinel.

use super::hammer::Hammer;
use super::*;
use crate::support::redis::Reply;

/// How long Sentinel waits for a master that does not answer, in milliseconds.
const DOWN_AFTER: u32 = 1000;

struct House {
    master: Redis,
    replica: Redis,
    sentinel: Redis,
    fleet: Fleet,
}

impl House {
    fn new(store: &[&str]) -> Self {
        let master = Redis::start();
        let replica = Redis::replica_of(master.address());
        let sentinel = Redis::sentinel(master.address(), DOWN_AFTER);
        eventually("the sentinel knows the replica", || {
            let Reply::List(known) = sentinel.command(&["SENTINEL", "REPLICAS", "main"]) else {
                return false;
            };
            !known.is_empty()
        });
        let url = format!("redis+sentinel://{}/main/0", sentinel.address());
        let routes = "routes: [{ path: /** }]";
        let fleet = Fleet::at(2, &url, Upstream::echo(), routes, store);
        Self { master, replica, sentinel, fleet }
    }

    /// Loses the master, and waits until the replica has taken its place.
    #[track_caller]
    fn fail_over(&mut self) {
        self.master.kill();
        let port = self.replica.address().port().to_string();
        eventually("the replica has taken the master's place", || {
            let asked = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"];
            match self.sentinel.command(&asked) {
                Reply::List(address) => address.last() == Some(&Reply::Text(port.clone())),
                _ => false,
            }
        });
        eventually("it takes changes", || {
            self.replica.info("replication", "role").as_deref() == Some("master")
        });
    }

    /// Within the time that there is for it once there is a master.
    #[track_caller]
    fn is_well_again(&self, good: &Key) {
        let began = Instant::now();
        for gateway in &self.fleet.gateways {
            eventually("it is well again", || ask(gateway, "/", good) == 200);
        }
        assert!(began.elapsed() < RECOVERY, "it took {:?}", began.elapsed());
    }

    /// From now on the master's changes stay with it, and are lost with it.
    fn stop_replication(&self) {
        self.replica.freeze();
        // Fills what the kernel holds between the two.
        self.master.command(&["SET", "filling", &"x".repeat(32 << 20)]);
    }

    /// Loses the master with all that the replica does not hold.
    #[track_caller]
    fn fail_over_and_lose(&mut self) {
        self.master.kill();
        self.replica.thaw();
        self.fail_over();
    }
}

#[test]
fn what_the_new_master_holds_stays_revoked_and_everything_goes_on() {
    let mut house = House::new(&["acknowledge: 1"]);
    let (good, key) = (house.fleet.warm(), house.fleet.warm());
    assert_eq!(house.fleet.revoke(0, &key, "?wait=all&timeout=20s").0, 200);
    let secrets = vec![good.secret.clone(), key.secret.clone()];
    let hammers: Vec<_> = house
        .fleet
        .gateways
        .iter()
        .map(|gateway| Hammer::start(gateway, "/", secrets.clone()))
        .collect();
    house.fail_over();
    // With one replica, of which none is left, nothing can be acknowledged; look-ups go on.
    house.is_well_again(&good);
    for gateway in &house.fleet.gateways {
        assert_eq!(ask(gateway, "/", &key), 401);
    }
    for answer in hammers.into_iter().flat_map(Hammer::stop) {
        let expected = if answer.which == 0 { [200, 503] } else { [401, 503] };
        assert!(expected.contains(&answer.status), "{answer:?}");
    }
}

#[test]
fn a_change_that_no_replica_holds_is_not_acknowledged_and_may_be_repeated() {
    let mut house = House::new(&["acknowledge: 1"]);
    let key = house.fleet.warm();
    house.replica.freeze();
    let (status, answer) = house.fleet.revoke(0, &key, "");
    assert_eq!((status, &answer["code"]), (503, &json!("store_unavailable")), "{answer}");
    house.replica.thaw();
    eventually("it is acknowledged", || house.fleet.revoke(0, &key, "?wait=all").0 == 200);
    house.fail_over();
    for gateway in &house.fleet.gateways {
        eventually("it can tell again", || ask(gateway, "/", &key) != 503);
        assert_eq!(ask(gateway, "/", &key), 401);
    }
}

/// The new history has other changes at the positions that are lost; nobody may take one for the other.
#[test]
fn a_failover_that_loses_the_last_changes_is_another_history() {
    let mut house = House::new(&[]);
    let (good, key) = (house.fleet.warm(), house.fleet.warm());
    house.stop_replication();
    let lost: Vec<_> = (0..20).map(|_| house.fleet.warm()).collect();
    assert_eq!(house.fleet.revoke(0, &lost[0], "?wait=all&timeout=20s").0, 200);
    let hammer = Hammer::start(&house.fleet.gateways[1], "/", vec![good.secret.clone()]);
    house.fail_over_and_lose();
    house.is_well_again(&good);
    for gateway in &house.fleet.gateways {
        // They were never made, as the new master has it.
        eventually("what was lost is unknown", || ask(gateway, "/", &lost[1]) == 401);
    }
    // Far below the position that was applied before.
    let (status, answer) = house.fleet.revoke(1, &key, "?wait=all&timeout=20s");
    assert_eq!((status, &answer["propagation"]["complete"]), (200, &json!(true)), "{answer}");
    for gateway in &house.fleet.gateways {
        assert_eq!((ask(gateway, "/", &key), ask(gateway, "/", &good)), (401, 200));
    }
    assert!(hammer.stop().iter().all(|answer| answer.status != 401), "nobody could tell");
}

#[test]
fn what_was_acknowledged_is_not_among_what_a_failover_loses() {
    let mut house = House::new(&["acknowledge: 1"]);
    let (good, held, lost) = (house.fleet.warm(), house.fleet.warm(), house.fleet.warm());
    assert_eq!(house.fleet.revoke(0, &held, "").0, 200);
    house.stop_replication();
    let (status, answer) = house.fleet.revoke(0, &lost, "");
    assert_eq!(status, 503, "no replica holds it: {answer}");
    house.fail_over_and_lose();
    house.is_well_again(&good);
    for gateway in &house.fleet.gateways {
        assert_eq!(ask(gateway, "/", &held), 401);
        eventually("what nobody acknowledged is undone", || ask(gateway, "/", &lost) == 200);
    }
}

/// As Redis is to be run (`docs/revocation.md`): else it would go on renewing leases beside the new master.
#[test]
fn a_master_that_has_lost_its_replicas_renews_no_lease() {
    let master = Redis::with(&["--min-replicas-to-write", "1", "--min-replicas-max-lag", "3"]);
    let replica = Redis::replica_of(master.address());
    let fleet = Fleet::of(2, master.address());
    let key = fleet.create_eventually();
    for gateway in &fleet.gateways {
        eventually("it is admitted", || ask(gateway, "/", &key) == 200);
    }
    replica.freeze();
    for gateway in &fleet.gateways {
        eventually("nobody can tell any more", || ask(gateway, "/", &key) == 503);
    }
    replica.thaw();
    for gateway in &fleet.gateways {
        eventually("it is admitted again", || ask(gateway, "/", &key) == 200);
    }
}
