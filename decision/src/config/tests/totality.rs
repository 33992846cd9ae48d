//! Compiling is total: a configuration, or at least one problem; never a panic.

use proptest::prelude::*;

use super::{Environment, FULL, file};
use crate::config::{check, load};

fn judge(text: &str) -> Result<(), TestCaseError> {
    for environment in [Environment::full(), Environment::default()] {
        if let Err(refusal) = load(&file(text), &environment) {
            prop_assert!(!refusal.errors.is_empty());
            for problem in refusal.errors.iter().chain(&refusal.warnings) {
                prop_assert!(problem.line >= 1 && problem.column >= 1);
                prop_assert!(!problem.to_string().contains(char::is_control), "{problem:?}");
            }
        }
        if let Err(refusal) = check(&file(text), &environment) {
            prop_assert!(!refusal.errors.is_empty());
        }
    }
    Ok(())
}

/// Pieces of which YAML, and our use of it, is made.
fn piece() -> impl Strategy<Value = String> {
    let known = FULL.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let marks = [
        "\n", "\n  ", "\n    ", "\n- ", ": ", ":", "- ", "{", "}", "[", "]", ", ", "\"", "'", "#",
        " #", "&a ", "*a", "!t ", "|", ">", "?", "<<: ", "~", "null", "---", "...", "%", "${", "}",
        "${A:-", "$${", "${file:", "\t", "\u{feff}", "\r\n", "é", "\0", "\u{2028}",
    ];
    prop_oneof![
        prop::sample::select(marks.map(str::to_owned).to_vec()),
        prop::sample::select(known),
        "[ -~]{0,6}",
    ]
}

proptest! {
    #[test]
    fn any_text_is_compiled_or_refused(text in prop_oneof![
        any::<String>(),
        prop::collection::vec(piece(), 0..60).prop_map(|pieces| pieces.concat()),
    ]) {
        judge(&text)?;
    }

    #[test]
    fn a_good_file_with_pieces_out_of_place_is_compiled_or_refused(
        cuts in prop::collection::vec((0..FULL.len(), 0_usize..40, piece()), 1..5)
    ) {
        let mut text = FULL.to_owned();
        for (at, length, piece) in cuts {
            let start = text.floor_char_boundary(at.min(text.len()));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, &piece);
        }
        judge(&text)?;
    }

    #[test]
    fn a_good_file_with_values_exchanged_is_compiled_or_refused(
        swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6)
    ) {
        let mut lines: Vec<(String, String)> = FULL
            .lines()
            .map(|line| match line.split_once(": ") {
                Some((key, value)) => (format!("{key}: "), value.to_owned()),
                None => (line.to_owned(), String::new()),
            })
            .collect();
        for (one, other) in swaps {
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            let value = lines[one].1.clone();
            lines[one].1 = std::mem::replace(&mut lines[other].1, value);
        }
        let text: Vec<_> = lines.into_iter().map(|(key, value)| key + &value).collect();
        judge(&text.join("\n"))?;
    }
}

#[test]
fn a_hostile_file_costs_no_more_than_its_size() {
    let wide: Vec<_> = (0..20_000).map(|n| format!("k{n}: 1")).collect();
    assert_eq!(
        load(&file(&wide.join("\n")), &Environment::default()).unwrap_err().errors.len(),
        1000
    );
    let twice = "a: 1\n".repeat(20_000);
    assert_eq!(load(&file(&twice), &Environment::default()).unwrap_err().errors.len(), 1000);
    let long_name = format!(
        "upstreams: {{ app: [a:1] }}\napis: [{{ name: a, upstream: {} }}]\n",
        "x".repeat(3 << 20)
    );
    let errors = load(&file(&long_name), &Environment::default()).unwrap_err().errors;
    assert!(errors.iter().all(|problem| problem.message.len() < 500));
    for opening in ["[", "{", "{a: ", "- ", "? ", "[? "] {
        let deep = opening.repeat(100_000);
        assert!(!load(&file(&deep), &Environment::default()).unwrap_err().errors.is_empty());
    }
}
