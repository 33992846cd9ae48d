//! What the upstream is told, and what the limits read.

use super::*;

#[test]
fn the_resource_and_the_level_are_told_where_the_route_names_a_resource_and_nowhere_else() {
    assert_eq!(on_a_board().told("x-resource-id").as_deref(), Some("board_1"));
    assert_eq!(on_a_board().told("x-level").as_deref(), Some("edit"));
    let capped = on_a_board().credential(|credential| credential.ceiling = Some(Level::Read));
    assert_eq!(capped.told("x-level").as_deref(), Some("read"));
    let free = on_a_board().board(|board| board.members = None).org("org_1", |_| {});
    assert_eq!(free.told("x-level").as_deref(), Some("admin"), "nothing restricts it");
    let elsewhere = || case().asking(|requirement| requirement.level = always(Level::Read));
    assert_eq!((elsewhere().told("x-resource-id"), elsewhere().told("x-level")), (None, None));
}

#[test]
fn grants_are_told_whole_none_above_the_ceiling() {
    let told = |ceiling, grants: Option<&[(&str, Level)]>| {
        case()
            .credential(|credential| {
                credential.ceiling = ceiling;
                credential.grants = grants.map(members);
            })
            .told("x-grants")
            .unwrap()
    };
    let grants: &[_] =
        &[("board_2", Level::Read), ("board_1", Level::Edit), ("board_3", Level::Admin)];
    assert_eq!(told(None, None), "*");
    assert_eq!(told(Some(Level::Read), None), "*=read");
    assert_eq!(told(None, Some(grants)), "board_1=edit,board_2=read,board_3=admin");
    assert_eq!(told(Some(Level::Edit), Some(grants)), "board_1=edit,board_2=read,board_3=edit");
    assert_eq!(told(Some(Level::Read), Some(&[])), "");
}

#[test]
fn scopes_are_told_unless_they_restrict_nothing() {
    let told = |scopes: Option<&[&str]>| {
        case().credential(|credential| credential.scopes = scopes.map(ids)).told("x-scopes")
    };
    assert_eq!(told(None), None);
    assert_eq!(told(Some(&["b", "a"])).as_deref(), Some("a b"));
    assert_eq!(told(Some(&[])).as_deref(), Some(""), "none is not all");
}

#[test]
fn what_a_client_says_of_itself_is_never_told() {
    for name in ["x-resource-id", "x-level", "x-scopes", "x-grants", "x-org-id"] {
        let forged = case()
            .credential(|credential| credential.org = None)
            .request(|request| request.field(name, "forged"));
        assert_ne!(forged.told(name).as_deref(), Some("forged"), "{name}");
    }
}

#[test]
fn limits_find_the_subject_the_org_its_plan_and_the_address() {
    let snapshot = snapshot(vec![(&["*"], api("a", vec![route("/**")]))]);
    let question = with_key("/x").with_head(|head| ask(&snapshot, &peppers(), head)).unwrap();
    let mut org = resource("org_1", None);
    org.plan = Some("pro".to_owned());
    let records = Records::of(Some(found())).resource("a", org);
    let Ok(Step::Ready(authenticated)) = question.authenticate(&records, NOW) else { panic!() };
    let principal = authenticated.principal().unwrap();
    assert_eq!(principal.subject().as_str(), "user_1");
    assert_eq!(authenticated.org().unwrap().id().as_str(), "org_1");
    assert_eq!(authenticated.plan(), Some("pro"));
    assert_eq!(authenticated.client_ip().to_string(), "192.0.2.1");
    assert_eq!((&*authenticated.api().name, &*authenticated.route().name), ("a", "/**"));
    let refused = authenticated.refused(Outcome::RateExceeded, "too many");
    assert!(refused.fact.is_some() && refused.scheme.is_some() && refused.route.is_some());
}
