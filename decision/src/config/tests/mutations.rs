//! Changes to a file that has every key: each is refused, and its line is named. The schema refuses it, too.

use super::reference::bare;
use super::schema::{json, validator};
use super::{Environment, file};
use crate::config::schema::asked;
use crate::config::{Problem, load};

/// The lines that the problems of `text` name, each once.
fn refused_lines(text: &str) -> Vec<usize> {
    let mut lines: Vec<_> = problems(text).into_iter().map(|problem| problem.line).collect();
    lines.dedup();
    lines
}

fn problems(text: &str) -> Vec<Problem> {
    load(&file(text), &Environment::default()).err().map_or_else(Vec::new, |refusal| refusal.errors)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Where the key of a line begins: after `- ` too.
fn key_column(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '-']).len()
}

fn has_key(line: &str) -> bool {
    !line.starts_with('#') && (line.ends_with(':') || line.contains(": "))
}

/// The lines below the one at `at`.
fn below(lines: &[&str], at: usize) -> usize {
    let column = key_column(lines[at]);
    lines[at + 1..].iter().take_while(|further| indent(further) > column).count()
}

#[test]
fn an_unknown_key_beside_any_key_is_refused_at_its_line() {
    let (text, validator) = (bare(), validator());
    let lines: Vec<_> = text.lines().collect();
    // Beside a name that the file itself gives, only the whole can tell that another means nothing.
    let known: Vec<_> = asked(&text).keys().into_iter().filter_map(|(_, line)| line).collect();
    let mut tried = 0;
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| has_key(line)) {
        // After the key and all that is below it.
        let below = below(&lines, at);
        let mut changed = lines.clone();
        let unknown = format!("{}zzz_unknown: 1", " ".repeat(key_column(line)));
        changed.insert(at + 1 + below, &unknown);
        let changed = changed.join("\n");
        assert!(refused_lines(&changed).contains(&(at + 2 + below)), "after {line}");
        if known.contains(&(at + 1)) {
            assert!(!validator.is_valid(&json(&changed)), "the schema takes it after {line}");
        }
        tried += 1;
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn a_value_of_the_wrong_type_is_refused_at_its_line() {
    let (text, validator) = (bare(), validator());
    let lines: Vec<_> = text.lines().collect();
    let (mut tried, mut by_schema) = (0, 0);
    for (at, line) in lines.iter().enumerate() {
        let below = below(&lines, at);
        let wrongs: &[&str] = if line.trim_start().starts_with("body:") {
            // Of a dialect: whatever JSON can say.
            &["~", ""]
        } else if below > 0 {
            &["wrong", "~", ""]
        } else {
            &["{ wrong: type }", "[[wrong]]", "~", ""]
        };
        let head = match line.split_once(':').filter(|_| has_key(line)) {
            Some((key, _)) => format!("{key}:"),
            None => format!("{}-", " ".repeat(indent(line))),
        };
        for wrong in wrongs {
            let changed_line = format!("{head} {wrong}");
            let mut changed = lines.clone();
            changed.splice(at..=at + below, [changed_line.as_str()]);
            let changed = changed.join("\n");
            let problems = problems(&changed);
            let here: Vec<_> =
                problems.into_iter().filter(|problem| problem.line == at + 1).collect();
            assert!(!here.is_empty(), "{changed_line}");
            // A name that means nothing is of the right type. To a schema `~` and nothing are the same.
            let of_type =
                |problem: &Problem| problem.message.contains("expected ") && !wrong.is_empty();
            if here.iter().any(of_type) {
                assert!(!validator.is_valid(&json(&changed)), "the schema takes {changed_line}");
                by_schema += 1;
            }
            tried += 1;
        }
    }
    assert!(tried > 400 && by_schema > tried / 2, "{tried}, {by_schema}");
}

#[test]
fn a_key_given_twice_is_refused_at_the_second() {
    let text = bare();
    let lines: Vec<_> = text.lines().collect();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| has_key(line)) {
        let below = below(&lines, at);
        let key = line.trim_start_matches([' ', '-']).split(':').next().unwrap();
        let again = format!("{}{key}: 1", " ".repeat(key_column(line)));
        let mut changed = lines.clone();
        changed.insert(at + 1 + below, &again);
        assert_eq!(refused_lines(&changed.join("\n")), [at + 2 + below], "{line}");
    }
}
