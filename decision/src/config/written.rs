//! What was written: a configuration to show and to compare, without anything that was put in for a `${…}`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ring::digest::{SHA256, digest};
use serde_json::{Map, Value as Json, json};

use super::Problem;
use super::problem::Problems;
use super::tree::{Entry, Node, Scalar, Value};

/// What a dump has in place of a secret that stands in the file itself.
const HIDDEN: &str = "***";

/// The blocks that are read once, at start.
const READ_ONCE: [&str; 2] = ["server", "store"];

/// A configuration as it was written.
#[derive(Clone)]
pub struct Written {
    /// Its first file.
    source: String,
    document: Json,
    hash: String,
    /// Of the document with every secret that is written out in it. It is never shown.
    whole: [u8; 32],
    /// The values of `server` and `store`, by their paths.
    fixed: BTreeMap<String, Fixed>,
    /// The paths of what could not be read of these.
    unknown: BTreeSet<String>,
}

/// A value that a reload cannot change.
#[derive(Clone)]
struct Fixed {
    /// Of the value with its references replaced.
    digest: [u8; 32],
    source: String,
    line: usize,
    column: usize,
}

/// Shows no digest: a short secret could be guessed by it.
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl Written {
    /// Of a tree that has been read.
    pub(super) fn of(tree: &Node, problems: &Problems) -> Self {
        let document = json(tree, Secrets::Hidden);
        // A dump holds no secret, so that the hash may be shown, too.
        let hash = digest_of(&document.to_string());
        let hash = hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
        let mut written = Self {
            source: problems.source_of(&tree.place).to_owned(),
            document,
            hash: format!("{hash:016x}"),
            whole: digest_of(&json(tree, Secrets::Shown).to_string()),
            fixed: BTreeMap::new(),
            unknown: BTreeSet::new(),
        };
        if let Value::Mapping(entries) = &tree.value {
            for entry in entries.iter().filter(|entry| READ_ONCE.contains(&entry.key.as_str())) {
                written.leaves(&entry.value, problems);
            }
        }
        written
    }

    /// The files, joined: every `${…}` as it is, and `***` for a secret that is written out.
    pub fn document(&self) -> &Json {
        &self.document
    }

    /// 16 hexadecimal digits that are the same for the same [`Self::document`].
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Whether the same was written, secrets included.
    pub fn is_same(&self, other: &Self) -> bool {
        self.whole == other.whole
    }

    /// What of this configuration the process that runs `running` can only take at its next start.
    pub fn needs_restart(&self, running: &Self) -> Vec<Problem> {
        const MESSAGE: &str =
            "the change needs a restart: `server` and `store` are read once, at start";
        let changed = self.fixed.iter().filter(|(path, fixed)| {
            running.fixed.get(*path).is_none_or(|before| before.digest != fixed.digest)
        });
        let changed = changed.map(|(path, fixed)| Problem {
            source: fixed.source.clone(),
            line: fixed.line,
            column: fixed.column,
            path: path.clone(),
            message: MESSAGE.to_owned(),
        });
        let removed = running.fixed.keys().filter(|path| {
            !self.fixed.contains_key(*path)
                && !self.unknown.iter().any(|part| is_within(path, part))
        });
        let removed = removed.map(|path| Problem {
            source: self.source.clone(),
            line: 1,
            column: 1,
            path: path.clone(),
            message: format!("it is no longer there; {MESSAGE}"),
        });
        changed.chain(removed).collect()
    }

    /// Takes what stands in a block, by path. An empty mapping is as good as none.
    fn leaves(&mut self, node: &Node, problems: &Problems) {
        let text = match &node.value {
            Value::Scalar(scalar) => scalar.text.as_str(),
            Value::List(items) if !items.is_empty() => {
                return items.iter().for_each(|item| self.leaves(item, problems));
            }
            Value::List(_) => "",
            Value::Mapping(entries) => {
                return entries.iter().for_each(|entry| self.leaves(&entry.value, problems));
            }
            Value::Unreadable(_) => {
                self.unknown.insert(node.place.path());
                return;
            }
        };
        let place = &node.place;
        let leaf = Fixed {
            digest: digest_of(text),
            source: problems.source_of(place).to_owned(),
            line: place.line,
            column: place.column,
        };
        self.fixed.insert(place.path(), leaf);
    }
}

fn digest_of(text: &str) -> [u8; 32] {
    let mut value = [0; 32];
    value.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    value
}

/// Whether the value at `path` is `part`, or within it.
pub(super) fn is_within(path: &str, part: &str) -> bool {
    path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// What becomes of a secret that is written out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    Hidden,
    Shown,
}

/// A tree as JSON: plain scalars are what YAML takes them for, quoted ones text.
pub(super) fn json(node: &Node, secrets: Secrets) -> Json {
    match &node.value {
        Value::Scalar(scalar) => {
            if secrets == Secrets::Hidden
                && scalar.secret.get()
                && !is_all_references(&scalar.written)
            {
                json!(HIDDEN)
            } else {
                typed(scalar)
            }
        }
        Value::List(items) => items.iter().map(|item| json(item, secrets)).collect(),
        Value::Mapping(entries) => {
            let member = |entry: &Entry| (entry.key.clone(), json(&entry.value, secrets));
            Json::Object(entries.iter().map(member).collect::<Map<_, _>>())
        }
        Value::Unreadable(_) => Json::Null,
    }
}

fn typed(scalar: &Scalar) -> Json {
    let written = scalar.written.as_str();
    if !scalar.plain {
        return json!(written);
    }
    if scalar.is_null() {
        return Json::Null;
    }
    let number = || {
        let digits = written.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let whole = written.parse::<u64>().ok().map(Json::from);
        whole.or_else(|| written.parse::<f64>().ok().map(Json::from)).filter(|_| digits)
    };
    match written {
        "true" => json!(true),
        "false" => json!(false),
        _ => number().unwrap_or_else(|| json!(written)),
    }
}

/// Whether nothing of it but names and paths is written: `${NAME}`, `${NAME:-}` and `${file:PATH}`.
fn is_all_references(written: &str) -> bool {
    let mut rest = written;
    while let Some((reference, after)) =
        rest.strip_prefix("${").and_then(|inside| inside.split_once('}'))
    {
        let has_default = !reference.starts_with("file:")
            && reference.split_once(":-").is_some_and(|(_, default)| !default.is_empty());
        if has_default {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}
