//! Turns that a test gives to a script, or a script to a test.

use std::sync::{Arc, Condvar, Mutex};

use super::PATIENCE;

/// Turns that were given and not yet taken. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Steps(Arc<(Mutex<usize>, Condvar)>);

impl Steps {
    pub(crate) fn give(&self) {
        *self.0.0.lock().unwrap() += 1;
        self.0.1.notify_all();
    }

    /// Waits for a turn, and takes it.
    ///
    /// # Panics
    /// When none is given within [`PATIENCE`].
    #[track_caller]
    pub(crate) fn take(&self) {
        let given = self.0.0.lock().unwrap();
        let (mut given, waited) =
            self.0.1.wait_timeout_while(given, PATIENCE, |given| *given == 0).unwrap();
        assert!(!waited.timed_out(), "no turn was given");
        *given -= 1;
    }
}
