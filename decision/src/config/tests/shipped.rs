//! Changes to each file that is shipped for a product: whichever key has a misspelt neighbour or a value of another type, its line
//! is named.

use std::fs;
use std::path::Path;
use std::thread;

use granit_parser::{Event, Parser, Span, StrInput};

use super::Environment;
use crate::config::{Fragment, Problem, check};

/// A key and its value. Offsets are in characters.
struct Key {
    name: String,
    line: usize,
    column: usize,
    start: usize,
    end: usize,
    kind: Kind,
    value_end: usize,
    /// It stands between braces.
    in_braces: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scalar,
    List,
    Mapping,
}

/// Finds the keys of a file, but for those within the body of a refusal: that is whatever the product says.
struct Finder<'t> {
    events: Parser<'t, StrInput<'t>>,
    text: &'t [char],
    keys: Vec<Key>,
}

impl<'t> Finder<'t> {
    fn keys(text: &'t str, characters: &'t [char]) -> Vec<Key> {
        let events = Parser::new_from_str(text);
        let mut finder = Self { events, text: characters, keys: Vec::new() };
        loop {
            let (event, span) = finder.next();
            match event {
                Event::StreamEnd => return finder.keys,
                Event::MappingStart(..) => drop(finder.value(&event, &span, false)),
                _ => {}
            }
        }
    }

    fn next(&mut self) -> (Event<'t>, Span) {
        self.events.next().unwrap().unwrap()
    }

    /// Reads the value that begins with `event`: its kind and its end.
    fn value(&mut self, event: &Event<'t>, span: &Span, is_body: bool) -> (Kind, usize) {
        let brackets = matches!(self.text.get(span.start.index()), Some('{' | '['));
        let kind = match event {
            Event::Scalar(..) => return (Kind::Scalar, span.end.index()),
            Event::SequenceStart(..) => Kind::List,
            Event::MappingStart(..) => Kind::Mapping,
            other => panic!("{other:?}"),
        };
        let mut end = span.end.index();
        loop {
            let (event, span) = self.next();
            if matches!(event, Event::SequenceEnd | Event::MappingEnd) {
                // Without brackets a value ends with the last that is in it.
                return (kind, if brackets { span.end.index() } else { end });
            }
            end = match (kind, event) {
                (Kind::Mapping, Event::Scalar(name, ..)) => {
                    self.entry(name.into_owned(), &span, brackets, is_body)
                }
                (_, event) => self.value(&event, &span, is_body).1,
            };
        }
    }

    /// Reads what follows a key; its end.
    fn entry(&mut self, name: String, span: &Span, in_braces: bool, is_body: bool) -> usize {
        let at = self.keys.len();
        let (event, value) = self.next();
        let (kind, value_end) = self.value(&event, &value, is_body || name == "body");
        if !is_body {
            let (line, column) = (span.start.line(), span.start.col());
            let (start, end) = (span.start.index(), span.end.index());
            let key = Key { name, line, column, start, end, kind, value_end, in_braces };
            self.keys.insert(at, key);
        }
        value_end
    }
}

/// The files of `config/` but for those that are nobody's, and their texts.
fn shipped() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    let named = files.map(|file| (file.file_stem().unwrap().to_str().unwrap().to_owned(), file));
    let products = named.filter(|(name, _)| !["minimal", "reference"].contains(&name.as_str()));
    products.map(|(name, file)| (name, fs::read_to_string(file).unwrap())).collect()
}

fn problems(text: &str) -> Vec<Problem> {
    let judged = check(&[Fragment::new("product.yaml", text)], &Environment::default());
    judged.err().map_or_else(Vec::new, |refusal| refusal.errors)
}

/// For each key of each file: the whole file with `change` made to it has a problem that `is_it`.
fn each_is_refused(
    changes: impl Fn(&[char], &Key) -> Vec<String> + Sync,
    is_it: impl Fn(&Problem) -> bool + Sync,
) {
    let files = shipped();
    assert!(files.len() > 1, "the files are not found");
    for (file, text) in files {
        assert_eq!(problems(&text), [], "{file}");
        let characters: Vec<char> = text.chars().collect();
        let keys = Finder::keys(&text, &characters);
        assert!(keys.len() > 100, "{file}: {} keys", keys.len());
        let is_told = |key: &Key| {
            for changed in changes(&characters, key) {
                let found = problems(&changed);
                let told = found.iter().any(|problem| problem.line == key.line && is_it(problem));
                let line = changed.lines().nth(key.line - 1).unwrap();
                assert!(told, "{file}:{}: {}: {line}\n{found:#?}", key.line, key.name);
            }
        };
        // Thousands of whole files are read.
        let threads = thread::available_parallelism().unwrap().get();
        thread::scope(|scope| {
            for keys in keys.chunks(keys.len().div_ceil(threads)) {
                scope.spawn(|| keys.iter().for_each(&is_told));
            }
        });
    }
}

/// The text with other characters in place of those from `start` to `end`.
fn spliced(text: &[char], start: usize, other: &str, end: usize) -> String {
    let (before, after) = (text[..start].iter(), text[end..].iter());
    before.copied().chain(other.chars()).chain(after.copied()).collect()
}

#[test]
fn an_unknown_key_beside_any_key_of_a_products_file_is_reported_with_its_line() {
    let beside = |text: &[char], key: &Key| {
        let unknown = if key.in_braces {
            "zzz_unknown: 1, ".to_owned()
        } else {
            format!("zzz_unknown: 1\n{}", " ".repeat(key.column))
        };
        vec![spliced(text, key.start, &unknown, key.start)]
    };
    each_is_refused(beside, |problem| problem.to_string().contains("zzz_unknown"));
}

#[test]
fn a_wrong_type_in_place_of_any_value_of_a_products_file_is_reported_with_its_line() {
    let wrong = |text: &[char], key: &Key| {
        let wrongs: &[&str] = match key.kind {
            _ if key.name == "body" => &["~"],
            Kind::Scalar => &["{ wrong: type }", "[[wrong]]", "~"],
            Kind::List => &["wrong", "{ wrong: type }", "~"],
            Kind::Mapping => &["wrong", "[[wrong]]", "~"],
        };
        let of = |wrong: &&str| spliced(text, key.end, &format!(": {wrong}"), key.value_end);
        wrongs.iter().map(of).collect()
    };
    each_is_refused(wrong, |_| true);
}
