//! `config/reference.yaml` is held against the readers: what they ask for is in it, and what it says is so.

use std::collections::BTreeSet;

use super::{Environment, file, lines};
use crate::config::schema::{Comments, REFERENCE, asked};
use crate::config::{check, load};

/// The reference without its comments.
pub(super) fn bare() -> String {
    let code =
        |line: &str| line.split_once("  # ").map_or(line, |(code, _)| code).trim_end().to_owned();
    let lines = REFERENCE.lines().map(code);
    let lines: Vec<_> =
        lines.filter(|line| !line.is_empty() && !line.trim_start().starts_with('#')).collect();
    lines.join("\n")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The line at `at` and all that is below it.
fn block(lines: &[&str], at: usize) -> usize {
    let inside = |line: &&&str| indent(line) > indent(lines[at]);
    1 + lines[at + 1..].iter().take_while(inside).count()
}

#[test]
fn the_reference_is_a_good_configuration_that_needs_no_environment() {
    let compiled = load(&file(REFERENCE), &Environment::default())
        .unwrap_or_else(|refusal| panic!("{}", lines(&refusal.errors).join("\n")));
    assert_eq!(lines(&compiled.warnings), [""; 0]);
    assert_eq!(lines(&check(&file(&bare()), &Environment::default()).unwrap()), [""; 0]);
}

#[test]
fn the_reference_shows_every_key_that_is_known() {
    let missing: Vec<_> =
        asked(REFERENCE).keys().into_iter().filter(|(_, line)| line.is_none()).collect();
    let missing: Vec<_> = missing.iter().map(|(path, _)| path.as_str()).collect();
    assert!(missing.is_empty(), "config/reference.yaml does not show: {}", missing.join(", "));
}

#[test]
fn every_reader_says_what_it_takes() {
    let asked = asked(REFERENCE);
    let silent = asked.silent();
    assert!(silent.is_empty(), "no reader has asked anything of {}", silent.join(", "));
    assert!(asked.lines().len() > 200);
}

#[test]
fn the_reference_shows_every_form_that_a_value_may_have() {
    let shown: BTreeSet<_> = asked(REFERENCE).lines().into_iter().collect();
    let text = bare();
    let lines: Vec<_> = text.lines().collect();
    let mut hidden = BTreeSet::new();
    for (at, line) in lines.iter().enumerate() {
        // The value of the key, or else the whole item.
        let head = match line.split_once(':') {
            Some((key, _)) => format!("{key}:"),
            None => format!("{}-", " ".repeat(indent(line))),
        };
        for other in ["other", "[other]", "[{ other: form }]", "{ other: form }", "[[other]]"] {
            let changed_line = format!("{head} {other}");
            let mut changed = lines.clone();
            changed.splice(at..at + block(&lines, at), [changed_line.as_str()]);
            let found = asked(&changed.join("\n")).lines();
            hidden.extend(found.into_iter().filter(|line| !shown.contains(line)));
        }
    }
    let hidden: Vec<_> = hidden.into_iter().collect();
    assert!(hidden.is_empty(), "config/reference.yaml does not show:\n{}", hidden.join("\n"));
}

#[test]
fn the_reference_says_what_each_key_means() {
    let comments = Comments::of(REFERENCE);
    // A block whose keys speak for themselves needs no word of its own.
    let silent = ["server", "server.admin", "server.health", "store", "store.cache", "telemetry"];
    let silent_too = [
        "telemetry.log",
        "telemetry.metrics",
        "upstreams.*.retries",
        "apis[].schemes[].issue",
        "apis[].identity.request_id",
        "apis[].routes[].rewrite",
    ];
    let of_a_block = |path: &str| silent.contains(&path) || silent_too.contains(&path);
    let unsaid: Vec<_> = asked(REFERENCE)
        .keys()
        .into_iter()
        .filter(|(path, line)| {
            !of_a_block(path) && line.is_some_and(|line| comments.of_line(line).is_empty())
        })
        .map(|(path, _)| path)
        .collect();
    assert!(
        unsaid.is_empty(),
        "config/reference.yaml does not say what it means: {}",
        unsaid.join(", ")
    );
}

/// Each key is taken away: then the configuration means the same, or the key's comment says what it means without.
#[test]
fn the_reference_shows_the_defaults() {
    let meaning = |text: &str| {
        let compiled = load(&file(text), &Environment::default()).ok()?;
        // The order of a hash table is no meaning.
        let mut lines: Vec<_> =
            format!("{:#?}", compiled.configuration).lines().map(str::to_owned).collect();
        lines.sort();
        Some(lines)
    };
    let whole = meaning(REFERENCE);
    let comments = Comments::of(REFERENCE);
    let lines: Vec<_> = REFERENCE.lines().collect();
    let mut wrong = Vec::new();
    for (path, line) in asked(REFERENCE).keys() {
        let Some(at) = line.map(|line| line - 1) else { continue };
        if lines[at].trim_start().starts_with("- ") {
            // The first key of an item.
            continue;
        }
        let said = comments.of_line(at + 1).to_lowercase();
        let excused =
            ["default", "required", "example"].into_iter().any(|word| said.contains(word));
        let nested = lines[at].split("  # ").next().unwrap().trim_end().ends_with(':');
        if excused || nested {
            continue;
        }
        let mut without = lines.clone();
        let (mut at, mut gone) = (at, block(&lines, at));
        // A block that would be empty goes with its last key.
        while let Some(above) = at.checked_sub(1)
            && indent(lines[above]) < indent(lines[at])
            && lines[above].trim_start().starts_with(|c: char| c.is_ascii_alphabetic())
            && block(&lines, above) == gone + 1
        {
            (at, gone) = (above, gone + 1);
        }
        without.drain(at..at + gone);
        if meaning(&without.join("\n")) != whole {
            wrong.push(format!("{path}: {said}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "what config/reference.yaml shows is not the default of\n{}",
        wrong.join("\n")
    );
}
