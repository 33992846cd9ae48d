//! Changes to a file that has every key: each is refused, and its line is named.

use super::{Environment, FULL, file};
use crate::config::load;

/// The lines that the problems of `text` name, each once.
fn refused_lines(text: &str) -> Vec<usize> {
    let errors = load(&file(text), &Environment::full()).err().map(|refusal| refusal.errors);
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

#[test]
fn an_unknown_key_beside_any_key_is_refused_at_its_line() {
    let lines: Vec<_> = FULL.lines().collect();
    let mut tried = 0;
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| has_key(line)) {
        // After the key and all that is below it.
        let below =
            lines[at + 1..].iter().take_while(|further| indent(further) > key_column(line)).count();
        let mut changed = lines.clone();
        let unknown = format!("{}zzz_unknown: 1", " ".repeat(key_column(line)));
        changed.insert(at + 1 + below, &unknown);
        assert_eq!(refused_lines(&changed.join("\n")), [at + 2 + below], "after {line}");
        tried += 1;
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn a_value_of_the_wrong_type_is_refused_at_its_line() {
    let lines: Vec<_> = FULL.lines().collect();
    let mut tried = 0;
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let below =
            lines[at + 1..].iter().take_while(|further| indent(further) > key_column(line)).count();
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
            let refused = refused_lines(&changed.join("\n"));
            assert!(refused.contains(&(at + 1)), "{changed_line}: {refused:?}");
            tried += 1;
        }
    }
    assert!(tried > 400, "{tried}");
}

#[test]
fn a_key_given_twice_is_refused_at_the_second() {
    let lines: Vec<_> = FULL.lines().collect();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| has_key(line)) {
        let below =
            lines[at + 1..].iter().take_while(|further| indent(further) > key_column(line)).count();
        let key = line.trim_start_matches([' ', '-']).split(':').next().unwrap();
        let again = format!("{}{key}: 1", " ".repeat(key_column(line)));
        let mut changed = lines.clone();
        changed.insert(at + 1 + below, &again);
        assert_eq!(refused_lines(&changed.join("\n")), [at + 2 + below], "{line}");
    }
}
