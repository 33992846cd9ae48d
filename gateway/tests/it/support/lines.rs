//! The lines that a process writes, kept, and waited for.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::PATIENCE;

#[derive(Default)]
struct Kept {
    lines: Vec<String>,
    ended: bool,
}

/// All lines of one stream so far; a thread of its own reads on.
#[derive(Clone)]
pub(crate) struct Lines(Arc<(Mutex<Kept>, Condvar)>);

impl Lines {
    pub(crate) fn of(source: impl Read + Send + 'static) -> Self {
        let lines = Self(Arc::default());
        let writer = lines.clone();
        thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n') {
                let Ok(line) = line else { break };
                writer.change(|kept| {
                    kept.lines.push(String::from_utf8(line).expect("a line is UTF-8"));
                });
            }
            writer.change(|kept| kept.ended = true);
        });
        lines
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    /// The first answer of `find`, which sees all lines so far each time there are more.
    ///
    /// # Panics
    /// When the stream ends or [`PATIENCE`] does before `find` answers; `what` says what was missing.
    pub(crate) fn wait<T>(&self, what: &str, mut find: impl FnMut(&[String]) -> Option<T>) -> T {
        let mut found = None;
        let (kept, _) = self
            .0
            .1
            .wait_timeout_while(self.0.0.lock().unwrap(), PATIENCE, |kept| {
                found = find(&kept.lines);
                found.is_none() && !kept.ended
            })
            .unwrap();
        found.unwrap_or_else(|| panic!("no {what} in:\n{}", kept.lines.join("\n")))
    }

    /// Everything until the stream's end, which must come.
    pub(crate) fn until_end(&self) -> Vec<String> {
        let (kept, waited) = self
            .0
            .1
            .wait_timeout_while(self.0.0.lock().unwrap(), PATIENCE, |kept| !kept.ended)
            .unwrap();
        assert!(!waited.timed_out(), "the stream does not end");
        kept.lines.clone()
    }

    pub(crate) fn so_far(&self) -> Vec<String> {
        self.0.0.lock().unwrap().lines.clone()
    }
}
