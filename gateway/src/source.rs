//! Where configuration comes from: the environment, and files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The variable `name` of the environment; `None` when it is not set, or not text.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What the file at `path` holds, if it is text of at most `most` bytes.
pub fn read(path: &Path, most: u64) -> io::Result<String> {
    bounded(File::open(path)?, most)
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
