use std::sync::Arc;

use decision::secret::Digest;

use super::*;
use crate::clock;
use crate::facts::fence::{Fence, Stamp};
use crate::store::Position;
use crate::store::conformance::credential;

/// A key with its place, and one that tells it from others of the same place.
fn key(place: u8, number: u8) -> FactKey {
    let mut bytes = [0; 32];
    (bytes[0], bytes[24]) = (number, place);
    FactKey::new(&[0; 32], &Digest(bytes))
}

fn entry(name: &str) -> Entry<Fact> {
    let stamp = Stamp { epoch: <Fence>::new(1).epoch(), position: Position(1) };
    let record = Some(Arc::new(Fact::new(credential(name))));
    Entry { record, stamp, asked_at: clock::now() }
}

fn name(owner: Owner, key: &FactKey, now: Instant) -> Option<String> {
    let entry: Entry<Fact> = get(owner, key, now)?;
    entry.record.map(|fact| fact.credential.id.to_string())
}

#[test]
fn what_was_put_is_found_for_a_second_and_no_longer_than_its_own_time() {
    let (owner, now) = (Owner::new(), clock::now());
    let a = entry("a");
    let id = a.record.as_ref().unwrap().credential.id.to_string();
    put(owner, &key(1, 1), a.clone(), now, now + 10 * FRESH);
    let just_before = now + FRESH.checked_sub(Duration::from_nanos(1)).unwrap();
    assert_eq!(name(owner, &key(1, 1), just_before), Some(id.clone()));
    assert_eq!(name(owner, &key(1, 1), now + FRESH), None);
    put(owner, &key(1, 1), a, now, now + FRESH / 2);
    assert_eq!(name(owner, &key(1, 1), now), Some(id));
    assert_eq!(name(owner, &key(1, 1), now + FRESH / 2), None);
}

#[test]
fn whoever_comes_last_has_the_place_and_nobody_is_taken_for_another() {
    let (owner, now) = (Owner::new(), clock::now());
    let until = now + FRESH;
    put(owner, &key(2, 1), entry("a"), now, until);
    put(owner, &key(3, 1), entry("b"), now, until);
    assert!(name(owner, &key(2, 1), now).is_some());
    put(owner, &key(2, 2), entry("c"), now, until);
    assert_eq!(name(owner, &key(2, 1), now), None);
    assert!(name(owner, &key(2, 2), now).is_some());
    assert!(name(owner, &key(3, 1), now).is_some());
    assert!(get::<Subject>(owner, &key(3, 1), now).is_none());
}

#[test]
fn the_records_of_other_facts_are_not_found() {
    let (owner, now) = (Owner::new(), clock::now());
    put(owner, &key(4, 1), entry("a"), now, now + FRESH);
    assert_eq!(name(Owner::new(), &key(4, 1), now), None);
}
