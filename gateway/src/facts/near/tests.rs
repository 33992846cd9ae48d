use std::sync::Arc;

use decision::secret::Digest;

use super::*;
use crate::clock;
use crate::facts::fence::{Fence, Stamp};
use crate::store::Position;
use crate::store::conformance::{credential, id};

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
fn a_set_holds_so_many_fresh_keys_and_nobody_is_taken_for_another() {
    let (owner, now) = (Owner::new(), clock::now());
    let ways = u8::try_from(WAYS).unwrap();
    for number in 1..=ways {
        // The second lapses first.
        let until = if number == 2 { now + FRESH / 4 } else { now + FRESH };
        put(owner, &key(2, number), entry("a"), now, until);
    }
    put(owner, &key(3, 1), entry("b"), now, now + FRESH);
    put(owner, &key(2, 9), entry("c"), now, now + FRESH);
    let here = |at| {
        let here = |number: &u8| name(owner, &key(2, *number), at).is_some();
        (1..=9).filter(here).collect::<Vec<_>>()
    };
    assert_eq!(here(now), [1, 2, 3, 4]);
    let later = now + FRESH / 4;
    put(owner, &key(2, 9), entry("c"), later, later + FRESH);
    assert_eq!(here(later), [1, 3, 4, 9]);
    assert!(name(owner, &key(3, 1), later).is_some());
    assert!(get::<Subject>(owner, &key(2, 9), later).is_none());
}

#[test]
fn a_key_has_one_place_at_most() {
    let (owner, now) = (Owner::new(), clock::now());
    put(owner, &key(5, 1), entry("a"), now, now + FRESH);
    for _ in 0..2 * WAYS {
        put(owner, &key(5, 2), entry("b"), now, now + FRESH);
    }
    assert!(name(owner, &key(5, 1), now).is_some());
    let taken = NEAR.with_borrow(|places| {
        places[set(&key(5, 1))].iter().flatten().filter(|slot| slot.owner == owner).count()
    });
    assert_eq!(taken, 2);
}

#[test]
fn two_thousand_keys_with_their_organisations_hardly_drive_one_another_out() {
    let (owner, now) = (Owner::new(), clock::now());
    let named = |number| FactKey::subject(&[0; 32], &id(&format!("crd_{number}")));
    let keys: Vec<FactKey> = (0..2500).map(named).collect();
    let held = entry("a");
    keys.iter().for_each(|key| put(owner, key, held.clone(), now, now + FRESH));
    let lost = keys.iter().filter(|key| name(owner, key, now).is_none()).count();
    assert!(lost < 250, "{lost} of {} were lost", keys.len());
}

#[test]
fn the_records_of_other_facts_are_not_found() {
    let (owner, now) = (Owner::new(), clock::now());
    put(owner, &key(4, 1), entry("a"), now, now + FRESH);
    assert_eq!(name(Owner::new(), &key(4, 1), now), None);
}
