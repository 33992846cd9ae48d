//! What was read for one configuration: its files and every file that they name, each with what the system said of it just
//! before and with what it held.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use decision::config::Variables;
use ring::digest::{SHA256, digest};

use super::{CONFIGURATION_MAX, Files, NAMED_MAX, files_of, read, read_regular, variable};

/// The most files that one configuration may name.
const NAMED_FILES_MAX: usize = 1000;

/// Reads a configuration's files, and writes down what it has read. It is the environment of that configuration, too, so that
/// the files that it names are read, and known, in the same way.
#[derive(Debug)]
pub struct Reader {
    root: PathBuf,
    /// A pipe is read once, at the start of the process.
    may_be_pipe: bool,
    seen: RefCell<BTreeMap<PathBuf, Seen>>,
}

/// What was read. Two readings are equal when every file held the same.
#[derive(Clone, Debug)]
pub struct Reading {
    root: PathBuf,
    seen: BTreeMap<PathBuf, Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    how: How,
    state: State,
    content: Content,
}

/// What a file is to its configuration.
#[derive(Clone, Copy, Debug)]
enum How {
    /// The folder.
    Folder,
    /// A file of it.
    Part,
    /// A file that it names.
    Named,
}

impl How {
    /// What counts of a file at `path`.
    fn content(self, path: &Path) -> Content {
        let text = |most| read_regular(path, most).map(|text| digest_of_text(&text));
        let content = match self {
            Self::Folder => files_of(path).map(|files| digest_of(&names(&files))),
            Self::Part => text(CONFIGURATION_MAX),
            Self::Named => text(NAMED_MAX),
        };
        content.map_err(|error| error.kind())
    }
}

/// A digest of what was in a file, or in a folder's list; or why there was nothing.
type Content = Result<[u8; 32], io::ErrorKind>;

/// What the system says of a file without opening it. Links are followed, so a link that leads elsewhere is another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Unknown(io::ErrorKind),
    Known {
        device: u64,
        inode: u64,
        size: u64,
        /// Seconds and nanoseconds.
        modified: (i64, i64),
        changed: (i64, i64),
    },
}

impl State {
    fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Err(error) => Self::Unknown(error.kind()),
            Ok(known) => Self::Known {
                device: known.dev(),
                inode: known.ino(),
                size: known.size(),
                modified: (known.mtime(), known.mtime_nsec()),
                changed: (known.ctime(), known.ctime_nsec()),
            },
        }
    }
}

impl Reader {
    /// Of the configuration at `root`, a file or a folder, for the first time.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), may_be_pipe: true, seen: RefCell::default() }
    }

    pub fn files(&self) -> Files {
        let read_one = |path: &Path| {
            if self.may_be_pipe && !path.is_file() {
                return read(path, CONFIGURATION_MAX);
            }
            self.note(How::Part, path, || read_regular(path, CONFIGURATION_MAX), digest_of_text)
        };
        let list = |path: &Path| {
            self.note(How::Folder, path, || files_of(path), |files| digest_of(&names(files)))
        };
        Files::read_by(&self.root, read_one, list)
    }

    pub fn finish(self) -> Reading {
        Reading { root: self.root, seen: self.seen.into_inner() }
    }

    /// Reads `path` and writes it down. The state comes first: what changes while it is read is then noticed.
    fn note<T>(
        &self,
        how: How,
        path: &Path,
        read: impl FnOnce() -> io::Result<T>,
        digest: impl FnOnce(&T) -> [u8; 32],
    ) -> io::Result<T> {
        let state = State::of(path);
        let read = read();
        let content = read.as_ref().map(digest).map_err(io::Error::kind);
        self.seen.borrow_mut().insert(path.to_owned(), Seen { how, state, content });
        read
    }
}

impl Variables for Reader {
    fn variable(&self, name: &str) -> Option<String> {
        variable(name)
    }

    fn file(&self, path: &str) -> io::Result<String> {
        if self.seen.borrow().len() >= FILES_IN_ALL {
            let message = format!("the configuration names more than {NAMED_FILES_MAX} files");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let path = Path::new(path);
        self.note(How::Named, path, || read_regular(path, NAMED_MAX), digest_of_text)
    }
}

const FILES_IN_ALL: usize = super::FILES_MAX + NAMED_FILES_MAX;

impl Reading {
    /// Where the configuration is: a file or a folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// For the same configuration anew.
    pub fn reader(&self) -> Reader {
        Reader { root: self.root.clone(), may_be_pipe: false, seen: RefCell::default() }
    }

    /// Whether every file still holds what it held.
    pub fn holds(&self) -> bool {
        self.seen.iter().all(|(path, seen)| seen.how.content(path) == seen.content)
    }

    /// Whether `other` has read the same from the same files.
    pub fn is_same(&self, other: &Self) -> bool {
        let contents = |reading: &Self| -> Vec<_> {
            reading.seen.iter().map(|(path, seen)| (path.clone(), seen.content)).collect()
        };
        contents(self) == contents(other)
    }

    /// What the system said of each file before it was read.
    pub(super) fn states_then(&self) -> Vec<State> {
        self.seen.values().map(|seen| seen.state.clone()).collect()
    }

    /// What the system says of each file now.
    pub(super) fn states_now(&self) -> Vec<State> {
        self.seen.keys().map(|path| State::of(path)).collect()
    }
}

fn names(files: &[PathBuf]) -> Vec<u8> {
    files
        .iter()
        .flat_map(|file| file.as_os_str().as_encoded_bytes().iter().chain([&0]))
        .copied()
        .collect()
}

fn digest_of_text(text: &String) -> [u8; 32] {
    digest_of(text.as_bytes())
}

fn digest_of(bytes: &[u8]) -> [u8; 32] {
    let mut value = [0; 32];
    value.copy_from_slice(digest(&SHA256, bytes).as_ref());
    value
}

#[cfg(test)]
mod tests;
