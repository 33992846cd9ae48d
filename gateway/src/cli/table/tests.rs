use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const COLUMNS: Columns = &[("ID", "id"), ("NAME", "name"), ("EXPIRES", "expires_at")];
const FIELDS: &[&str] = &["id", "name", "revoked_at", "expires_at", "metadata", "version"];

fn credential(name: &str) -> Map<String, Value> {
    serde_json::from_value(json!({
        "id": "crd_0193", "api": "app", "scheme": "key", "name": name, "hint": "ak_wxyz",
        "external_id": null, "subject": "user_1", "org": null, "state": "active",
        "created_at": "2030-01-01T00:00:00.000Z", "expires_at": null, "revoked_at": null,
        "revoke_reason": null, "disabled": false, "limits": {}, "metadata": {"team": "a\u{9b}b"}, "version": 1,
    }))
    .unwrap()
}

#[test]
fn a_list_has_one_line_a_credential_whatever_its_name_is() {
    for name in ["ci", "a\nb", "\u{1b}[2J", "x\u{2028}y", "🏠", &"long ".repeat(40)] {
        let shown = list(&[credential(name), credential("other")], COLUMNS);
        assert_eq!(shown.lines().count(), 3, "{shown}");
        assert!(shown.starts_with("ID "), "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() < 200), "{shown}");
    }
}

#[test]
fn a_record_shows_every_field_and_its_secret_last() {
    let shown = record(&credential("ci"), FIELDS, Some("ak_secret"));
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines.first().unwrap().starts_with("id"), "{shown}");
    assert!(lines.last().unwrap().ends_with("ak_secret"), "{shown}");
    assert_eq!(lines.len(), FIELDS.len() + 1);
    assert!(shown.contains("never") && shown.contains("revoked at  -"), "{shown}");
    assert!(shown.contains(r"{1b}") || shown.contains(r"\u{9b}"), "{shown}");
    assert!(!record(&credential("ci"), FIELDS, None).contains("secret"));
}

proptest! {
    #[test]
    fn nothing_that_is_shown_commands_the_terminal(text in any::<String>()) {
        prop_assert!(!visible(&text).chars().any(commands));
    }

    #[test]
    fn json_that_is_shown_means_what_it_meant(text in any::<String>()) {
        let value = json!({ "name": text });
        let shown = visible_json(&value.to_string());
        prop_assert!(!shown.chars().any(commands));
        prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
    }
}
