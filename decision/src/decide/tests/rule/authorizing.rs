use super::*;

#[test]
fn a_path_parameter_that_is_no_id_once_decoded_is_malformed_whoever_asks() {
    for bad in ["a,b", "a=b", "a;b", "*", "%22", "a%20b", "%C3%A9", "%FF", &"x".repeat(129)] {
        let path = format!("/v1/org_1/{bad}");
        let anonymous =
            on_a_board().request(|_| Request::get(&path)).decided(|ended, _| format!("{ended:?}"));
        assert_eq!(anonymous, Err(Outcome::RequestMalformed), "{bad}");
        let org = case().asking(|requirement| requirement.org = Some(2)).path(&path);
        assert_eq!(org.outcome(), Outcome::RequestMalformed, "{bad}");
        assert_eq!(case().path(&path).outcome(), Outcome::Forwarded, "only where it is asked for");
    }
}

#[test]
fn a_path_parameter_is_decoded_once() {
    let named = |path: &str, id: &str| {
        let case = on_a_board()
            .asking(|requirement| requirement.resource = Some(from_path(UnknownResource::Pass)));
        assert_eq!(case.path(path).told("x-resource-id").as_deref(), Some(id));
    };
    named("/v1/org_1/b%6Fard_1", "board_1");
    named("/v1/org_1/a%3Fb%23", "a?b#");
    named("/v1/org_1/a%253Fb", "a%3Fb");
}

#[test]
fn only_subjects_marked_admin_pass_where_the_route_says_so() {
    let asked = |case: Case| case.asking(|requirement| requirement.subject_admin = true);
    assert_eq!(asked(case().subject(|subject| subject.admin = true)).outcome(), Outcome::Forwarded);
    assert_eq!(asked(case().subject(|_| {})).outcome(), Outcome::AdminRequired);
    assert_eq!(asked(case()).outcome(), Outcome::AdminRequired, "an absent record marks nobody");
}

#[test]
fn a_resource_without_a_record_is_refused_or_passed_as_the_route_says() {
    let elsewhere = |unknown| {
        on_a_board()
            .asking(|requirement| requirement.resource = Some(from_path(unknown)))
            .path("/v1/org_1/board_2")
    };
    assert_eq!(
        elsewhere(UnknownResource::Refuse).refused(),
        (Outcome::ResourceUnknown, Some("board_2".to_owned()), None)
    );
    assert_eq!(elsewhere(UnknownResource::Pass).outcome(), Outcome::Forwarded);
}

#[test]
fn passing_an_unknown_resource_skips_only_what_its_record_would_say() {
    let unknown = || {
        on_a_board().asking(|requirement| {
            requirement.resource = Some(literal("path:/board", UnknownResource::Pass));
            requirement.level = always(Level::Edit);
        })
    };
    let granting = |grants: &[(&str, Level)]| {
        unknown().credential(|credential| credential.grants = Some(members(grants)))
    };
    assert_eq!(unknown().outcome(), Outcome::Forwarded);
    assert_eq!(granting(&[("path:/board", Level::Edit)]).outcome(), Outcome::Forwarded);
    assert_eq!(granting(&[("path:/board", Level::Read)]).outcome(), Outcome::LevelInsufficient);
    assert_eq!(granting(&[("path:/other", Level::Edit)]).outcome(), Outcome::ResourceForbidden);
    let ceiling = unknown().credential(|credential| credential.ceiling = Some(Level::Read));
    assert_eq!(ceiling.outcome(), Outcome::LevelInsufficient);
    let restricted = unknown().org("org_1", |org| org.state = ResourceState::Locked);
    assert_eq!(restricted.outcome(), Outcome::ResourceRestricted, "the org's record speaks");
    let capable = unknown().asking(|requirement| requirement.capabilities = ids(&["api"]));
    assert_eq!(capable.outcome(), Outcome::CapabilityMissing, "who has a record may lack it");
}

#[test]
fn a_resource_of_another_org_is_forbidden_whoever_is_its_member() {
    let elsewhere =
        |case: Case| case.org("org_2", |_| {}).board(|board| board.parent = Some(id("org_2")));
    assert_eq!(elsewhere(on_a_board()).outcome(), Outcome::ResourceForbidden);
    let open = || on_a_board().credential(|credential| credential.org = None);
    assert_eq!(elsewhere(open()).outcome(), Outcome::Forwarded, "any org of the subject");
    let choosing = open()
        .scheme(|scheme| scheme.choose_org = Some(http::HeaderName::from_static("x-org")))
        .request(|request| request.field("x-org", "org_1"));
    assert_eq!(elsewhere(choosing).outcome(), Outcome::ResourceForbidden);
    // The org itself is a resource of its own.
    let org = on_a_board().path("/v1/x/org_1").told("x-resource-id");
    assert_eq!(org.as_deref(), Some("org_1"));
}

#[test]
fn what_lies_below_a_parent_without_a_record_is_unknown_on_every_route() {
    let below = |parent: &'static str| {
        on_a_board()
            .board(|board| board.parent = Some(id(parent)))
            .records(|records| records.resource_as("a", "org_1", Some(Lookup::Unknown)))
    };
    for parent in ["org_1", "team_1"] {
        assert_eq!(below(parent).outcome(), Outcome::ResourceUnknown);
        let passing = below(parent).asking(|requirement| {
            requirement.resource.as_mut().unwrap().unknown = UnknownResource::Pass;
        });
        assert_eq!(passing.outcome(), Outcome::ResourceUnknown, "its members are not known");
    }
}

/// Whoever may not is let through there; that nobody can say is never an open door.
#[test]
fn a_stage_in_shadow_passes_a_no_and_stops_at_what_nobody_can_say() {
    let in_shadow = |mut case: Case| {
        case.route.shadow.authorize = true;
        case
    };
    let refused = || on_a_board().credential(|credential| credential.grants = Some(members(&[])));
    assert_eq!(refused().outcome(), Outcome::ResourceForbidden);
    assert_eq!(in_shadow(refused()).outcome(), Outcome::Forwarded);
    for record in ["board_1", "org_1"] {
        let nobody_knows = on_a_board()
            .records(|records| records.resource_as("a", record, Some(Lookup::Unavailable)));
        assert_eq!(in_shadow(nobody_knows).outcome(), Outcome::StoreUnavailable, "{record}");
    }
}

#[test]
fn a_capability_is_held_by_the_subject_the_org_or_the_resource_or_one_above_it() {
    let asked = || {
        on_a_board()
            .asking(|requirement| requirement.capabilities = ids(&["api", "bulk"]))
            .records(|records| records.resource("a", resource("team_1", Some("org_1"))))
            .board(|board| {
                board.parent = Some(id("team_1"));
                board.capabilities = ids(&["bulk"]);
            })
    };
    assert_eq!(
        asked().refused(),
        (Outcome::CapabilityMissing, Some("board_1".to_owned()), Some("api bulk".to_owned()))
    );
    let by_subject = asked().subject(|subject| subject.capabilities = ids(&["api"]));
    assert_eq!(by_subject.outcome(), Outcome::Forwarded);
    let by_org = asked().org("org_1", |org| org.capabilities = ids(&["api"]));
    assert_eq!(by_org.outcome(), Outcome::Forwarded);
    let above = asked().records(|records| {
        let mut team = resource("team_1", Some("org_1"));
        team.capabilities = ids(&["api", "other"]);
        records.resource("a", team)
    });
    assert_eq!(above.outcome(), Outcome::Forwarded);
    // Without a resource, subject and org are left.
    let no_resource = || case().asking(|requirement| requirement.capabilities = ids(&["api"]));
    assert_eq!(no_resource().outcome(), Outcome::CapabilityMissing);
    let by_org = no_resource().org("org_1", |org| org.capabilities = ids(&["api"]));
    assert_eq!(by_org.outcome(), Outcome::Forwarded);
}

#[test]
fn a_state_leaves_what_the_api_says_and_by_default_nothing() {
    let states =
        || States { restricted: Some(Level::Read), locked: Some(Level::Edit), archived: None };
    for (state, needed, outcome) in [
        (ResourceState::Ok, Level::Edit, Outcome::Forwarded),
        (ResourceState::Restricted, Level::Read, Outcome::Forwarded),
        (ResourceState::Restricted, Level::Edit, Outcome::ResourceRestricted),
        (ResourceState::Locked, Level::Edit, Outcome::Forwarded),
        (ResourceState::Archived, Level::Read, Outcome::ResourceRestricted),
    ] {
        let asked = || {
            let level = always(needed);
            on_a_board().asking(|requirement| requirement.level = level).states(states())
        };
        let on = asked().board(|board| board.state = state);
        assert_eq!(on.outcome(), outcome, "{state:?} of the board, {needed:?}");
        let above = asked().org("org_1", |org| org.state = state);
        assert_eq!(above.outcome(), outcome, "{state:?} of the org, {needed:?}");
        let between = asked().board(|board| board.parent = Some(id("team_1"))).records(|records| {
            let mut team = resource("team_1", Some("org_1"));
            team.state = state;
            records.resource("a", team)
        });
        assert_eq!(between.outcome(), outcome, "{state:?} of one between, {needed:?}");
    }
}

#[test]
fn a_route_without_a_level_needs_read_of_what_a_state_leaves_with_or_without_a_resource() {
    let locked = |case: Case| case.org("org_1", |org| org.state = ResourceState::Locked);
    let leaving = |locked: Level| States { locked: Some(locked), ..States::default() };
    for case in [case, on_a_board] {
        assert_eq!(locked(case()).outcome(), Outcome::ResourceRestricted);
        assert_eq!(locked(case()).states(leaving(Level::Read)).outcome(), Outcome::Forwarded);
    }
    let told = locked(on_a_board()).refused();
    assert_eq!(told.2.as_deref(), Some("read"));
}

#[test]
fn the_level_is_the_least_of_ceiling_grants_and_members_each_of_which_may_restrict_nothing() {
    let levels = || [None, Some(Level::Read), Some(Level::Edit), Some(Level::Admin)].into_iter();
    for ceiling in levels() {
        for granted in levels() {
            for held in levels() {
                for needed in Level::ALL {
                    let case = on_a_board()
                        .asking(|requirement| requirement.level = always(needed))
                        .credential(|credential| {
                            credential.ceiling = ceiling;
                            credential.grants = granted.map(|level| members(&[("board_1", level)]));
                        })
                        .org("org_1", |_| {})
                        .board(|board| {
                            board.members = held.map(|level| members(&[("user_1", level)]));
                        });
                    let least = [ceiling, granted, held].into_iter().flatten().min();
                    let expected = if least.is_none_or(|least| least >= needed) {
                        Outcome::Forwarded
                    } else {
                        Outcome::LevelInsufficient
                    };
                    assert_eq!(
                        case.outcome(),
                        expected,
                        "{ceiling:?} {granted:?} {held:?} {needed:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_refusal_says_which_level_was_needed_of_what() {
    let read = on_a_board()
        .asking(|requirement| requirement.level = always(Level::Edit))
        .credential(|credential| credential.ceiling = Some(Level::Read));
    assert_eq!(
        read.refused(),
        (Outcome::LevelInsufficient, Some("board_1".to_owned()), Some("edit".to_owned()))
    );
}

#[test]
fn without_a_resource_a_level_is_held_against_the_ceiling_alone() {
    let asked = |ceiling| {
        case()
            .asking(|requirement| requirement.level = always(Level::Edit))
            .credential(|credential| {
                credential.ceiling = ceiling;
                credential.grants = Some(members(&[]));
            })
            .org("org_1", |org| org.members = Some(members(&[])))
    };
    assert_eq!(asked(None).outcome(), Outcome::Forwarded);
    assert_eq!(asked(Some(Level::Edit)).outcome(), Outcome::Forwarded);
    assert_eq!(asked(Some(Level::Read)).outcome(), Outcome::LevelInsufficient);
}

#[test]
fn grants_that_lack_the_resource_are_no_access_and_do_not_descend() {
    let granting = |grants: &[(&str, Level)]| {
        on_a_board().credential(|credential| credential.grants = Some(members(grants))).outcome()
    };
    assert_eq!(granting(&[("board_1", Level::Read)]), Outcome::Forwarded);
    assert_eq!(granting(&[("org_1", Level::Admin)]), Outcome::ResourceForbidden);
    assert_eq!(granting(&[]), Outcome::ResourceForbidden);
}

#[test]
fn members_that_are_present_let_in_only_those_named_and_null_asks_the_nearest_above() {
    let with = |board: Option<&[(&str, Level)]>, org: Option<&[(&str, Level)]>| {
        on_a_board()
            .board(|record| record.members = board.map(members))
            .org("org_1", |record| record.members = org.map(members))
            .outcome()
    };
    let (us, them): (&[_], &[_]) = (&[("user_1", Level::Read)], &[("user_2", Level::Read)]);
    assert_eq!(with(Some(us), Some(them)), Outcome::Forwarded);
    assert_eq!(with(Some(them), Some(us)), Outcome::ResourceForbidden);
    assert_eq!(with(Some(&[]), Some(us)), Outcome::ResourceForbidden, "the last one has left");
    assert_eq!(with(None, Some(us)), Outcome::Forwarded);
    assert_eq!(with(None, Some(them)), Outcome::ResourceForbidden);
    assert_eq!(with(None, Some(&[])), Outcome::ResourceForbidden);
    assert_eq!(with(None, None), Outcome::Forwarded, "none anywhere is anyone");
}

#[test]
fn every_scope_of_the_method_is_needed_and_null_has_them_all() {
    let asked = |method: &str, scopes: Option<&[&str]>| {
        case()
            .asking(|requirement| {
                requirement.scopes.named = vec![
                    ("GET".to_owned(), ids(&["boards:read"])),
                    ("POST".to_owned(), ids(&["boards:read", "boards:write"])),
                ];
            })
            .credential(|credential| credential.scopes = scopes.map(ids))
            .method(method)
    };
    let outcome = |method, scopes| asked(method, scopes).outcome();
    assert_eq!(outcome("GET", None), Outcome::Forwarded);
    assert_eq!(outcome("GET", Some(&["boards:read"])), Outcome::Forwarded);
    assert_eq!(outcome("HEAD", Some(&["boards:read"])), Outcome::Forwarded);
    assert_eq!(outcome("GET", Some(&["boards:write"])), Outcome::ScopeInsufficient);
    assert_eq!(outcome("HEAD", Some(&[])), Outcome::ScopeInsufficient, "HEAD is held as GET");
    assert_eq!(outcome("DELETE", Some(&[])), Outcome::Forwarded, "a method not named needs none");
    assert_eq!(
        asked("POST", Some(&["boards:read"])).refused(),
        (Outcome::ScopeInsufficient, None, Some("boards:read boards:write".to_owned()))
    );
}

#[test]
fn head_is_held_as_get_unless_it_is_named() {
    let asked = |named: &[(&str, Level)], others, method: &str| {
        let named = named.iter().map(|(method, level)| ((*method).to_owned(), *level)).collect();
        on_a_board()
            .asking(|requirement| requirement.level = ByMethod { named, others })
            .credential(|credential| credential.ceiling = Some(Level::Read))
            .method(method)
            .outcome()
    };
    let get = [("GET", Level::Read)];
    assert_eq!(asked(&get, Some(Level::Edit), "HEAD"), Outcome::Forwarded);
    assert_eq!(asked(&get, Some(Level::Edit), "POST"), Outcome::LevelInsufficient);
    assert_eq!(asked(&[], Some(Level::Edit), "HEAD"), Outcome::LevelInsufficient);
    let both = [("GET", Level::Read), ("HEAD", Level::Admin)];
    assert_eq!(asked(&both, None, "HEAD"), Outcome::LevelInsufficient);
    assert_eq!(asked(&both, None, "GET"), Outcome::Forwarded);
}
