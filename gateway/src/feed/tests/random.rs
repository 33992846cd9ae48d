//! Whatever happens to the connections and to the server: a request decides on what was true at some moment within the lease.

use proptest::prelude::*;

use super::world::CREDENTIALS;
use super::*;

const LEASE: Duration = Duration::from_millis(150);

#[derive(Clone, Debug)]
enum Deed {
    Change(u64),
    Request(u64),
    Deaf(bool),
    Silent(bool),
    Unreadable(bool),
    Cut,
    Trim,
    Replicate,
    FailOver,
    /// So many milliseconds pass.
    Wait(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0..CREDENTIALS).prop_map(Deed::Change),
        8 => (0..CREDENTIALS).prop_map(Deed::Request),
        1 => any::<bool>().prop_map(Deed::Deaf),
        1 => any::<bool>().prop_map(Deed::Silent),
        1 => any::<bool>().prop_map(Deed::Unreadable),
        1 => Just(Deed::Cut),
        1 => Just(Deed::Trim),
        1 => Just(Deed::Replicate),
        1 => Just(Deed::FailOver),
        3 => (1..40u64).prop_map(Deed::Wait),
    ]
}

/// Whether a version was true at some moment from then until now.
fn was_true(scene: &Scene, number: u64, version: u64, since: Instant) -> bool {
    let state = scene.world.state();
    let ends = state.truth.iter().skip(1).map(|(at, _)| *at).chain([clock::now()]);
    state
        .truth
        .iter()
        .zip(ends)
        .any(|((_, versions), end)| versions[number as usize] == version && end >= since)
}

async fn happen(scene: &Scene, deed: Deed) {
    match deed {
        Deed::Change(number) => drop(scene.world.state().change(number)),
        Deed::Request(number) => {
            let began = clock::now();
            if let Some(version) = scene.request(number).await {
                assert!(
                    was_true(scene, number, version, began.checked_sub(LEASE).unwrap()),
                    "decided on version {version} of {number}"
                );
            }
        }
        Deed::Deaf(deaf) => scene.world.state().deaf = deaf,
        Deed::Silent(silent) => scene.world.state().silent = silent,
        Deed::Unreadable(unreadable) => scene.world.state().unreadable = unreadable,
        Deed::Cut => scene.world.state().cut(),
        Deed::Trim => scene.world.state().trim(),
        Deed::Replicate => scene.world.state().replicate(),
        Deed::FailOver => scene.world.state().fail_over(),
        Deed::Wait(milliseconds) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn nothing_older_than_the_lease_is_decided_on_and_all_is_well_once_all_is_mended(
        deeds in proptest::collection::vec(deed(), 1..80),
    ) {
        play(LEASE, async |scene| {
            for deed in deeds {
                happen(scene, deed).await;
            }
            {
                let mut state = scene.world.state();
                (state.deaf, state.silent, state.unreadable) = (false, false, false);
            }
            for number in 0..CREDENTIALS {
                scene.until(|scene| scene.contact() == Contact::Held).await;
                let truth = scene.world.state().version(number);
                let end = clock::now() + SOON;
                while scene.request(number).await != Some(truth) {
                    assert!(clock::now() < end, "it did not come to know the truth");
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
    }
}
