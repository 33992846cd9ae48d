use super::*;

fn matching(fields: &[(&str, &str)]) -> Match {
    Match::of(fields.iter().map(|(name, value)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    }))
}

fn holds(asked: &[(&str, &str)], sent: &[(&str, &str)]) -> bool {
    let sent: Vec<_> =
        sent.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
    matching(asked).holds(&sent)
}

#[test]
fn it_holds_where_each_field_is_there_with_exactly_that_value() {
    assert!(holds(&[], &[]));
    assert!(holds(&[], &[("x-a", "1")]));
    assert!(holds(&[("x-a", "1")], &[("X-A", "1"), ("x-b", "2")]));
    assert!(holds(&[("x-b", "2"), ("x-a", "1")], &[("x-a", "1"), ("x-b", "2")]));
    for sent in [&[("x-a", "12")][..], &[("x-a", "")], &[("x-ab", "1")], &[("x-b", "1")], &[]] {
        assert!(!holds(&[("x-a", "1")], sent), "{sent:?}");
    }
    assert!(!holds(&[("x-a", "a")], &[("x-a", "A")]), "values have a case");
    assert!(!holds(&[("x-a", "1"), ("x-b", "2")], &[("x-a", "1")]));
}

#[test]
fn a_name_on_several_lines_has_no_value_and_so_never_two_matches() {
    let lines = [("x-a", "1"), ("X-A", "2")];
    assert!(!holds(&[("x-a", "1")], &lines));
    assert!(!holds(&[("x-a", "2")], &lines));
    assert!(!holds(&[("x-a", "1")], &[("x-a", "1"), ("x-a", "1")]));
}

#[test]
fn two_exclude_each_other_only_by_different_values_of_one_name() {
    let one = matching(&[("x-a", "1"), ("x-b", "1")]);
    assert!(one.excludes(&matching(&[("x-a", "2")])));
    assert!(matching(&[("x-a", "2")]).excludes(&one));
    for other in [&[("x-a", "1")][..], &[("x-c", "1")], &[]] {
        assert!(!one.excludes(&matching(other)), "{other:?}");
    }
    assert!(matching(&[("x-a", "1")]).ties_with(&matching(&[("x-b", "1")])));
    assert!(!matching(&[("x-a", "1")]).ties_with(&matching(&[("x-a", "2")])));
    assert!(!matching(&[("x-a", "1")]).ties_with(&one));
}
