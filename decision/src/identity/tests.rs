use proptest::prelude::*;

use super::*;
use crate::test_support::{Request, default_identity, request_id};

fn names(names: &[&'static str]) -> NameSet {
    names.iter().map(|name| HeaderName::from_static(name)).collect()
}

#[test]
fn a_name_is_found_in_any_case_and_in_what_an_upstream_might_take_for_it() {
    let set = names(&["x-org-id", "x-level", "x-org-id"]);
    for name in ["x-org-id", "X-Org-Id", "X-ORG-ID", "x_org_id", "X.Org.Id", "X-LEVEL"] {
        assert!(set.contains(name), "{name}");
    }
    for name in ["", "x-org", "x-org-idx", "xx-org-id", "x-org-ie", "x-api-key", "accept"] {
        assert!(!set.contains(name), "{name}");
    }
    assert!(!NameSet::default().contains("x-org-id"));
}

/// An api that takes request ids, or does not, and the one of this request.
fn accepted(accept: bool, request: &Request) -> Option<String> {
    let plan = IdentityPlan {
        headers: default_identity(),
        request_id: crate::config::snapshot::RequestIdPlan { accept, max: 8, ..request_id() },
    };
    request.with_head(|head| accepted_request_id(&plan, head).map(str::to_owned))
}

#[test]
fn a_request_id_is_taken_where_the_api_takes_it_and_it_is_single_visible_and_short() {
    let with = |value: &str| Request::get("/").field("X-Request-ID", value);
    assert_eq!(accepted(true, &with("req-1")).as_deref(), Some("req-1"));
    assert_eq!(accepted(true, &with("12345678")).as_deref(), Some("12345678"));
    assert_eq!(accepted(false, &with("req-1")), None);
    assert_eq!(accepted(true, &Request::get("/")), None);
    for bad in ["", "123456789", "a b", "a\tb", "é"] {
        assert_eq!(accepted(true, &with(bad)), None, "{bad}");
    }
    assert_eq!(accepted(true, &with("req-1").field("x-request-id", "req-1")), None);
}

proptest! {
    #[test]
    fn the_set_holds_a_name_exactly_if_one_of_its_names_is_alike(held in prop::collection::vec("[a-c-]{1,4}", 0..6), name in "[a-cA-C_.-]{0,5}") {
        let set: NameSet = held.iter().map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap()).collect();
        let alike = name.to_ascii_lowercase().replace(['_', '.'], "-");
        prop_assert_eq!(set.contains(&name), held.contains(&alike));
    }
}
