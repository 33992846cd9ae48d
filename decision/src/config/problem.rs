//! What is wrong with a configuration, and where.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Fragment;
use super::shape::{Asked, Shape};

/// One thing that is wrong with a configuration, or doubtful.
///
/// Its message shows what was written, never what was put in for a `${…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the user named it.
    pub source: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// Where in the configuration, like `apis[0].routes[1].path`; empty for the whole.
    pub path: String,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.source, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// A point in a file, and in the configuration it belongs to.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    path: Arc<Step>,
}

enum Step {
    /// The whole of the fragment at this position.
    Whole(usize),
    Key(Arc<Self>, String),
    Item(Arc<Self>, usize),
}

impl Place {
    /// The beginning of the fragment at position `source`.
    pub(super) fn start(source: usize) -> Self {
        Self { line: 1, column: 1, path: Arc::new(Step::Whole(source)) }
    }

    /// The same part of the configuration at another point of the file.
    pub(super) fn at(&self, line: usize, column: usize) -> Self {
        Self { line, column, path: Arc::clone(&self.path) }
    }

    /// What stands, or would stand, under `key`; the point stays.
    pub(super) fn key(&self, key: &str) -> Self {
        let path = Arc::new(Step::Key(Arc::clone(&self.path), key.to_owned()));
        Self { path, ..*self }
    }

    /// The item at position `index`; the point stays.
    pub(super) fn item(&self, index: usize) -> Self {
        let path = Arc::new(Step::Item(Arc::clone(&self.path), index));
        Self { path, ..*self }
    }

    /// The keys and items on the way from the whole to here.
    pub(super) fn steps(&self) -> Vec<Option<&str>> {
        let mut steps = Vec::new();
        let mut step = &self.path;
        loop {
            match &**step {
                Step::Whole(_) => break,
                Step::Key(parent, key) => {
                    steps.push(Some(key.as_str()));
                    step = parent;
                }
                Step::Item(parent, _) => {
                    steps.push(None);
                    step = parent;
                }
            }
        }
        steps.reverse();
        steps
    }

    /// In the words of a problem, like `apis[0].routes[1].path`.
    pub(super) fn path(&self) -> String {
        self.path.to_string()
    }

    /// The position of the fragment.
    pub(super) fn source(&self) -> usize {
        let mut step = &self.path;
        loop {
            match &**step {
                Step::Whole(source) => return *source,
                Step::Key(parent, _) | Step::Item(parent, _) => step = parent,
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(_) => Ok(()),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Key(parent, key) if !is_plain_key(key) => {
                write!(f, "{parent}[\"{}\"]", key.escape_debug())
            }
            Self::Key(parent, key) if matches!(**parent, Self::Whole(_)) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
        }
    }
}

fn is_plain_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// The proof that a problem has been reported. Only [`Problems`] makes one: whoever gives up has said why.
#[derive(Clone, Copy)]
pub(super) struct Reported(());

/// A value, or the proof that someone was told why there is none.
pub(super) type Judged<T> = Result<T, Reported>;

/// What a missing variable or file is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Error,
    Warning,
}

/// The most problems that are kept. Nobody reads more, and a hostile file cannot make them cost more than itself.
const PROBLEMS_MAX: usize = 1000;

/// Collects problems while a configuration is compiled.
pub(super) struct Problems {
    missing: Missing,
    sources: Vec<Source>,
    clean: Cell<bool>,
    errors: RefCell<Vec<Found>>,
    warnings: RefCell<Vec<Found>>,
    /// What is asked of the configuration, where that is to be known.
    asked: Option<RefCell<Asked>>,
}

/// A fragment without its text.
struct Source {
    name: String,
    folder: PathBuf,
}

struct Found {
    /// Fragment, line, column.
    order: (usize, usize, usize),
    problem: Problem,
}

impl Problems {
    pub(super) fn new(fragments: &[Fragment<'_>], missing: Missing) -> Self {
        let source = |fragment: &Fragment<'_>| {
            let folder = fragment.folder.or_else(|| Path::new(fragment.name).parent());
            Source {
                name: fragment.name.to_owned(),
                folder: folder.map(Path::to_owned).unwrap_or_default(),
            }
        };
        Self {
            missing,
            sources: fragments.iter().map(source).collect(),
            clean: Cell::new(true),
            errors: RefCell::default(),
            warnings: RefCell::default(),
            asked: None,
        }
    }

    /// Writes down, too, what is asked of a configuration of one file.
    pub(super) fn recording(source: &str) -> Self {
        let asked = Some(RefCell::default());
        Self { asked, ..Self::new(&[Fragment::new(source, "")], Missing::Warning) }
    }

    /// Lets `what` write down what may be at `place`.
    pub(super) fn record(&self, place: &Place, what: impl FnOnce(&mut Shape)) {
        if let Some(asked) = &self.asked {
            what(asked.borrow_mut().at(place, false));
        }
    }

    /// Lets `what` write down what a mapping at `place` may have.
    pub(super) fn record_keys(&self, place: &Place, what: impl FnOnce(&mut Shape)) {
        if let Some(asked) = &self.asked {
            what(asked.borrow_mut().at(place, true));
        }
    }

    pub(super) fn into_asked(self) -> Asked {
        self.asked.map(RefCell::into_inner).unwrap_or_default()
    }

    pub(super) fn error(&self, place: &Place, message: impl Into<String>) -> Reported {
        self.keep(&self.errors, place, message.into());
        self.clean.set(false);
        Reported(())
    }

    pub(super) fn warning(&self, place: &Place, message: impl Into<String>) {
        self.keep(&self.warnings, place, message.into());
    }

    /// A value that is not known here: what depends on it is not judged.
    pub(super) fn missing(&self, place: &Place, message: impl Into<String>) -> Reported {
        if self.missing == Missing::Warning {
            self.warning(place, message);
            self.clean.set(false);
            Reported(())
        } else {
            self.error(place, message)
        }
    }

    /// Whether nothing had to be given up.
    pub(super) fn clean(&self) -> bool {
        self.clean.get()
    }

    /// The name of the fragment that `place` is in.
    pub(super) fn source_of(&self, place: &Place) -> &str {
        self.sources.get(place.source()).map_or("", |source| source.name.as_str())
    }

    /// `path` as the file that `place` is in means it.
    pub(super) fn beside(&self, place: &Place, path: &str) -> PathBuf {
        match self.sources.get(place.source()) {
            Some(source) => source.folder.join(path),
            None => path.into(),
        }
    }

    /// `place` as another problem's message speaks of it.
    pub(super) fn line_of(&self, place: &Place) -> String {
        format!("{}:{}", self.source_of(place), place.line)
    }

    fn keep(&self, list: &RefCell<Vec<Found>>, place: &Place, message: String) {
        let mut list = list.borrow_mut();
        if list.len() < PROBLEMS_MAX {
            let problem = Problem {
                source: self.source_of(place).to_owned(),
                line: place.line,
                column: place.column,
                path: place.path.to_string(),
                message,
            };
            list.push(Found { order: (place.source(), place.line, place.column), problem });
        }
    }

    /// Errors and warnings, each in the order of the files.
    pub(super) fn into_lists(self) -> (Vec<Problem>, Vec<Problem>) {
        let sorted = |list: RefCell<Vec<Found>>| {
            let mut list = list.into_inner();
            list.sort_by_key(|found| found.order);
            let mut list: Vec<_> = list.into_iter().map(|found| found.problem).collect();
            if list.len() == PROBLEMS_MAX
                && let Some(last) = list.last_mut()
            {
                last.message.push_str(" (and so on: no more are shown)");
            }
            list
        };
        (sorted(self.errors), sorted(self.warnings))
    }
}

/// `text` between back-ticks, fit for one line of a terminal: control characters escaped, and cut when long.
pub(super) fn quote(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut quoted = String::from("`");
    for (count, character) in text.chars().enumerate() {
        if count == SHOWN {
            quoted.push('…');
            break;
        }
        if character.is_control() {
            quoted.extend(character.escape_debug());
        } else {
            quoted.push(character);
        }
    }
    quoted.push('`');
    quoted
}

/// `, did you mean …?` with the word of `known` that comes nearest to `given`, or nothing.
pub(super) fn suggestion<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    const LONGEST: usize = 64;
    if given.len() > LONGEST {
        return String::new();
    }
    let near = |word: &str| {
        let distance = strsim::damerau_levenshtein(given, word);
        let shorter = word.len().min(given.len());
        (distance < shorter && distance <= 1 + shorter / 4).then_some(distance)
    };
    known
        .into_iter()
        .filter(|word| word.len().abs_diff(given.len()) <= LONGEST / 4)
        .filter_map(|word| near(word).map(|distance| (distance, word)))
        .min()
        .map_or_else(String::new, |(_, word)| format!(", did you mean `{word}`?"))
}
