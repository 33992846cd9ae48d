//! Changes to the files that have every key: each is refused, and its line is named. Those of the reference are refused by the
//! schema, too.

use jsonschema::Validator;

use super::reference::bare;
use super::schema::{json, validator};
use super::{Environment, FULL, file};
use crate::config::load;

/// Two files that have every key, one a line; the second is held against the schema, too.
fn files() -> [(String, Environment, Option<Validator>); 2] {
    [
        (FULL.to_owned(), Environment::full(), None),
        (bare(), Environment::default(), Some(validator())),
    ]
}

/// The lines that the problems of `text` name, each once.
fn refused_lines(text: &str, environment: &Environment) -> Vec<usize> {
    let errors = load(&file(text), environment).err().map(|refusal| refusal.errors);
    let mut lines: Vec<_> = errors.iter().flatten().map(|problem| problem.line).collect();
    lines.dedup();
    lines
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

#[track_caller]
fn refused_by_schema(validator: Option<&Validator>, text: &str, change: &str) {
    if let Some(validator) = validator {
        assert!(!validator.is_valid(&json(text)), "the schema takes {change}");
    }
}

#[test]
fn an_unknown_key_beside_any_key_is_refused_at_its_line() {
    for (text, environment, validator) in files() {
        let lines: Vec<_> = text.lines().collect();
        let mut tried = 0;
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| has_key(line)) {
            // After the key and all that is below it.
            let below = below(&lines, at);
            let mut changed = lines.clone();
            let unknown = format!("{}zzz_unknown: 1", " ".repeat(key_column(line)));
            changed.insert(at + 1 + below, &unknown);
            let changed = changed.join("\n");
            assert_eq!(refused_lines(&changed, &environment), [at + 2 + below], "after {line}");
            refused_by_schema(
                validator.as_ref(),
                &changed,
                &format!("an unknown key after {line}"),
            );
            tried += 1;
        }
        assert!(tried > 90, "{tried}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_refused_at_its_line() {
    for (text, environment, validator) in files() {
        let lines: Vec<_> = text.lines().collect();
        let mut tried = 0;
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            let below = below(&lines, at);
            let wrongs: &[&str] = if below > 0 {
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
                let refused = refused_lines(&changed, &environment);
                assert!(refused.contains(&(at + 1)), "{changed_line}: {refused:?}");
                refused_by_schema(validator.as_ref(), &changed, &changed_line);
                tried += 1;
            }
        }
        assert!(tried > 350, "{tried}");
    }
}

#[test]
fn a_key_given_twice_is_refused_at_the_second() {
    for (text, environment, _) in files() {
        let lines: Vec<_> = text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| has_key(line)) {
            let below = below(&lines, at);
            let key = line.trim_start_matches([' ', '-']).split(':').next().unwrap();
            let again = format!("{}{key}: 1", " ".repeat(key_column(line)));
            let mut changed = lines.clone();
            changed.insert(at + 1 + below, &again);
            let refused = refused_lines(&changed.join("\n"), &environment);
            assert_eq!(refused, [at + 2 + below], "{line}");
        }
    }
}
