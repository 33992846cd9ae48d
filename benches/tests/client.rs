//! What is measured is what it is said to be.

use std::collections::HashSet;

use benches::{Client, Known, Rules};

/// How many different credentials, and how many paths, 30 requests have.
fn asked(mut client: Client<'_>) -> (usize, usize) {
    let (mut credentials, mut paths) = (HashSet::new(), HashSet::new());
    for _ in 0..30 {
        let head = client.next_head();
        let credential = head.fields.iter().find(|field| field.is("authorization"));
        credentials.insert(credential.map(|field| field.value.to_vec()));
        paths.insert(head.path.to_owned());
    }
    (credentials.len(), paths.len())
}

#[test]
fn every_credential_and_every_route_is_asked_for_in_turn() {
    let (known, rules) = (Known::new(10), Rules::new(15));
    assert_eq!(asked(Client::new(&known, &rules, usize::MAX)), (10, 15));
}

#[test]
fn requests_of_a_few_keep_to_those_few() {
    let (known, rules) = (Known::new(10), Rules::new(15));
    assert_eq!(asked(Client::new(&known, &rules, 12)), (10, 12));
}

#[test]
fn a_decision_ends_in_the_identity_fields_of_a_permit() {
    let (known, rules) = (Known::new(10), Rules::new(15));
    let mut client = Client::new(&known, &rules, usize::MAX);
    for _ in 0..30 {
        // Organisation, subject, credential, scheme, grants and request id.
        assert_eq!(client.decide(), 6);
    }
}
