//! What is measured is what it is said to be.

use std::collections::HashSet;

use benches::{Client, Known, Rules};

#[test]
fn every_credential_and_every_route_is_asked_for_in_turn() {
    let (known, rules) = (Known::new(10), Rules::new(15));
    let mut client = Client::new(&known, &rules);
    let (mut credentials, mut paths) = (HashSet::new(), HashSet::new());
    for _ in 0..30 {
        let head = client.next_head();
        let credential = head.fields.iter().find(|field| field.is("authorization")).unwrap();
        credentials.insert(credential.value.to_vec());
        paths.insert(head.path.to_owned());
    }
    assert_eq!((credentials.len(), paths.len()), (10, 15));
}

#[test]
fn a_decision_ends_in_the_identity_fields_of_a_permit() {
    let (known, rules) = (Known::new(10), Rules::new(15));
    let mut client = Client::new(&known, &rules);
    for _ in 0..30 {
        // Organisation, subject, credential, scheme, grants and request id.
        assert_eq!(client.decide(), 6);
    }
}
