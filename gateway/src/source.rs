//! Where configuration comes from: the environment, and files.
//!
//! [`reading`] is what was read, to be compared with what is there; [`watch`] notices that something has changed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use decision::config::{Fragment, Variables};

pub mod reading;
pub mod watch;

/// Bytes of one file of a configuration.
const CONFIGURATION_MAX: u64 = 16 << 20;
/// Bytes of a file that a configuration names.
const NAMED_MAX: u64 = 1 << 20;
/// The most files of a folder.
const FILES_MAX: usize = 1000;

/// The files of a configuration, read.
#[derive(Debug)]
pub struct Files {
    /// Names, and texts or why there is none.
    files: Vec<(String, Result<String, String>)>,
    /// Where relative paths in them start, where that is not what their names say.
    folder: Option<PathBuf>,
}

impl Files {
    /// Reads one file; of a folder its `*.yaml` in the order of their names, but for folders and names with a leading dot.
    /// Links are followed. A folder that cannot be listed is a file that cannot be read.
    pub fn read(path: &Path) -> Self {
        Self::read_by(path, |path| read(path, CONFIGURATION_MAX), files_of)
    }

    /// The same by other means to read a file, and to list a folder.
    fn read_by(
        path: &Path,
        read: impl Fn(&Path) -> io::Result<String>,
        list: impl Fn(&Path) -> io::Result<Vec<PathBuf>>,
    ) -> Self {
        let file = |path: &Path, text: io::Result<String>| {
            (path.display().to_string(), text.map_err(|error| format!("cannot read it: {error}")))
        };
        let files = match path.is_dir().then(|| list(path)) {
            Some(Ok(paths)) => paths.iter().map(|path| file(path, read(path))).collect(),
            Some(Err(error)) => vec![file(path, Err(error))],
            None => vec![file(path, read(path))],
        };
        Self { files, folder: None }
    }

    /// Files that are not on this machine, names and texts, judged as if they stood in `folder`.
    pub fn given(files: Vec<(String, String)>, folder: PathBuf) -> Self {
        let files = files.into_iter().map(|(name, text)| (name, Ok(text))).collect();
        Self { files, folder: Some(folder) }
    }

    pub fn fragments(&self) -> Vec<Fragment<'_>> {
        let folder = self.folder.as_deref();
        let files = self.files.iter();
        files
            .map(|(name, text)| Fragment {
                name,
                text: text.as_deref().map_err(String::as_str),
                folder,
            })
            .collect()
    }
}

/// At least one.
fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden
            && path.extension().is_some_and(|extension| extension == "yaml")
            && !path.is_dir()
        {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the folder has no *.yaml"));
    }
    if files.len() > FILES_MAX {
        let message = format!("the folder has more than {FILES_MAX} *.yaml");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(files)
}

/// The environment of the process and the files of its machine.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings;

impl Variables for Surroundings {
    fn variable(&self, name: &str) -> Option<String> {
        variable(name)
    }

    fn file(&self, path: &str) -> io::Result<String> {
        read_regular(Path::new(path), NAMED_MAX)
    }
}

/// The variable `name` of the environment; `None` when it is not set, or not text.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What the file at `path` holds, if it is text of at most `most` bytes.
pub fn read(path: &Path, most: u64) -> io::Result<String> {
    bounded(File::open(path)?, most)
}

/// The same of a regular file alone: a pipe or a device could keep its reader waiting for ever.
fn read_regular(path: &Path, most: u64) -> io::Result<String> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    bounded(file, most)
}

/// What `from` gives until its end, if it is text of at most `most` bytes.
pub fn bounded(from: impl Read, most: u64) -> io::Result<String> {
    let mut text = String::new();
    from.take(most.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() as u64 > most {
        let message = format!("it has more than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
