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

#[test]
fn an_outcome_is_its_position_in_the_catalogue() {
    for (position, outcome) in Outcome::ALL.iter().enumerate() {
        assert_eq!(*outcome as usize, position);
    }
}

#[test]
fn what_may_be_sent_again_says_when_and_what_helps_is_a_sentence() {
    for outcome in Outcome::ALL {
        let waits = matches!(outcome.status(), 429 | 503);
        assert_eq!(outcome.retry() == Retry::Later, waits, "{outcome}");
        assert!(outcome.advice().ends_with('.') && !outcome.advice().contains('|'), "{outcome}");
    }
}
