use super::*;

#[test]
fn names_are_unique_and_lead_back_to_their_outcome() {
    for outcome in Outcome::ALL {
        assert_eq!(Outcome::from_name(outcome.name()), Some(*outcome));
    }
    assert_eq!(Outcome::from_name("no_such_outcome"), None);
}

#[test]
fn a_fault_of_ours_or_of_the_upstream_is_never_a_4xx_and_the_clients_never_a_5xx() {
    for outcome in Outcome::ALL {
        match outcome.blame() {
            Blame::Gateway | Blame::Upstream => assert!(outcome.status() >= 500, "{outcome}"),
            Blame::Client => assert!((400..500).contains(&outcome.status()), "{outcome}"),
            Blame::Nobody => {}
        }
    }
}
