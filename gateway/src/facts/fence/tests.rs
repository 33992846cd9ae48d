use std::sync::atomic::Ordering;

use decision::facts::FactKey;
use decision::secret::Digest;
use proptest::prelude::*;
use shuttle::sync::atomic::AtomicU64 as Modelled;

use super::{Cell, Epoch, Fence, Stamp};
use crate::store::Position;

mod leased;
mod model;

impl Cell for Modelled {
    fn new(value: u64) -> Self {
        Self::new(value)
    }

    fn load(&self) -> u64 {
        self.load(Ordering::SeqCst)
    }

    fn store(&self, value: u64) {
        self.store(value, Ordering::SeqCst);
    }

    fn raise(&self, value: u64) {
        self.fetch_max(value, Ordering::SeqCst);
    }

    fn count(&self) {
        self.fetch_add(1, Ordering::SeqCst);
    }
}

fn key(number: u64) -> FactKey {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_ne_bytes());
    FactKey::new(&[0; 32], &Digest(bytes))
}

fn at(epoch: Epoch, position: u64) -> Stamp {
    Stamp { epoch, position: Position(position) }
}

#[test]
fn a_fact_is_current_until_a_later_change_to_its_key_is_applied() {
    let fence: Fence = Fence::new(8);
    let stamp = at(fence.epoch(), 5);
    assert!(fence.is_current(&key(1), stamp));
    for (position, current) in [(4, true), (5, true), (3, true), (6, false), (2, false)] {
        fence.apply(&key(1), Position(position));
        assert_eq!(fence.is_current(&key(1), stamp), current, "after a change at {position}");
    }
    assert!(fence.is_current(&key(1), at(fence.epoch(), 6)), "read at the change or later");
    assert!(fence.is_current(&key(2), stamp), "a key of another stripe");
    assert!(!fence.is_current(&key(9), stamp), "a key of the same stripe is looked up again");
}

#[test]
fn a_new_epoch_makes_everything_old_and_may_begin_at_lower_positions() {
    let fence: Fence = Fence::new(8);
    let before = fence.epoch();
    fence.apply(&key(1), Position(100));
    fence.new_epoch();
    assert!(!fence.is_current(&key(1), at(before, 200)));
    assert!(!fence.is_current(&key(2), at(before, u64::MAX)));
    let after = fence.epoch();
    assert!(fence.is_current(&key(1), at(after, 1)));
    fence.apply(&key(1), Position(2));
    assert!(!fence.is_current(&key(1), at(after, 1)));
}

#[test]
fn a_moment_holds_until_a_change_to_whatever_key_or_a_new_epoch_is_applied() {
    let fence: Fence = Fence::new(8);
    let ends: [fn(&Fence); 3] = [
        |fence| fence.apply(&key(1), Position(5)),
        |fence| fence.apply(&key(2), Position(4)),
        Fence::new_epoch,
    ];
    for end in ends {
        let moment = fence.moment();
        assert!(fence.holds(moment));
        end(&fence);
        assert!(!fence.holds(moment));
    }
}

#[test]
fn any_number_of_stripes_serves() {
    for stripes in [0, 1, 3, 4096] {
        let fence: Fence = Fence::new(stripes);
        for number in 0..100 {
            let stamp = at(fence.epoch(), number);
            assert!(fence.is_current(&key(number), stamp));
            fence.apply(&key(number), Position(number + 1));
            assert!(!fence.is_current(&key(number), stamp));
        }
    }
}

proptest! {
    /// Never current where a change is missing; and old without need only for a key of the same stripe.
    #[test]
    fn the_fence_agrees_with_a_list_of_all_changes(
        changes in proptest::collection::vec((0..32u64, 0..50u64), 0..40),
        asked in 0..32u64,
        position in 0..50u64,
    ) {
        let fence: Fence = Fence::new(8);
        for &(number, position) in &changes {
            fence.apply(&key(number), Position(position));
        }
        let later = |stripe: &dyn Fn(u64) -> bool| changes.iter().any(|&(number, at)| stripe(number) && at > position);
        let current = fence.is_current(&key(asked), at(fence.epoch(), position));
        prop_assert!(!(current && later(&|number| number == asked)));
        prop_assert_eq!(current, !later(&|number| number % 8 == asked % 8));
    }
}
