use super::{ADMIN_TOKEN, Environment, FULL, PEPPER, file, lines, refused};
use crate::config::{Problem, Refusal, check, load};
use secrecy::ExposeSecret as _;

/// `extra` from line 1, in an otherwise good file.
fn with(extra: &str) -> String {
    format!(
        "{extra}\nupstreams: {{ app: [127.0.0.1:9000] }}\napis:\n  - {{ name: a, upstream: app, schemes: [{{ name: k }}] }}\n"
    )
}

fn pepper_of(written: &str, environment: &Environment) -> String {
    let text = with(&format!("store:\n  pepper: {written}"));
    let compiled = load(&file(&text), environment).unwrap();
    compiled.configuration.process.store.pepper.unwrap().expose_secret().to_owned()
}

#[test]
fn what_a_variable_brings_is_taken_literally_and_replaced_once() {
    for value in [
        "p@ss: \"x\" # ${Y} %41 - | and so on, long enough",
        "*a &b !c {d} [e] 'f' \\n \\u0041 ${file:/etc/passwd}",
        "thirty-two bytes and then a newline\n",
        "0123012301230123012301230123012301230123",
    ] {
        let environment = Environment::of(&[("P", value), ("Y", "never"), ("file", value)]);
        assert_eq!(pepper_of("${P}", &environment), value);
        assert_eq!(pepper_of("\"${P}\"", &environment), value);
        assert_eq!(pepper_of("'${P}'", &environment), value);
        assert_eq!(
            pepper_of("${file:file}", &Environment::of(&[("conf/file", value)])),
            value.strip_suffix('\n').unwrap_or(value)
        );
    }
}

#[test]
fn a_text_stays_a_text_and_a_number_a_number() {
    let text = with(
        "server: { replica: \"${R}\", threads: \"${T}\", bounds: { idle: \"${D}\", head: \"${S}\" } }",
    );
    for word in ["yes", "0123", "~", "null", "true"] {
        let environment = Environment::of(&[("R", word), ("T", "04"), ("D", "5s"), ("S", "2KiB")]);
        let process = load(&file(&text), &environment).unwrap().configuration.process;
        assert_eq!(process.replica.as_deref(), Some(word));
        assert_eq!((process.threads, process.bounds.head), (Some(4), 2048));
    }
    let plain = with("server:\n  replica: ${R}\n  threads: ${T}");
    for word in ["yes", "0123", "~", "null", "true"] {
        let environment = Environment::of(&[("R", word), ("T", "04")]);
        let process = load(&file(&plain), &environment).unwrap().configuration.process;
        assert_eq!((process.replica.as_deref(), process.threads), (Some(word), Some(4)));
    }
}

#[test]
fn an_unquoted_boolean_is_typed_after_it_is_replaced_and_a_quoted_one_stays_text() {
    let environment = Environment::of(&[("ON", "true"), ("YES", "yes")]);
    let http2 = |written: &str| {
        let text =
            with(&format!("server:\n  listeners:\n  - address: 0.0.0.0:1\n    http2: {written}"));
        load(&file(&text), &environment).map_err(|refusal| lines(&refusal.errors))
    };
    assert!(http2("${ON}").unwrap().configuration.process.listeners[0].http2);
    let expected = "4:12: server.listeners[0].http2: expected `true` or `false`, unquoted, found";
    assert_eq!(http2("\"${ON}\"").unwrap_err(), [format!("{expected} `${{ON}}`")]);
    assert_eq!(http2("${YES}").unwrap_err(), [format!("{expected} `${{YES}}`")]);
}

#[test]
fn references_have_three_forms_and_an_escape() {
    let environment =
        Environment::of(&[("A", "a"), ("EMPTY", ""), ("conf/f", "one\ntwo\n\n"), ("/abs", "abs")]);
    let long = "-thirty-two-bytes-thirty-two-bytes";
    for (written, expected) in [
        ("${A}", "a"),
        ("${A}${A}", "aa"),
        ("${EMPTY}", ""),
        ("${A:-b}", "a"),
        ("${EMPTY:-b}", "b"),
        ("${NONE:-b}", "b"),
        ("${NONE:-}", ""),
        ("${NONE:-a:-b $c}", "a:-b $c"),
        ("${file:f}", "one\ntwo\n"),
        ("${file:/abs}", "abs"),
        ("$${A}", "${A}"),
        ("$$${A}", "$${A}"),
        ("$A $$ $", "$A $$ $"),
        ("}{", "}{"),
        ("$${${A}", "${a"),
    ] {
        assert_eq!(
            pepper_of(&format!("'{written}{long}'"), &environment),
            format!("{expected}{long}"),
            "{written}"
        );
    }
}

#[test]
fn a_reference_that_leads_nowhere_is_refused_and_shown_as_it_was_written() {
    let replica = |written: &str| refused(&with(&format!("server:\n  replica: '{written}'")));
    assert_eq!(replica("${NONE}"), ["2:12: server.replica: the variable `NONE` is not set"]);
    assert_eq!(
        replica("${A}${B}"),
        [
            "2:12: server.replica: the variable `A` is not set",
            "2:12: server.replica: the variable `B` is not set"
        ]
    );
    assert_eq!(
        replica("${file:none}"),
        ["2:12: server.replica: cannot read the file `none`: entity not found"]
    );
    assert_eq!(
        replica("a ${NONE"),
        ["2:12: server.replica: `${` without `}`; a literal `${` is written `$${`"]
    );
    for bad in ["${}", "${1A}", "${A-b}", "${A B}", "${A:b}", "${ä}", "${:-x}"] {
        let expected = format!(
            "2:12: server.replica: `{bad}` is no reference; expected `${{NAME}}`, `${{NAME:-default}}` or `${{file:PATH}}`, and `$${{` for a literal `${{`"
        );
        assert_eq!(replica(bad), [expected]);
    }
    // Keys are what they are.
    assert_eq!(refused(&with("'${NONE}': 1")), ["1:1: [\"${NONE}\"]: unknown key `${NONE}`"]);
}

#[test]
fn check_warns_of_what_is_missing_and_judges_the_rest() {
    let nothing = Environment::default();
    assert_eq!(
        lines(&check(&file(FULL), &nothing).unwrap()),
        [
            "23:12: server.admin.token: the variable `ADMIN_TOKEN` is not set",
            "39:11: store.pepper: the variable `PEPPER` is not set",
            "41:7: store.previous_peppers[0]: the variable `OLD_PEPPER` is not set",
            "42:16: store.sealing_key: the variable `SEALING_KEY` is not set",
        ]
    );
    let Refusal { errors, warnings, .. } = load(&file(FULL), &nothing).unwrap_err();
    assert_eq!((errors.len(), warnings.len()), (4, 0));

    // Whatever depends on a value that is unknown here is not judged.
    let text = "server:\n  listeners:\n  - name: ${IN}\n    address: ${ADDRESS}\nupstreams: { app: ['${ENDPOINT}'] }\napis:\n  - name: ${API}\n    upstream: ${APP}\n    hosts: ['${HOST}']\n    listeners: [in]\n    schemes:\n      - name: ${SCHEME}\n        prefix: ${PREFIX}\n    routes:\n      - path: ${PATH}\n        accept: [k]\n        methods: ['${METHOD}']\n        rewrite: { strip_prefix: /a }\n";
    let warnings = check(&file(text), &nothing).unwrap();
    let missing = |problem: &Problem| problem.message.ends_with("is not set");
    assert_eq!(
        (warnings.len(), warnings.iter().filter(|problem| missing(problem)).count()),
        (10, 10)
    );

    // Errors stay errors.
    let Refusal { errors, warnings, .. } =
        check(&file(&with("server: { replica: '${R}', thread: 1 }")), &nothing).unwrap_err();
    assert_eq!(
        lines(&errors),
        ["1:28: server.thread: unknown key `thread`, did you mean `threads`?"]
    );
    assert_eq!(lines(&warnings), ["1:20: server.replica: the variable `R` is not set"]);
}

#[test]
fn nothing_shows_what_was_put_in() {
    const SECRET: &str = "s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t";
    let environment = Environment::full();
    let compiled = load(&file(FULL), &environment).unwrap();
    let dump = format!("{compiled:?}");
    assert!(!dump.contains(ADMIN_TOKEN) && !dump.contains(PEPPER));

    // In place of every value there is, one after the other: refused or not, no message has it.
    let environment =
        Environment::of(&[("ADMIN_TOKEN", ADMIN_TOKEN), ("PEPPER", PEPPER), ("SECRET", SECRET)]);
    let mut refusals = 0;
    for (number, line) in FULL.lines().enumerate() {
        let value =
            line.rsplit_once(": ").or_else(|| line.rsplit_once("- ")).map(|(_, value)| value);
        let Some(value) = value.filter(|_| !line.starts_with('#')) else { continue };
        for put_in in [
            "${SECRET}",
            "'${SECRET} and more'",
            "/${SECRET}/..",
            "header:${SECRET}/",
            "/${SECRET}/{a",
        ] {
            let changed = line.replace(value, put_in);
            let text: Vec<_> = FULL
                .lines()
                .enumerate()
                .map(|(at, line)| if at == number { &changed } else { line })
                .collect();
            if let Err(Refusal { errors, warnings, .. }) =
                load(&file(&text.join("\n")), &environment)
            {
                refusals += 1;
                for problem in errors.iter().chain(&warnings) {
                    assert!(!problem.to_string().contains(SECRET), "{problem}");
                }
            }
        }
    }
    assert!(refusals > 300, "{refusals}");
}

#[test]
fn a_suggestion_is_what_was_written_too() {
    let scheme = |written: &str| {
        let text = format!(
            "upstreams: {{ app: [a:1] }}\napis:\n  - {{ name: a, upstream: app, schemes: [{{ name: '${{NAME}}' }}], routes: [{{ path: /a, accept: ['{written}'] }}] }}\n"
        );
        let environment = Environment::of(&[("NAME", "secret-name"), ("OTHER", "secret-nam")]);
        load(&file(&text), &environment).map_err(|refusal| lines(&refusal.errors)).unwrap_err()
    };
    let expected = "3:93: apis[0].routes[0].accept[0]: no scheme is named";
    assert_eq!(scheme("secret-nam"), [format!("{expected} `secret-nam`")]);
    assert_eq!(scheme("${OTHER}"), [format!("{expected} `${{OTHER}}`")]);
}
