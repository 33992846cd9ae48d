//! The lease and the fence that requests use, under a model checker, with a store that others change: fills, changes that are
//! heard of and that are not, what a follower does, time, and requests, in every order.
//!
//! What must hold: a request never decides on a fact that was changed longer ago than the lease lasts.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use shuttle::thread;

use super::{Cell, Epoch, Fence, Modelled, Position, at, key};
use crate::facts::lease::{Contact, Terms};

/// How long it lasts, in steps of the modelled clock.
const LEASE: u64 = 2;
/// Steps of the clock that a route of the model adds.
const SERVE: u64 = 1;

/// One record in a store that others change, what is cached of it here, and the clock. Each modelled atomic is one thing that
/// happens in one step. What only the checks read is not modelled.
struct World {
    /// The head of the log; the version of the record is as high.
    store: Modelled,
    clock: Modelled,
    fence: Fence<Modelled>,
    lease: Terms<Modelled>,
    /// The epoch and the position that the cached version, which is as high, was read at.
    cached: Modelled,
    /// Up to where the follower has applied the log; only it asks.
    followed: AtomicU64,
    /// By version: no earlier than this the one before was replaced.
    replaced: Mutex<Vec<u64>>,
}

const FIELD: u32 = 16;
const MASK: u64 = 0xFFFF;

impl World {
    /// The record is at version 1, known here, and the lease is held since the clock began.
    fn new() -> Arc<Self> {
        let world = Self {
            store: Modelled::new(1),
            clock: Modelled::new(1),
            fence: Fence::new(1),
            lease: Terms::unheld(),
            cached: Modelled::new(1),
            followed: AtomicU64::new(1),
            replaced: Mutex::new(vec![0, 0]),
        };
        world.lease.renew(1, LEASE, SERVE);
        Arc::new(world)
    }

    fn now(&self) -> u64 {
        Cell::load(&self.clock)
    }

    /// Another replica changes the record, and its call has answered by the time that is noted.
    fn change(&self) {
        let version = self.store.fetch_add(1, Ordering::SeqCst) + 1;
        let answered = self.now();
        let mut replaced = self.replaced.lock().unwrap();
        let known = replaced.len().max(version as usize + 1);
        replaced.resize(known, u64::MAX);
        replaced[version as usize] = answered;
    }

    /// A look-up: the epoch, then the store, then the cache.
    fn fill(&self) {
        let epoch = self.fence.epoch();
        let version = Cell::load(&self.store);
        Cell::store(&self.cached, (epoch.0 << FIELD) | version);
    }

    /// What a follower does: asks for the head, applies what is missing, and renews the lease.
    fn follow(&self) {
        let asked = self.now();
        let head = Cell::load(&self.store);
        self.apply(head);
        self.lease.renew(asked, LEASE, SERVE);
    }

    /// A follower whose log does not lead on: a new epoch.
    fn begin_anew(&self) {
        let asked = self.now();
        let head = Cell::load(&self.store);
        self.fence.new_epoch();
        Cell::store(&self.followed, head);
        self.lease.renew(asked, LEASE, SERVE);
    }

    fn apply(&self, head: u64) {
        let from = Cell::load(&self.followed);
        for position in from + 1..=head {
            self.fence.apply(&key(0), Position(position));
        }
        self.followed.raise(head);
    }

    /// The version that the cache has, if the fence has nothing against it.
    fn usable(&self) -> Option<u64> {
        let cached = Cell::load(&self.cached);
        let stamp = at(Epoch(cached >> FIELD), cached & MASK);
        self.fence.is_current(&key(0), stamp).then_some(cached & MASK)
    }

    /// What a request does: it takes the fact, reads the clock, asks the lease, and then whether the moment holds.
    fn request(&self, serve: u64) {
        let moment = self.fence.moment();
        let Some(version) = self.usable() else { return };
        let now = self.now();
        let contact = self.lease.contact(now, serve);
        if self.fence.holds(moment) {
            self.judge(version, now, contact, serve);
        }
    }

    fn judge(&self, version: u64, now: u64, contact: Contact, serve: u64) {
        let allowed = match contact {
            Contact::Held => LEASE,
            Contact::Serving => LEASE + serve,
            Contact::Lost => return,
        };
        let replaced = self.replaced.lock().unwrap();
        if let Some(replaced) = replaced.get(version as usize + 1) {
            assert!(
                now < replaced.saturating_add(allowed),
                "at {now} on version {version}, which was replaced by {replaced}"
            );
        }
    }
}

type Deed = fn(&World);

const CHANGE: Deed = World::change;
const FILL: Deed = World::fill;
const FOLLOW: Deed = World::follow;
const BEGIN_ANEW: Deed = World::begin_anew;
const REQUEST: Deed = |world| world.request(0);
const REQUEST_SERVED: Deed = |world| world.request(SERVE);
/// More than the register knows of.
const REQUEST_MORE: Deed = |world| world.request(10 * SERVE);
/// Time passes.
const TICK: Deed = |world| world.clock.count();

/// Each row of deeds is one thread; the first is played by the thread that begins the others.
fn play(rows: &[&[Deed]]) {
    let world = World::new();
    let (first, others) = rows.split_first().unwrap();
    let threads: Vec<_> = others
        .iter()
        .map(|row| {
            let (world, row) = (Arc::clone(&world), row.to_vec());
            thread::spawn(move || row.iter().for_each(|deed| deed(&world)))
        })
        .collect();
    first.iter().for_each(|deed| deed(&world));
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Exhaustive: every order of steps.
fn every_order(rows: &'static [&'static [Deed]]) {
    shuttle::check_dfs(move || play(rows), None);
}

fn many_orders(rows: &'static [&'static [Deed]]) {
    shuttle::check_random(move || play(rows), 10_000);
    shuttle::check_pct(move || play(rows), 5_000, 3);
}

#[test]
fn in_every_order_of_a_change_that_nobody_tells_of_time_and_a_request_nothing_old_is_used() {
    every_order(&[&[CHANGE, TICK, TICK, TICK], &[REQUEST]]);
    every_order(&[&[CHANGE, TICK, TICK, TICK], &[REQUEST_SERVED]]);
    every_order(&[&[CHANGE, TICK, TICK, TICK], &[REQUEST_MORE]]);
}

#[test]
fn in_every_order_of_a_change_a_follower_and_a_request_nothing_old_is_used() {
    every_order(&[&[CHANGE, TICK, TICK, REQUEST], &[FOLLOW]]);
    every_order(&[&[CHANGE, TICK, TICK], &[FOLLOW, REQUEST]]);
}

#[test]
fn in_many_orders_of_fills_changes_gaps_epochs_leases_and_requests_nothing_old_is_used() {
    many_orders(&[&[FILL, REQUEST], &[CHANGE, TICK, TICK], &[FOLLOW]]);
    many_orders(&[
        &[FILL, FILL, FILL],
        &[CHANGE, CHANGE, CHANGE],
        &[FOLLOW, BEGIN_ANEW, FOLLOW],
        &[TICK, TICK, TICK, TICK, TICK, TICK],
        &[REQUEST, REQUEST_SERVED, REQUEST_MORE, REQUEST],
    ]);
}

/// What the rules of the lease are for: break one, and the model finds the order in which it matters.
#[test]
fn the_model_finds_what_each_rule_prevents() {
    const FROM_THE_ANSWER_ON: Deed = |world| {
        let head = Cell::load(&world.store);
        world.apply(head);
        world.lease.renew(world.now(), LEASE, SERVE);
    };
    const RENEWED_BEFORE_IT_IS_APPLIED: Deed = |world| {
        let asked = world.now();
        let head = Cell::load(&world.store);
        world.lease.renew(asked, LEASE, SERVE);
        world.apply(head);
    };
    const CLOCK_READ_BEFORE: Deed = |world| {
        let began = world.now();
        let contact = world.lease.contact(began, 0);
        let moment = world.fence.moment();
        let Some(version) = world.usable() else { return };
        if world.fence.holds(moment) {
            world.judge(version, world.now(), contact, 0);
        }
    };
    const LEASE_ASKED_AFTER_THE_MOMENT: Deed = |world| {
        let moment = world.fence.moment();
        let Some(version) = world.usable() else { return };
        if world.fence.holds(moment) {
            let now = world.now();
            world.judge(version, now, world.lease.contact(now, 0), 0);
        }
    };
    let broken: [&'static [&'static [Deed]]; 4] = [
        &[&[CHANGE, TICK, TICK, REQUEST], &[FROM_THE_ANSWER_ON]],
        &[&[CHANGE, TICK, TICK, REQUEST], &[RENEWED_BEFORE_IT_IS_APPLIED]],
        &[&[CLOCK_READ_BEFORE], &[CHANGE, TICK, TICK]],
        &[&[LEASE_ASKED_AFTER_THE_MOMENT], &[CHANGE, TICK, TICK, FOLLOW]],
    ];
    for (number, rows) in broken.into_iter().enumerate() {
        assert!(
            catch_unwind(|| every_order(rows)).is_err(),
            "rule {number} could be broken unnoticed"
        );
    }
}
