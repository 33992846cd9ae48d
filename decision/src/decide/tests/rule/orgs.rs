//! The organisation of a request.

use super::*;

/// Without an org of its own, and with the choice that the scheme leaves to the client.
fn open() -> Case {
    case()
        .credential(|credential| credential.org = None)
        .scheme(|scheme| scheme.choose_org = Some(http::HeaderName::from_static("x-chosen-org")))
        .org("org_1", |org| org.members = Some(members(&[("user_1", Level::Read)])))
        .org("org_2", |org| org.members = Some(members(&[("user_2", Level::Read)])))
        .org("org_3", |_| {})
        .records(|records| {
            let mut team = resource("team_1", Some("org_1"));
            team.members = Some(members(&[("user_1", Level::Read)]));
            records.resource("a", team)
        })
}

fn choosing(case: Case, org: &str) -> Case {
    case.request(|request| request.field("X-Chosen-Org", org))
}

#[test]
fn the_credentials_own_org_is_the_requests_and_no_choice_is_read() {
    let own = || open().credential(|credential| credential.org = Some(id("org_9")));
    assert_eq!(own().told("x-org-id").as_deref(), Some("org_9"));
    assert_eq!(choosing(own(), "org_1").told("x-org-id").as_deref(), Some("org_9"));
    assert_eq!(choosing(own(), "no id, this").told("x-org-id").as_deref(), Some("org_9"));
}

#[test]
fn a_client_may_choose_a_recorded_org_whose_members_name_its_subject_and_no_other() {
    assert_eq!(choosing(open(), "org_1").told("x-org-id").as_deref(), Some("org_1"));
    for (chosen, why) in [
        ("org_2", "its members do not name the subject"),
        ("org_3", "its members are null"),
        ("org_4", "it has no record"),
        ("team_1", "it has a parent, so it is no org"),
        ("a,b", "it is no id"),
        ("*", "it is no id"),
        ("\u{e9}", "it is no id"),
    ] {
        assert_eq!(choosing(open(), chosen).outcome(), Outcome::OrgNotMember, "{why}");
    }
    let twice = choosing(choosing(open(), "org_1"), "org_1");
    assert_eq!(twice.outcome(), Outcome::OrgNotMember, "twice is not one choice");
}

#[test]
fn who_chooses_nothing_or_may_not_choose_has_no_org() {
    assert_eq!(open().told("x-org-id"), None);
    assert_eq!(choosing(open(), "").told("x-org-id"), None);
    let fixed = open().scheme(|scheme| scheme.choose_org = None);
    assert_eq!(choosing(fixed, "org_1").told("x-org-id"), None);
}

#[test]
fn else_it_is_the_root_of_the_routes_resource_if_that_names_the_subject() {
    let on = |unknown| open().asking(|requirement| requirement.resource = Some(from_path(unknown)));
    let parent = |parent: &'static str| {
        on(UnknownResource::Refuse).board(|board| board.parent = Some(id(parent)))
    };
    assert_eq!(parent("org_1").told("x-org-id").as_deref(), Some("org_1"));
    assert_eq!(parent("team_1").told("x-org-id").as_deref(), Some("org_1"));
    assert_eq!(parent("org_3").told("x-org-id"), None, "its members are null");
    assert_eq!(parent("org_4").outcome(), Outcome::ResourceUnknown, "it has no record");
    // The board's own members let the subject in; the org's do not make it one of its own.
    let stranger = parent("org_2").board(|board| {
        board.parent = Some(id("org_2"));
        board.members = Some(members(&[("user_1", Level::Read)]));
    });
    assert_eq!(stranger.told("x-org-id"), None);
    let unknown = on(UnknownResource::Pass).path("/v1/org_1/board_2");
    assert_eq!(unknown.told("x-org-id"), None);
    // A choice comes first.
    assert_eq!(choosing(parent("org_1"), "org_2").outcome(), Outcome::OrgNotMember);
}

#[test]
fn a_scheme_that_needs_an_org_refuses_who_has_none() {
    let required = |case: Case| case.scheme(|scheme| scheme.issue.org_required = true);
    assert_eq!(required(open()).outcome(), Outcome::OrgMissing);
    assert_eq!(required(choosing(open(), "org_1")).outcome(), Outcome::Forwarded);
    assert_eq!(required(case()).outcome(), Outcome::Forwarded, "its record is not needed");
}

#[test]
fn with_members_only_the_org_must_name_the_subject_at_each_request() {
    let members_only = |case: Case| case.scheme(|scheme| scheme.issue.members_only = true);
    let with = |change: fn(&mut Resource)| members_only(case().org("org_1", change)).outcome();
    assert_eq!(
        with(|org| org.members = Some(members(&[("user_1", Level::Read)]))),
        Outcome::Forwarded
    );
    assert_eq!(
        with(|org| org.members = Some(members(&[("user_2", Level::Read)]))),
        Outcome::OrgNotMember
    );
    assert_eq!(with(|org| org.members = Some(members(&[]))), Outcome::OrgNotMember);
    assert_eq!(with(|org| org.members = None), Outcome::OrgNotMember);
    assert_eq!(members_only(case()).outcome(), Outcome::OrgNotMember, "no record");
    let none = case().credential(|credential| credential.org = None);
    assert_eq!(members_only(none).outcome(), Outcome::OrgMissing);
}

#[test]
fn the_org_in_a_path_must_be_the_requests() {
    let held = |case: Case| case.asking(|requirement| requirement.org = Some(1));
    assert_eq!(held(case()).outcome(), Outcome::Forwarded);
    assert_eq!(held(case().path("/v1/org_2/x")).outcome(), Outcome::OrgMismatch);
    assert_eq!(held(open()).outcome(), Outcome::OrgMismatch, "none is another");
    assert_eq!(held(choosing(open(), "org_1")).outcome(), Outcome::Forwarded);
    let encoded = held(case().credential(|credential| credential.org = Some(id("org<1>"))));
    assert_eq!(encoded.path("/v1/org%3c1%3E/x").outcome(), Outcome::Forwarded);
}
