use axum::response::IntoResponse as _;
use proptest::prelude::*;

use super::*;

fn json(body: &str) -> Fields {
    Fields::of_json(body.as_bytes()).unwrap()
}

fn refused(fields: Fields) -> Vec<(String, String)> {
    let problem = fields.end().unwrap_err();
    problem.errors.into_iter().map(|error| (error.field, error.message)).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "it has the form of a rule")]
fn any_text(text: &str) -> Judged<String> {
    Ok(text.to_owned())
}

#[test]
fn every_field_that_no_rule_asks_for_is_named() {
    let mut fields = json(r#"{"b": 1, "known": "yes", "a": null}"#);
    assert_eq!(fields.text("known", any_text).as_deref(), Some("yes"));
    let unknown = ["a", "b"].map(|name| (name.to_owned(), "is unknown".to_owned()));
    assert_eq!(refused(fields), unknown);
}

#[test]
fn a_field_that_is_null_is_absent() {
    let mut fields = json(r#"{"optional": null, "needed": null}"#);
    assert_eq!(fields.text("optional", any_text), None);
    assert_eq!(fields.required("needed", any_text), None);
    assert_eq!(refused(fields), [("needed".to_owned(), "is required".to_owned())]);
}

#[test]
fn a_field_that_is_given_twice_is_refused_even_when_both_say_the_same() {
    let mut fields = json(r#"{"a": "x", "a": "x"}"#);
    fields.text("a", any_text);
    assert_eq!(refused(fields), [("a".to_owned(), "is given twice".to_owned())]);
    let mut query = Fields::of_query(vec![("a".into(), "x".into()), ("a".into(), "y".into())]);
    query.text("a", any_text);
    assert_eq!(refused(query), [("a".to_owned(), "is given twice".to_owned())]);
}

#[test]
fn all_that_is_wrong_is_said_together() {
    let mut fields = json(r#"{"number": 1, "bad": "x", "odd": true}"#);
    assert_eq!(fields.text("number", any_text), None);
    assert_eq!(fields.text("bad", |_| Judged::<()>::Err("must be good".into())), None);
    fields.required("missing", any_text);
    let said = [
        ("number", "must be a string"),
        ("bad", "must be good"),
        ("missing", "is required"),
        ("odd", "is unknown"),
    ];
    assert_eq!(
        refused(fields),
        said.map(|(field, message)| (field.to_owned(), message.to_owned()))
    );
}

#[test]
fn a_body_that_is_no_json_object_is_refused_with_its_place_and_without_its_content() {
    let bodies = [
        ("", "line 1 column 0"),
        ("{\n  \"secret\": \"ak_hidden\",,}", "line 2 column"),
        ("{\"secret\": \"ak_hidden\"} x", "line 1 column"),
        ("{\"secret\": \"ak_hidden\\ud800\"}", "line 1 column"),
        ("{\"n\": 1e999}", "line 1 column"),
        ("\"ak_hidden\"", "JSON object"),
        ("[\"ak_hidden\"]", "JSON object"),
        ("null", "JSON object"),
        ("17", "JSON object"),
    ];
    for (body, says) in bodies {
        let Err(problem) = Fields::of_json(body.as_bytes()) else { panic!("{body} was read") };
        let shown = format!("{problem:?}");
        assert!(shown.contains(says) && !shown.contains("hidden"), "{body}: {shown}");
        assert_eq!(problem.into_response().status(), 400, "{body}");
    }
    assert!(Fields::of_json(b"{\"a\": \"\xff\"}").is_err());
    assert!(Fields::of_json("[".repeat(100_000).as_bytes()).is_err());
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    assert!(Fields::of_json(deep.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn reading_a_body_is_total(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(fields) = Fields::of_json(&body) {
            drop(fields.end());
        }
    }
}
