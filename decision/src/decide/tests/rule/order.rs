//! The order of the stages: the first failure decides.

use super::*;

/// Mends one thing.
type Mend = fn(Case) -> Case;

/// Everything is wrong with it.
fn hopeless() -> Case {
    on_a_board()
        .credential(|credential| {
            credential.revoked_at = Some(NOW);
            credential.disabled = true;
            credential.expires_at = Some(NOW);
            credential.addresses = Some(Vec::new());
            credential.audience = Some("https://other.example/".to_owned());
            credential.org = None;
            credential.ceiling = Some(Level::Read);
            credential.grants = Some(members(&[]));
            credential.scopes = Some(ids(&[]));
        })
        .scheme(|scheme| {
            scheme.issue.members_only = true;
            scheme.choose_org = Some(http::HeaderName::from_static("x-org"));
        })
        .subject(|subject| subject.state = SubjectState::Suspended)
        .org("org_1", |org| {
            org.state = ResourceState::Locked;
            org.members = Some(members(&[]));
        })
        .records(|records| records.resource_as("a", "board_1", Some(Lookup::Unknown)))
        .asking(|requirement| {
            requirement.org = Some(1);
            requirement.subject_admin = true;
            requirement.capabilities = ids(&["api"]);
            requirement.level = always(Level::Edit);
            requirement.scopes = always(ids(&["boards:write"]));
            requirement.audience = Some("https://calmboard.ai/mcp".to_owned());
        })
        .path("/v1/org_2/board_1")
        .request(|request| request.field("x-org", "org_9"))
}

fn of_the_org(case: Case, change: impl FnOnce(&mut Resource)) -> Case {
    case.org("org_1", |org| {
        org.members = Some(members(&[("user_1", Level::Read)]));
        change(org);
    })
}

const UNKNOWN_TO_ALL: States = States { restricted: None, locked: None, archived: None };

#[test]
fn each_failure_hides_those_after_it() {
    let mends: &[(Outcome, Mend)] = &[
        (Outcome::CredentialRevoked, |case| case.credential(|it| it.revoked_at = None)),
        (Outcome::CredentialDisabled, |case| case.credential(|it| it.disabled = false)),
        (Outcome::CredentialExpired, |case| {
            case.credential(|it| it.expires_at = Some(Timestamp(NOW.0 + 1)))
        }),
        (Outcome::AddressDenied, |case| case.credential(|it| it.addresses = None)),
        (Outcome::AudienceMismatch, |case| case.credential(|it| it.audience = None)),
        (Outcome::SubjectSuspended, |case| case.subject(|_| {})),
        // The org: the choice, that there is one, that it names the subject.
        (Outcome::OrgNotMember, |case| {
            case.request(|mut request| {
                request.fields.retain(|(name, _)| name != "x-org");
                request
            })
        }),
        (Outcome::OrgMissing, |case| case.credential(|it| it.org = Some(id("org_1")))),
        (Outcome::OrgNotMember, |case| of_the_org(case, |org| org.state = ResourceState::Locked)),
        // authorize
        (Outcome::ResourceRestricted, |case| of_the_org(case, |_| {})),
        (Outcome::OrgMismatch, |case| case.path("/v1/org_1/board_1")),
        (Outcome::AdminRequired, |case| case.subject(|it| it.admin = true)),
        (Outcome::ResourceUnknown, |case| {
            case.board(|it| {
                it.parent = Some(id("org_2"));
                it.state = ResourceState::Archived;
                it.members = Some(members(&[]));
            })
        }),
        (Outcome::ResourceUnknown, |case| case.org("org_2", |_| {})),
        (Outcome::ResourceForbidden, |case| {
            case.board(|it| {
                it.state = ResourceState::Archived;
                it.members = Some(members(&[]));
            })
        }),
        (Outcome::CapabilityMissing, |case| {
            case.subject(|it| {
                it.admin = true;
                it.capabilities = ids(&["api"]);
            })
        }),
        (Outcome::ResourceRestricted, |case| {
            case.states(States { archived: Some(Level::Edit), ..UNKNOWN_TO_ALL })
        }),
        (Outcome::ResourceForbidden, |case| {
            case.credential(|it| it.grants = Some(members(&[("board_1", Level::Edit)])))
        }),
        (Outcome::ResourceForbidden, |case| {
            case.board(|it| it.members = Some(members(&[("user_1", Level::Edit)])))
        }),
        (Outcome::LevelInsufficient, |case| case.credential(|it| it.ceiling = None)),
        (Outcome::ScopeInsufficient, |case| {
            case.credential(|it| it.scopes = Some(ids(&["boards:write"])))
        }),
    ];
    for done in 0..=mends.len() {
        let case = mends[..done].iter().fold(hopeless(), |case, (_, mend)| mend(case));
        let expected = mends.get(done).map_or(Outcome::Forwarded, |(outcome, _)| *outcome);
        assert_eq!(case.outcome(), expected, "after {done} mends");
    }
}
