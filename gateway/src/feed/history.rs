//! The changes that were applied last.

use std::collections::VecDeque;

use crate::store::Mark;

/// So many are remembered: what a slow answer may lag behind.
const REMEMBERED: usize = 1024;

/// The history that is followed.
#[derive(Debug)]
pub(super) struct History {
    applied: Mark,
    /// Those before, oldest first.
    before: VecDeque<Mark>,
}

impl History {
    /// One in which everything up to `head` is applied.
    pub(super) const fn from(head: Mark) -> Self {
        Self { applied: head, before: VecDeque::new() }
    }

    /// Everything up to here is applied.
    pub(super) const fn applied(&self) -> Mark {
        self.applied
    }

    /// The change that comes next was applied.
    pub(super) fn advance(&mut self, to: Mark) {
        if self.before.len() >= REMEMBERED {
            self.before.pop_front();
        }
        self.before.push_back(self.applied);
        self.applied = to;
    }

    /// Whether the mark is one of this history, and applied. One that was forgotten is not known any more.
    pub(super) fn has(&self, mark: Mark) -> bool {
        self.applied == mark || self.before.iter().rev().any(|before| *before == mark)
    }
}
