//! The fence that the cache uses, under a model checker: fills, changes, uses and new epochs in every order.

use std::panic::catch_unwind;

use shuttle::sync::{Arc, Mutex};
use shuttle::thread;

use super::{Cell, Fence, Modelled, Position, Stamp, at, key};

/// A store with one record, a cache with one place, and the fence between them. Every key shares the one stripe.
struct World {
    /// The log's head and the record's version, changed in one step.
    store: Mutex<(u64, u64)>,
    cached: Mutex<Option<(Stamp, u64)>>,
    fence: Fence<Modelled>,
    /// The version of the last change that was applied: what no request may fall behind.
    applied: Modelled,
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            store: Mutex::new((10, 0)),
            cached: Mutex::new(None),
            fence: Fence::new(1),
            applied: Modelled::new(0),
        })
    }

    fn commit(&self) -> (u64, u64) {
        let mut store = self.store.lock().unwrap();
        store.0 += 1;
        store.1 += 1;
        *store
    }

    /// A change, whole: what an admin call does before it answers.
    fn change(&self) {
        let (position, version) = self.commit();
        self.fence.apply(&key(1), Position(position));
        self.applied.raise(version);
    }

    /// A change that is not heard of, and what is done once that is noticed. The log may begin anew at a lower position.
    fn lose_a_change(&self, head: u64) {
        let (_, version) = self.commit();
        self.store.lock().unwrap().0 = head;
        self.fence.new_epoch();
        self.applied.raise(version);
    }

    /// A look-up: the epoch, then the store, then the cache.
    fn fill(&self) {
        let epoch = self.fence.epoch();
        let (position, version) = *self.store.lock().unwrap();
        *self.cached.lock().unwrap() = Some((at(epoch, position), version));
    }

    /// A request: it may use what the cache has only if that is no older than what was applied before it came.
    fn request(&self) {
        let applied = Cell::load(&self.applied);
        let cached = *self.cached.lock().unwrap();
        if let Some((stamp, version)) = cached
            && self.fence.is_current(&key(1), stamp)
        {
            assert!(version >= applied, "decided on version {version}, when {applied} was applied");
        }
    }
}

type Deed = fn(&World);

/// Each row of deeds is one thread.
fn play(rows: &[&[Deed]]) {
    let world = World::new();
    let threads: Vec<_> = rows
        .iter()
        .map(|row| {
            let (world, row) = (Arc::clone(&world), row.to_vec());
            thread::spawn(move || row.iter().for_each(|deed| deed(&world)))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

const CHANGE: Deed = World::change;
const FILL: Deed = World::fill;
const REQUEST: Deed = World::request;
/// The log goes on, or begins anew at 0.
const LOSE: Deed = |world| world.lose_a_change(20);
const START_ANEW: Deed = |world| world.lose_a_change(0);

/// Exhaustive: every order of steps.
fn every_order(rows: &'static [&'static [Deed]]) {
    shuttle::check_dfs(move || play(rows), None);
}

#[test]
fn in_every_order_of_a_fill_a_change_and_a_request_nothing_old_is_used() {
    every_order(&[&[FILL], &[CHANGE], &[REQUEST]]);
}

#[test]
fn in_every_order_of_a_fill_a_new_epoch_and_a_request_nothing_old_is_used() {
    every_order(&[&[FILL], &[LOSE], &[REQUEST]]);
    every_order(&[&[FILL], &[START_ANEW], &[REQUEST]]);
}

#[test]
fn in_every_order_of_a_change_before_a_new_epoch_nothing_old_is_used() {
    every_order(&[&[FILL, REQUEST], &[CHANGE, START_ANEW]]);
}

#[test]
fn in_many_orders_of_many_fills_changes_epochs_and_requests_nothing_old_is_used() {
    const ROWS: &[&[Deed]] = &[
        &[FILL, FILL, FILL],
        &[FILL, REQUEST, FILL],
        &[CHANGE, LOSE, CHANGE, START_ANEW, CHANGE],
        &[REQUEST, REQUEST, REQUEST],
    ];
    shuttle::check_random(|| play(ROWS), 20_000);
    shuttle::check_pct(|| play(ROWS), 10_000, 3);
}

/// What the rules of the fence are for: break one, and the model finds the order in which it matters.
#[test]
fn the_model_finds_what_each_rule_prevents() {
    const EPOCH_AFTER_THE_READ: Deed = |world| {
        let (position, version) = *world.store.lock().unwrap();
        let epoch = world.fence.epoch();
        *world.cached.lock().unwrap() = Some((at(epoch, position), version));
    };
    const STAMP_AFTER_THE_READ: Deed = |world| {
        let (_, version) = *world.store.lock().unwrap();
        let position = world.store.lock().unwrap().0;
        *world.cached.lock().unwrap() = Some((at(world.fence.epoch(), position), version));
    };
    const ACKNOWLEDGED_BEFORE_IT_IS_APPLIED: Deed = |world| {
        let (position, version) = world.commit();
        world.applied.raise(version);
        world.fence.apply(&key(1), Position(position));
    };
    let broken: [&'static [&'static [Deed]]; 3] = [
        &[&[EPOCH_AFTER_THE_READ, REQUEST], &[LOSE]],
        &[&[STAMP_AFTER_THE_READ, REQUEST], &[CHANGE]],
        &[&[FILL, REQUEST], &[ACKNOWLEDGED_BEFORE_IT_IS_APPLIED]],
    ];
    for (number, rows) in broken.into_iter().enumerate() {
        assert!(
            catch_unwind(|| every_order(rows)).is_err(),
            "rule {number} could be broken unnoticed"
        );
    }
}
