//! How records are asked for: what is not known, what nobody can say, and what is bad.

use super::*;

type Known<T> = Option<Lookup<T>>;

/// A line of `length` boards above `board_1`, and the org on top.
fn below(case: Case, length: usize) -> Case {
    case.records(|mut records| {
        for number in 1..=length {
            let parent =
                if number == length { "org_1".to_owned() } else { format!("board_{}", number + 1) };
            records = records.resource("a", resource(&format!("board_{number}"), Some(&parent)));
        }
        records
    })
}

fn wanted(case: Case) -> String {
    let wanted = case.decided(|ended, _| match ended {
        Ended::Wants(Wanted::Subject { id, .. } | Wanted::Resource { id, .. }) => id.to_string(),
        ended => panic!("{ended:?}"),
    });
    wanted.unwrap()
}

#[test]
fn what_is_not_known_is_wanted_and_nothing_is_decided_without_it() {
    let without = |id: &'static str| {
        on_a_board().board(|board| board.parent = Some(super::id("team_1"))).records(|records| {
            let records = records.resource("a", resource("team_1", Some("org_1")));
            if id == "user_1" {
                records.subject_as("a", id, None)
            } else {
                records.resource_as("a", id, None)
            }
        })
    };
    for id in ["user_1", "org_1", "board_1", "team_1"] {
        assert_eq!(wanted(without(id)), id);
    }
}

#[test]
fn what_nobody_can_say_is_503_whichever_record_it_is() {
    let subject: Known<Subject> = Some(Lookup::Unavailable);
    let case = on_a_board().records(|records| records.subject_as("a", "user_1", subject));
    assert_eq!(case.outcome(), Outcome::StoreUnavailable);
    for id in ["org_1", "board_1"] {
        let case =
            on_a_board().records(|records| records.resource_as("a", id, Some(Lookup::Unavailable)));
        assert_eq!(case.outcome(), Outcome::StoreUnavailable, "{id}");
    }
    let chosen = on_a_board()
        .credential(|credential| credential.org = None)
        .scheme(|scheme| scheme.choose_org = Some(http::HeaderName::from_static("x-org")))
        .request(|request| request.field("x-org", "org_1"))
        .records(|records| records.resource_as("a", "org_1", Some(Lookup::Unavailable)));
    assert_eq!(chosen.outcome(), Outcome::StoreUnavailable);
}

#[test]
fn what_is_decided_without_a_record_does_not_wait_for_it() {
    let unknown = |records: Records| records.resource_as("a", "board_1", None);
    let mismatch = on_a_board()
        .asking(|requirement| requirement.org = Some(1))
        .path("/v1/org_2/board_1")
        .records(unknown);
    assert_eq!(mismatch.outcome(), Outcome::OrgMismatch);
}

#[test]
fn a_line_of_eight_steps_is_the_longest() {
    assert_eq!(below(on_a_board(), 8).outcome(), Outcome::Forwarded);
    assert_eq!(below(on_a_board(), 9).outcome(), Outcome::StoreUnavailable);
    assert_eq!(below(on_a_board(), 50).outcome(), Outcome::StoreUnavailable);
}

/// Records that break the store's own rule say nothing that can be relied on: neither yes nor no.
#[test]
fn a_circle_of_parents_ends_as_what_nobody_can_say() {
    for org in [None, Some(id("org_1"))] {
        let circle = |top: &'static str| {
            let org = org.clone();
            below(on_a_board(), 3)
                .credential(|credential| credential.org = org)
                .records(|records| records.resource("a", resource("org_1", Some(top))))
        };
        assert_eq!(circle("board_1").outcome(), Outcome::StoreUnavailable);
        assert_eq!(circle("board_3").outcome(), Outcome::StoreUnavailable);
        assert_eq!(circle("org_1").outcome(), Outcome::StoreUnavailable);
    }
}

#[test]
fn the_usual_request_asks_for_three_records_and_then_for_those_of_its_resource() {
    let asked = |case: Case| case.decided(|_, records| records.asked.get()).unwrap();
    let nobodys = case().credential(|credential| credential.org = None);
    assert_eq!(asked(nobodys), 2, "credential, subject");
    assert_eq!(asked(case()), 3, "and org");
    assert_eq!(asked(on_a_board()), 5, "and board and its org");
    assert_eq!(asked(below(on_a_board(), 8)), 12);
    assert_eq!(asked(below(on_a_board(), 50)), 12, "however long the line is");
}
