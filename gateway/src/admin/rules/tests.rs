use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn an_id_that_could_read_as_two_in_a_list_is_refused() {
    for text in ["user_1", "a", "a:b/c", &"x".repeat(128)] {
        assert_eq!(id(text).unwrap().as_str(), text);
    }
    for text in ["", "*", "a,b", "a=b", "a;b", "a\"b", "a b", "a\nb", "é", &"x".repeat(129)] {
        assert_eq!(id(text).unwrap_err(), ID_RULE, "{text}");
    }
}

#[test]
fn a_label_is_any_text_that_stays_on_its_line() {
    for text in ["ci", "Häuser 🏠", "a,b=c;\"", &"🏠".repeat(200)] {
        assert_eq!(label(text).unwrap(), text);
    }
    for text in [
        "",
        "a\nb",
        "\u{1b}[31m",
        "a\u{7f}",
        "a\u{85}b",
        "a\0",
        &"x".repeat(201),
        &"x".repeat(10_000),
    ] {
        assert!(label(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_lifetime_has_a_number_and_a_unit_or_is_never() {
    assert_eq!(lifetime("never"), Ok(Lifetime::Never));
    assert_eq!(lifetime("30d"), Ok(Lifetime::For(Duration::from_hours(720))));
    assert_eq!(lifetime("720h"), lifetime("30d"));
    assert_eq!(lifetime("1500ms"), Ok(Lifetime::For(Duration::from_millis(1500))));
    let forms = [
        "", "30", "30 d", " 30d", "30d ", "P30D", "30D", "-30d", "+30d", "1.5d", "d", "0s",
        "999ms", "Never",
    ];
    for text in forms {
        assert!(lifetime(text).is_err(), "{text}");
    }
    for text in ["99999999999999999999d", "18446744073709551615d", "３0d"] {
        assert!(lifetime(text).is_err(), "{text}");
    }
}

#[test]
fn a_secret_is_what_every_place_can_carry() {
    for text in ["x", "abc:~!;=", &"x".repeat(4096)] {
        assert_eq!(secrecy::ExposeSecret::expose_secret(&secret(text).unwrap()), text);
    }
    for text in ["", "a,b", "a b", "a\tb", "a\n", "é", &"x".repeat(4097)] {
        let refused = secret(text).unwrap_err();
        assert!(text.is_empty() || !refused.contains(text), "{refused}");
    }
}

#[test]
fn a_digest_is_64_hexadecimal_digits() {
    assert!(sha256(&"aB".repeat(32)).is_ok());
    for text in ["", "ab", &"ab".repeat(33), &"ag".repeat(32), &"é".repeat(32)] {
        assert!(sha256(text).is_err(), "{text}");
    }
}

#[test]
fn metadata_is_a_small_object() {
    assert_eq!(metadata(&json!({})).unwrap(), Map::new());
    let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!({ "a": inner }));
    assert!(metadata(&nested(16)).is_ok());
    assert!(metadata(&nested(17)).is_err());
    assert!(metadata(&json!({ "a": [[[1]]], "b": {"c": "\u{1b}[31m"} })).is_ok());
    let padded = |length| json!({ "a": "x".repeat(length) });
    assert!(metadata(&padded(4096 - 8)).is_ok());
    assert!(metadata(&padded(4096 - 7)).is_err());
    for value in [json!([]), json!("a"), json!(1), json!(true)] {
        assert_eq!(metadata(&value).unwrap_err(), "must be an object");
    }
}

proptest! {
    #[test]
    fn every_rule_is_total(text in any::<String>()) {
        drop((id(&text), label(&text), instant(&text), lifetime(&text), secret(&text), sha256(&text)));
    }
}
