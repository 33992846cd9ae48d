use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::config::snapshot::{Api, Auth, ByMethod, Route, Scheme};
use crate::decide::ask;
use crate::facts::{Fact, FactKey, Lookup, ResourceState, api_mask, realm_mask};
use crate::test_support::{
    Ended, NOW, Records, Request, answer, api, credential, members, peppers, resource, route,
    snapshot, subject,
};

/// A request of `user_1` in `org_1` that was let in, on a route that asks for a level.
fn let_in(
    level: Option<Level>,
    scheme: impl FnOnce(&mut Scheme),
    api_as: impl FnOnce(&mut Api),
) -> Standing {
    let mut route = route("/**");
    route.requirement.level = ByMethod { named: Vec::new(), others: level };
    let mut api = api("a", vec![route]);
    scheme(&mut api.schemes[0]);
    api_as(&mut api);
    let snapshot = snapshot(vec![(&["*"], api)]);
    let mut org = resource("org_1", None);
    org.members = Some(members(&[("user_1", Level::Read)]));
    let mut credential = credential("a", "ak");
    credential.expires_at = Some(Timestamp(NOW.0 + 1000));
    let records = Records::of(Some(Lookup::Found(Arc::new(Fact::new(credential)))))
        .resource("a", org)
        .subject("a", subject("user_1"));
    let request = Request::get("/x").field("x-api-key", "ak_secret");
    let question = request.with_head(|head| ask(&snapshot, &peppers(), head)).unwrap();
    match answer(&question, &records) {
        Ended::Permitted(permit) => Standing::of(&permit).unwrap(),
        ended => panic!("{ended:?}"),
    }
}

fn plain() -> Standing {
    let_in(None, |_| {}, |_| {})
}

fn key() -> FactKey {
    FactKey::new(&api_mask("a"), &peppers().current.digest(b"ak_secret"))
}

#[test]
fn it_is_found_by_the_keys_of_the_records_that_let_it_in() {
    let (standing, id) = (plain(), |text| Id::new(text).unwrap());
    let realm = realm_mask("a");
    assert_eq!(standing.credential(), &key());
    assert_eq!(standing.subject(), &FactKey::subject(&realm, &id("user_1")));
    assert_eq!(standing.org(), Some(&FactKey::resource(&realm, &id("org_1"))));
}

#[test]
fn a_request_of_nobody_has_nothing_that_could_end_it() {
    let public = Route { auth: Auth::None, ..route("/**") };
    let snapshot = snapshot(vec![(&["*"], api("a", vec![public]))]);
    let question = Request::get("/x").with_head(|head| ask(&snapshot, &peppers(), head)).unwrap();
    let Ended::Permitted(permit) = answer(&question, &Records::of(None)) else { panic!() };
    assert!(Standing::of(&permit).is_none());
}

#[test]
fn what_ends_a_credential_ends_it_with_the_outcome_of_a_new_request() {
    let news = |change: fn(&mut Credential)| {
        let mut credential = credential("a", "ak");
        change(&mut credential);
        plain().judge(News::Credential(Some(&credential)), NOW)
    };
    assert_eq!(news(|it| it.revoked_at = Some(NOW)), Some(Outcome::CredentialRevoked));
    assert_eq!(news(|it| it.disabled = true), Some(Outcome::CredentialDisabled));
    assert_eq!(news(|it| it.expires_at = Some(NOW)), Some(Outcome::CredentialExpired));
    assert_eq!(plain().judge(News::Credential(None), NOW), Some(Outcome::CredentialUnknown));
    assert_eq!(news(|_| {}), None);
}

#[test]
fn changed_rights_and_limits_end_nothing() {
    let mut changed = credential("a", "ak");
    changed.grants = Some(members(&[]));
    changed.scopes = Some([].into());
    changed.ceiling = Some(Level::Read);
    changed.addresses = Some(Vec::new());
    changed.limits = [("per-key".to_owned(), 0)].into();
    let mut standing = let_in(Some(Level::Admin), |_| {}, |_| {});
    assert_eq!(standing.judge(News::Credential(Some(&changed)), NOW), None);
    let mut demoted = subject("user_1");
    demoted.admin = false;
    assert_eq!(standing.judge(News::Subject(Some(&demoted)), NOW), None);
}

#[test]
fn it_ends_of_itself_when_its_credential_expires_which_may_have_come_nearer() {
    let mut standing = plain();
    assert_eq!(standing.expires_at(), Some(Timestamp(NOW.0 + 1000)));
    let mut nearer = credential("a", "ak");
    nearer.expires_at = Some(Timestamp(NOW.0 + 10));
    assert_eq!(standing.judge(News::Credential(Some(&nearer)), NOW), None);
    assert_eq!(standing.expires_at(), Some(Timestamp(NOW.0 + 10)));
}

#[test]
fn a_subject_that_is_suspended_or_inactive_is_out_and_one_without_a_record_is_not() {
    let news = |state| {
        let subject = Subject { state, ..subject("user_1") };
        plain().judge(News::Subject(Some(&subject)), NOW)
    };
    assert_eq!(news(SubjectState::Suspended), Some(Outcome::SubjectSuspended));
    assert_eq!(news(SubjectState::Inactive), Some(Outcome::SubjectInactive));
    assert_eq!(news(SubjectState::Active), None);
    assert_eq!(plain().judge(News::Subject(None), NOW), None);
}

#[test]
fn a_lost_membership_ends_only_what_was_let_in_as_a_member() {
    let left = || {
        let mut org = resource("org_1", None);
        org.members = Some(members(&[("user_2", Level::Read)]));
        org
    };
    let null = || resource("org_1", None);
    let members_only = || let_in(None, |scheme| scheme.issue.members_only = true, |_| {});
    assert_eq!(members_only().judge(News::Org(Some(&left())), NOW), Some(Outcome::OrgNotMember));
    assert_eq!(members_only().judge(News::Org(Some(&null())), NOW), Some(Outcome::OrgNotMember));
    assert_eq!(members_only().judge(News::Org(None), NOW), Some(Outcome::OrgNotMember));
    for news in [News::Org(Some(&left())), News::Org(Some(&null())), News::Org(None)] {
        assert_eq!(plain().judge(news, NOW), None);
    }
}

#[test]
fn an_org_state_ends_what_it_would_refuse_anew() {
    let states = |api: &mut Api| api.states.restricted = Some(Level::Read);
    for (needed, state, ends) in [
        (None, ResourceState::Ok, false),
        (None, ResourceState::Restricted, false),
        (Some(Level::Edit), ResourceState::Restricted, true),
        (None, ResourceState::Locked, true),
    ] {
        let org = Resource { state, ..resource("org_1", None) };
        let ended = let_in(needed, |_| {}, states).judge(News::Org(Some(&org)), NOW);
        assert_eq!(ended, ends.then_some(Outcome::ResourceRestricted), "{needed:?} {state:?}");
    }
}

#[test]
fn a_scheme_that_cuts_nothing_spares_it_the_end_of_its_credential_and_nothing_else() {
    let spared = || let_in(None, |scheme| scheme.cut_in_flight = false, |_| {});
    let mut revoked = credential("a", "ak");
    revoked.revoked_at = Some(NOW);
    assert_eq!(spared().judge(News::Credential(Some(&revoked)), NOW), None);
    assert_eq!(spared().judge(News::Credential(None), NOW), None);
    assert_eq!(spared().expires_at(), None);
    let suspended = Subject { state: SubjectState::Suspended, ..subject("user_1") };
    assert_eq!(
        spared().judge(News::Subject(Some(&suspended)), NOW),
        Some(Outcome::SubjectSuspended)
    );
}

proptest! {
    /// Where a request under way ends, a new one gets the same answer.
    #[test]
    fn what_ends_a_request_would_refuse_a_new_one(
        revoked: bool,
        disabled: bool,
        expired: bool,
        subject_state in prop::sample::select(vec![SubjectState::Active, SubjectState::Suspended, SubjectState::Inactive]),
        org_state in prop::sample::select(vec![ResourceState::Ok, ResourceState::Locked]),
        member: bool,
        members_only: bool,
    ) {
        let mut standing = let_in(None, |scheme| scheme.issue.members_only = members_only, |_| {});
        let mut credential = credential("a", "ak");
        credential.revoked_at = revoked.then_some(NOW);
        credential.disabled = disabled;
        credential.expires_at = expired.then_some(NOW);
        let subject = Subject { state: subject_state, ..subject("user_1") };
        let mut org = Resource { state: org_state, ..resource("org_1", None) };
        org.members = Some(members(if member { &[("user_1", Level::Read)] } else { &[] }));
        let ends = [News::Credential(Some(&credential)), News::Subject(Some(&subject)), News::Org(Some(&org))]
            .into_iter()
            .find_map(|news| standing.judge(news, NOW));

        let mut api = api("a", vec![route("/**")]);
        api.schemes[0].issue.members_only = members_only;
        let snapshot = snapshot(vec![(&["*"], api)]);
        let records = Records::of(Some(Lookup::Found(Arc::new(Fact::new(credential)))))
            .resource("a", org)
            .subject("a", subject);
        let request = Request::get("/x").field("x-api-key", "ak_secret");
        let question = request.with_head(|head| ask(&snapshot, &peppers(), head)).unwrap();
        let anew = match answer(&question, &records) {
            Ended::Permitted(_) => None,
            Ended::Refused(refused) => Some(refused.outcome),
            Ended::Wants(wanted) => panic!("{wanted:?}"),
        };
        prop_assert_eq!(ends, anew);
    }
}
