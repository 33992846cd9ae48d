use super::{APP, api, lines, refused, table};
use crate::config::tests::{Environment, file};
use crate::config::{check, load};

/// Keys of a dialect from line 6, column 18.
fn errors(text: &str) -> Vec<String> {
    api(&format!("schemes: [{{ name: key }}]\n    errors: {text}"))
}

#[test]
fn errors_name_a_dialect_or_hold_one() {
    table(
        errors,
        &[
            ("problem", &[]),
            ("jsonrpc", &[]),
            ("{}", &[]),
            (
                "jsonrcp",
                &["6:13: apis[0].errors: no dialect is named `jsonrcp`, did you mean `jsonrpc`?"],
            ),
            (
                "[problem]",
                &[
                    "6:13: apis[0].errors: expected the name of a dialect, or a mapping that is one, found a list",
                ],
            ),
            (
                "~",
                &[
                    "6:13: apis[0].errors: there is no value; expected the name of a dialect, or a mapping that is one",
                ],
            ),
            (
                "{ contenttype: text/plain, codes: {} }",
                &[
                    "6:15: apis[0].errors.contenttype: unknown key `contenttype`, did you mean `content_type`?",
                    "6:40: apis[0].errors.codes: unknown key `codes`",
                ],
            ),
        ],
    );
    let route = |errors: &str| {
        api(&format!("schemes: [{{ name: key }}]\n    routes: [{{ path: /a, errors: {errors} }}]"))
    };
    table(
        route,
        &[
            ("jsonrpc", &[]),
            ("{ body: [$code] }", &[]),
            ("house", &["6:34: apis[0].routes[0].errors: no dialect is named `house`"]),
            (
                "{ outcomes: { default: { schemes: { kei: {} } } } }",
                &[
                    "6:70: apis[0].routes[0].errors.outcomes.default.schemes.kei: no scheme is named `kei`, did you mean `key`?",
                ],
            ),
        ],
    );
}

#[test]
fn what_is_said_of_an_outcome_is_judged_key_by_key() {
    let outcomes = |text: &str| errors(&format!("{{ outcomes: {text} }}"));
    table(
        outcomes,
        &[
            (
                "{ credential_expired: {}, credental_missing: {} }",
                &[
                    "6:51: apis[0].errors.outcomes.credental_missing: unknown outcome `credental_missing`, did you mean `credential_missing`?",
                ],
            ),
            (
                "{ forwarded: {}, defualt: {} }",
                &[
                    "6:27: apis[0].errors.outcomes.forwarded: the outcome `forwarded` is no refusal: nothing is said of it",
                    "6:42: apis[0].errors.outcomes.defualt: unknown outcome `defualt`, did you mean `default`?",
                ],
            ),
            (
                "{ default: { status: 200, retry: no } }",
                &[
                    "6:46: apis[0].errors.outcomes.default.status: expected a whole number from 400 to 599, found `200`",
                    "6:51: apis[0].errors.outcomes.default.retry: unknown key `retry`",
                ],
            ),
            (
                "{ default: { status: 600, code: '', message: [] } }",
                &[
                    "6:46: apis[0].errors.outcomes.default.status: expected a whole number from 400 to 599, found `600`",
                    "6:57: apis[0].errors.outcomes.default.code: expected a text or a number, found ``",
                    "6:70: apis[0].errors.outcomes.default.message: expected text, found a list",
                ],
            ),
            (
                "{ default: { message: 'see $message', body: ~ } }",
                &[
                    "6:47: apis[0].errors.outcomes.default.message: a message cannot hold `$message`: it is what that stands for",
                    "6:69: apis[0].errors.outcomes.default.body: there is no value; expected a text, a mapping or a list",
                ],
            ),
            (
                "{ default: { schemes: { kye: { status: x, schemes: {} } } } }",
                &[
                    "6:49: apis[0].errors.outcomes.default.schemes.kye: no scheme is named `kye`, did you mean `key`?",
                    "6:64: apis[0].errors.outcomes.default.schemes.kye.status: expected a whole number from 400 to 599, found `x`",
                    "6:67: apis[0].errors.outcomes.default.schemes.kye.schemes: unknown key `schemes`",
                ],
            ),
            ("[]", &["6:25: apis[0].errors.outcomes: expected a mapping, found a list"]),
            (
                "{ default: none }",
                &["6:36: apis[0].errors.outcomes.default: expected a mapping, found `none`"],
            ),
        ],
    );
}

#[test]
fn a_word_after_a_dollar_is_a_variable() {
    table(
        errors,
        &[
            (
                "{ body: { a: [$requestid], b: 'x $foo' } }",
                &[
                    "6:27: apis[0].errors.body.a[0]: `$requestid` is no variable, did you mean `$request_id`?; a literal `$` is written `$$`",
                    "6:43: apis[0].errors.body.b: `$foo` is no variable; a literal `$` is written `$$`",
                ],
            ),
            ("{ body: { a: $$foo, b: 5 $, c: $5 } }", &[]),
            (
                "{ body: $bar, outcomes: { default: { message: $staus } } }",
                &[
                    "6:21: apis[0].errors.body: `$bar` is no variable; a literal `$` is written `$$`",
                    "6:59: apis[0].errors.outcomes.default.message: `$staus` is no variable, did you mean `$status`?; a literal `$` is written `$$`",
                ],
            ),
        ],
    );
}

#[test]
fn a_body_fits_its_content_type() {
    table(
        errors,
        &[
            ("{ content_type: application/vnd.api+json; v=1, body: { a: 1 } }", &[]),
            (
                "{ content_type: json, body: {} }",
                &[
                    "6:29: apis[0].errors.content_type: expected a media type such as `application/json`, found `json`",
                ],
            ),
            (
                "{ content_type: \"text/plain\\r\\nx: y\", body: a }",
                &[
                    "6:29: apis[0].errors.content_type: expected a media type such as `application/json`, found `text/plain\\r\\nx: y`",
                ],
            ),
            (
                "{ content_type: text/html, body: [a], outcomes: { default: { body: { a: b } } } }",
                &[
                    "6:46: apis[0].errors.body: a body of `text/html` is a text; this one is JSON",
                    "6:80: apis[0].errors.outcomes.default.body: a body of `text/html` is a text; this one is JSON",
                ],
            ),
            (
                "{ content_type: text/html }",
                &[
                    "6:29: apis[0].errors.content_type: a dialect of `text/html` needs a `body`: the default one is JSON",
                ],
            ),
            (
                "{ body: [123456789012345678901234] }",
                &[
                    "6:22: apis[0].errors.body[0]: `123456789012345678901234`: the number is too large; quoted it is a text",
                ],
            ),
        ],
    );
}

#[test]
fn named_dialects_have_names_of_their_own_and_speak_of_schemes_that_there_are() {
    let dialects = |text: &str| {
        refused(&format!(
            "{APP}dialects: {text}\napis:\n  - {{ name: a, upstream: app, schemes: [{{ name: key }}] }}\n"
        ))
    };
    table(
        dialects,
        &[
            (
                "{ problem: {}, a b: {}, c: jsonrpc }",
                &[
                    "2:13: dialects.problem: the name `problem` is that of a built-in dialect",
                    "2:26: dialects[\"a b\"]: expected a name of 1 to 128 letters, digits, `.`, `_` and `-`, found `a b`",
                    "2:38: dialects.c: expected a mapping, found `jsonrpc`",
                ],
            ),
            (
                "{ house: { outcomes: { default: { schemes: { acc: {}, key: {} } } } } }",
                &["2:56: dialects.house.outcomes.default.schemes.acc: no scheme is named `acc`"],
            ),
            ("[]", &["2:11: dialects: expected a mapping, found a list"]),
        ],
    );
}

#[test]
fn a_dialect_that_nobody_speaks_is_a_warning() {
    let text = format!(
        "{APP}dialects: {{ one: {{}}, two: {{}}, three: {{}} }}\napis:\n  - {{ name: a, upstream: app, schemes: [{{ name: k }}], errors: one, routes: [{{ path: /, errors: two }}] }}\n"
    );
    assert_eq!(
        lines(&check(&file(&text), &Environment::default()).unwrap()),
        ["2:31: dialects.three: no api speaks the dialect `three`"]
    );
}

#[test]
fn what_a_variable_brings_is_shown_in_no_problem() {
    let environment = Environment::of(&[("TEXT", "a $secret and $more")]);
    let text = format!(
        "{APP}apis:\n  - {{ name: a, upstream: app, schemes: [{{ name: k }}], errors: {{ body: \"${{TEXT}}\" }} }}\n"
    );
    let refusal = load(&file(&text), &environment).unwrap_err();
    let shown = lines(&refusal.errors);
    assert_eq!(shown.len(), 1);
    assert!(!shown[0].contains("secret"), "{shown:?}");
}
