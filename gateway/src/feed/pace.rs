//! How long to wait before trying again.

use std::time::Duration;

/// After the first failure.
const FIRST: Duration = Duration::from_millis(20);

/// Longer each time, up to a bound, and never as long as everybody else.
#[derive(Debug)]
pub(super) struct Pace {
    next: Duration,
    most: Duration,
}

impl Pace {
    pub(super) fn new(most: Duration) -> Self {
        Self { next: FIRST.min(most), most }
    }

    /// It went well.
    pub(super) fn reset(&mut self) {
        self.next = FIRST.min(self.most);
    }

    /// It failed once more: how long to wait.
    pub(super) fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.most);
        wait.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}
