use super::*;

fn permits(allow: &[&str], deny: &[&str], address: &str) -> bool {
    let blocks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    Addresses { allow: blocks(allow), deny: blocks(deny) }.permit(address.parse().unwrap())
}

#[test]
fn without_an_allow_list_everybody_is_allowed_who_is_not_denied() {
    assert!(permits(&[], &[], "192.0.2.1"));
    assert!(permits(&[], &["10.0.0.0/8"], "192.0.2.1"));
    assert!(!permits(&[], &["192.0.2.0/24"], "192.0.2.1"));
}

#[test]
fn with_an_allow_list_only_those_on_it_are_allowed_and_a_denial_stands_above() {
    let (allow, deny) = (&["192.0.2.0/24", "2001:db8::/32"], &["192.0.2.128/25"]);
    assert!(permits(allow, deny, "192.0.2.1"));
    assert!(permits(allow, deny, "2001:db8::1"));
    assert!(!permits(allow, deny, "192.0.2.200"));
    assert!(!permits(allow, deny, "198.51.100.1"));
    assert!(!permits(allow, &["0.0.0.0/0"], "192.0.2.1"));
}
