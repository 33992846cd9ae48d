//! Which part of a list is asked for.

use super::fields::{Fields, Judged};
use super::rules;

/// Items of a page when nothing is said, and the most there may be.
const SIZE: usize = 100;
const SIZE_MAX: usize = 1000;

/// `cursor` and `limit`.
pub(super) fn read(fields: &mut Fields) -> (Option<String>, usize) {
    (fields.text("cursor", rules::word), fields.text("limit", size).unwrap_or(SIZE))
}

fn size(text: &str) -> Judged<usize> {
    let size = text.parse().ok().filter(|size| (1..=SIZE_MAX).contains(size));
    size.ok_or_else(|| format!("must be a number from 1 to {SIZE_MAX}"))
}
