use super::*;

#[test]
fn an_id_is_visible_ascii_without_separators_and_of_bounded_length() {
    for good in ["a", "org_1", "path:/board", "u@example.com", "~", "**", &"x".repeat(128)] {
        assert!(Id::new(good).is_some(), "{good}");
    }
    for bad in [
        "",
        "*",
        "a,b",
        "a=b",
        "a;b",
        "a\"b",
        "a b",
        "a\tb",
        "a\r\nb",
        "é",
        "\u{7f}",
        &"x".repeat(129),
    ] {
        assert!(Id::new(bad).is_none(), "{bad:?}");
    }
}
