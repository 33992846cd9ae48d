//! The fence that the caches use, under a model checker: fills, changes, uses and new epochs in every order.

use std::collections::HashMap;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use shuttle::thread;

use super::{Cell, Epoch, Fence, Modelled, Position, at, key};

/// A store with two records of different kinds, a cache with a place for each, and the fence between them. Each record has a
/// stripe of its own.
///
/// Each modelled atomic is one thing that happens in one step: fewer steps, fewer orders to try. What only the checks read is
/// not modelled.
struct World {
    /// The log's head and the version of each record.
    store: Modelled,
    /// What a fill has put there: epoch, position, version. 0: nothing. Of the first record one has, before all else.
    cached: [Modelled; 2],
    fence: Fence<Modelled>,
    /// The version of each record's last change that was applied: what no request may fall behind.
    applied: [AtomicU64; 2],
    /// For a record at a version: what version of the other had been applied when it became so. Whoever sees the one must not
    /// see the other as it was before.
    presumed: Mutex<HashMap<(usize, u64), u64>>,
}

const FIELD: u32 = 16;
const MASK: u64 = 0xFFFF;
const A: usize = 0;
const B: usize = 1;

/// The head and the versions, as the store keeps them.
fn packed(head: u64, versions: [u64; 2]) -> u64 {
    (head << (2 * FIELD)) | (versions[B] << FIELD) | versions[A]
}

fn unpacked(store: u64) -> (u64, [u64; 2]) {
    (store >> (2 * FIELD), [store & MASK, (store >> FIELD) & MASK])
}

impl World {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            store: Modelled::new(packed(10, [0, 0])),
            cached: [Modelled::new(10 << FIELD), Modelled::new(0)],
            fence: Fence::new(2),
            applied: [AtomicU64::new(0), AtomicU64::new(0)],
            presumed: Mutex::default(),
        })
    }

    fn applied(&self, record: usize) -> u64 {
        self.applied[record].load(Ordering::SeqCst)
    }

    /// The head and the record's version, which one read of the store sees together.
    fn read(&self, record: usize) -> (u64, u64) {
        let (head, versions) = unpacked(Cell::load(&self.store));
        (head, versions[record])
    }

    fn commit(&self, record: usize) -> (u64, u64) {
        let mut one_more = [0, 0];
        one_more[record] = 1;
        let before = self.store.fetch_add(packed(1, one_more), Ordering::SeqCst);
        let (head, versions) = unpacked(before);
        let version = versions[record] + 1;
        self.presumed.lock().unwrap().insert((record, version), self.applied(1 - record));
        (head + 1, version)
    }

    fn acknowledge(&self, record: usize, version: u64) {
        self.applied[record].fetch_max(version, Ordering::SeqCst);
    }

    fn put(&self, record: usize, epoch: Epoch, position: u64, version: u64) {
        let entry = (epoch.0 << (2 * FIELD)) | (position << FIELD) | version;
        Cell::store(&self.cached[record], entry);
    }

    /// A change, whole: what an admin call does before it answers.
    fn change(&self, record: usize) {
        let (position, version) = self.commit(record);
        self.fence.apply(&key(record as u64), Position(position));
        self.acknowledge(record, version);
    }

    /// A change to the first record that is not heard of, and what is done once that is noticed. The log goes on from `head`.
    fn lose_a_change(&self, head: u64) {
        let (_, versions) = unpacked(Cell::load(&self.store));
        let version = versions[A] + 1;
        Cell::store(&self.store, packed(head, [version, versions[B]]));
        self.fence.new_epoch();
        self.acknowledge(A, version);
    }

    /// A look-up: the epoch, then the store, then the cache.
    fn fill(&self, record: usize) {
        let epoch = self.fence.epoch();
        let (position, version) = self.read(record);
        self.put(record, epoch, position, version);
    }

    /// The version that a request may use, if the cache has one.
    fn usable(&self, record: usize) -> Option<u64> {
        let cached = Cell::load(&self.cached[record]);
        let stamp = at(Epoch(cached >> (2 * FIELD)), (cached >> FIELD) & MASK);
        let current = cached != 0 && self.fence.is_current(&key(record as u64), stamp);
        current.then_some(cached & MASK)
    }

    /// A request that needs one record: it may use what the cache has only if that is no older than what was applied before
    /// it came.
    fn request(&self) {
        let applied = self.applied(A);
        if let Some(version) = self.usable(A) {
            assert!(version >= applied, "decided on version {version}, when {applied} was applied");
        }
    }

    /// A request that needs both, and decides where both were true at one moment.
    fn request_both(&self) {
        let applied = [self.applied(A), self.applied(B)];
        let moment = self.fence.moment();
        if let Some(versions) = self.usable(A).zip(self.usable(B))
            && self.fence.holds(moment)
        {
            self.judge(applied, versions.into());
        }
    }

    fn judge(&self, applied: [u64; 2], versions: [u64; 2]) {
        let presumed = self.presumed.lock().unwrap();
        for (record, other) in [(A, B), (B, A)] {
            let (version, beside) = (versions[record], versions[other]);
            assert!(version >= applied[record], "{versions:?}, when {applied:?} was applied");
            let presumed = presumed.get(&(other, beside)).copied().unwrap_or(0);
            assert!(version >= presumed, "{versions:?} were never true together");
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

const CHANGE: Deed = |world| world.change(A);
const CHANGE_OTHER: Deed = |world| world.change(B);
const FILL: Deed = |world| world.fill(A);
const FILL_OTHER: Deed = |world| world.fill(B);
const REQUEST: Deed = World::request;
const REQUEST_BOTH: Deed = World::request_both;
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

/// They may be applied in another order than that in which they were made.
#[test]
fn in_every_order_of_two_changes_of_one_record_a_fill_and_a_request_nothing_old_is_used() {
    every_order(&[&[CHANGE, REQUEST], &[FILL, CHANGE]]);
}

#[test]
fn in_every_order_of_a_fill_and_a_request_beside_a_new_epoch_nothing_old_is_used() {
    every_order(&[&[FILL, REQUEST], &[LOSE]]);
    every_order(&[&[FILL, REQUEST], &[START_ANEW]]);
    every_order(&[&[FILL, REQUEST], &[CHANGE, START_ANEW]]);
}

#[test]
fn in_every_order_of_changes_to_two_records_a_request_for_both_sees_them_as_they_were_together() {
    every_order(&[&[REQUEST_BOTH], &[CHANGE, CHANGE_OTHER, FILL_OTHER]]);
    every_order(&[&[FILL_OTHER, REQUEST_BOTH], &[CHANGE, CHANGE_OTHER]]);
    every_order(&[&[REQUEST_BOTH], &[LOSE, FILL_OTHER]]);
}

#[test]
fn in_many_orders_of_changes_to_two_records_and_epochs_nothing_is_seen_that_was_not_true_together()
{
    const ROWS: &[&[Deed]] = &[
        &[FILL, FILL_OTHER, FILL, FILL_OTHER],
        &[FILL_OTHER, REQUEST_BOTH, FILL, REQUEST_BOTH],
        &[CHANGE, CHANGE_OTHER, LOSE, CHANGE_OTHER, CHANGE],
        &[REQUEST_BOTH, REQUEST_BOTH],
    ];
    shuttle::check_random(|| play(ROWS), 10_000);
    shuttle::check_pct(|| play(ROWS), 5_000, 3);
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
        let (position, version) = world.read(A);
        world.put(A, world.fence.epoch(), position, version);
    };
    const POSITION_AFTER_THE_READ: Deed = |world| {
        let epoch = world.fence.epoch();
        let (_, version) = world.read(A);
        let (position, _) = world.read(A);
        world.put(A, epoch, position, version);
    };
    const ACKNOWLEDGED_BEFORE_IT_IS_APPLIED: Deed = |world| {
        let (position, version) = world.commit(A);
        world.acknowledge(A, version);
        world.fence.apply(&key(A as u64), Position(position));
    };
    const NOT_OF_ONE_MOMENT: Deed = |world| {
        let applied = [world.applied(A), world.applied(B)];
        if let Some(versions) = world.usable(A).zip(world.usable(B)) {
            world.judge(applied, versions.into());
        }
    };
    const MOMENT_AFTER_THE_FIRST_USE: Deed = |world| {
        let applied = [world.applied(A), world.applied(B)];
        let (first, moment) = (world.usable(A), world.fence.moment());
        if let Some(versions) = first.zip(world.usable(B))
            && world.fence.holds(moment)
        {
            world.judge(applied, versions.into());
        }
    };
    let broken: [&'static [&'static [Deed]]; 5] = [
        &[&[EPOCH_AFTER_THE_READ, REQUEST], &[LOSE]],
        &[&[POSITION_AFTER_THE_READ, REQUEST], &[CHANGE]],
        &[&[FILL, REQUEST], &[ACKNOWLEDGED_BEFORE_IT_IS_APPLIED]],
        &[&[NOT_OF_ONE_MOMENT], &[CHANGE, CHANGE_OTHER, FILL_OTHER]],
        &[&[MOMENT_AFTER_THE_FIRST_USE], &[CHANGE, CHANGE_OTHER, FILL_OTHER]],
    ];
    for (number, rows) in broken.into_iter().enumerate() {
        assert!(
            catch_unwind(|| every_order(rows)).is_err(),
            "rule {number} could be broken unnoticed"
        );
    }
}
