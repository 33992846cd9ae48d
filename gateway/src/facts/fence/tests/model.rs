//! The fence that the cache uses, under a model checker: fills, changes, uses and new epochs in every order.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use shuttle::thread;

use super::{Cell, Epoch, Fence, Modelled, Position, at, key};

/// A store with one record, a cache with one place, and the fence between them. Every key shares the one stripe.
///
/// Each atomic is one thing that happens in one step: fewer steps, fewer orders to try.
struct World {
    /// The log's head and the record's version.
    store: Modelled,
    /// What a fill has put there: epoch, position, version. 0: nothing.
    cached: Modelled,
    fence: Fence<Modelled>,
    /// The version of the last change that was applied: what no request may fall behind.
    applied: Modelled,
}

const FIELD: u32 = 16;
const MASK: u64 = 0xFFFF;

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            store: Modelled::new(10 << FIELD),
            cached: Modelled::new(0),
            fence: Fence::new(1),
            applied: Modelled::new(0),
        })
    }

    /// The head and the version that one read of the store sees together.
    fn read(&self) -> (u64, u64) {
        let store = Cell::load(&self.store);
        (store >> FIELD, store & MASK)
    }

    fn commit(&self) -> (u64, u64) {
        let before = self.store.fetch_add((1 << FIELD) + 1, Ordering::SeqCst);
        ((before >> FIELD) + 1, (before & MASK) + 1)
    }

    fn put(&self, epoch: Epoch, position: u64, version: u64) {
        Cell::store(&self.cached, (epoch.0 << (2 * FIELD)) | (position << FIELD) | version);
    }

    /// A change, whole: what an admin call does before it answers.
    fn change(&self) {
        let (position, version) = self.commit();
        self.fence.apply(&key(1), Position(position));
        self.applied.raise(version);
    }

    /// A change that is not heard of, and what is done once that is noticed. The log goes on from `head`.
    fn lose_a_change(&self, head: u64) {
        let (_, version) = self.read();
        Cell::store(&self.store, (head << FIELD) | (version + 1));
        self.fence.new_epoch();
        self.applied.raise(version + 1);
    }

    /// A look-up: the epoch, then the store, then the cache.
    fn fill(&self) {
        let epoch = self.fence.epoch();
        let (position, version) = self.read();
        self.put(epoch, position, version);
    }

    /// A request: it may use what the cache has only if that is no older than what was applied before it came.
    fn request(&self) {
        let applied = Cell::load(&self.applied);
        let cached = Cell::load(&self.cached);
        let stamp = at(Epoch(cached >> (2 * FIELD)), (cached >> FIELD) & MASK);
        if cached != 0 && self.fence.is_current(&key(1), stamp) {
            let version = cached & MASK;
            assert!(version >= applied, "decided on version {version}, when {applied} was applied");
        }
    }
}

type Deed = fn(&World);

/// Each row of deeds is one thread; the first is played by the thread that begins the others.
fn play(rows: &[&[Deed]]) {
    let world = World::new();
    let act = |row: &[Deed], world: &World| row.iter().for_each(|deed| deed(world));
    let (first, others) = rows.split_first().unwrap();
    let threads: Vec<_> = others
        .iter()
        .map(|row| {
            let (world, row) = (Arc::clone(&world), row.to_vec());
            thread::spawn(move || act(&row, &world))
        })
        .collect();
    act(first, &world);
    for thread in threads {
        thread.join().unwrap();
    }
}

const CHANGE: Deed = World::change;
const FILL: Deed = World::fill;
const REQUEST: Deed = World::request;
/// The log goes on, or begins anew lower down.
const LOSE: Deed = |world| world.lose_a_change(20);
const START_ANEW: Deed = |world| world.lose_a_change(1);

/// Exhaustive: every order of steps.
fn every_order(rows: &'static [&'static [Deed]]) {
    shuttle::check_dfs(move || play(rows), None);
}

#[test]
fn in_every_order_of_a_fill_a_change_and_a_request_nothing_old_is_used() {
    every_order(&[&[FILL], &[CHANGE], &[REQUEST]]);
}

#[test]
fn in_every_order_of_a_fill_and_a_request_beside_a_new_epoch_nothing_old_is_used() {
    every_order(&[&[FILL, REQUEST], &[LOSE]]);
    every_order(&[&[FILL, REQUEST], &[START_ANEW]]);
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
        let (position, version) = world.read();
        world.put(world.fence.epoch(), position, version);
    };
    const POSITION_AFTER_THE_READ: Deed = |world| {
        let epoch = world.fence.epoch();
        let (_, version) = world.read();
        let (position, _) = world.read();
        world.put(epoch, position, version);
    };
    const ACKNOWLEDGED_BEFORE_IT_IS_APPLIED: Deed = |world| {
        let (position, version) = world.commit();
        world.applied.raise(version);
        world.fence.apply(&key(1), Position(position));
    };
    let broken: [&'static [&'static [Deed]]; 3] = [
        &[&[EPOCH_AFTER_THE_READ, REQUEST], &[LOSE]],
        &[&[POSITION_AFTER_THE_READ, REQUEST], &[CHANGE]],
        &[&[FILL, REQUEST], &[ACKNOWLEDGED_BEFORE_IT_IS_APPLIED]],
    ];
    for (number, rows) in broken.into_iter().enumerate() {
        assert!(
            catch_unwind(|| every_order(rows)).is_err(),
            "rule {number} could be broken unnoticed"
        );
    }
}
