//! Why a store did not do what it was asked.

use std::fmt;

/// Nobody can say, or nobody could be told. Never a "no".
#[derive(Clone, Debug)]
pub struct Unavailable {
    /// For the log; shows no secret.
    pub reason: String,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "store unavailable: {}", self.reason)
    }
}

impl std::error::Error for Unavailable {}

/// Why a change was not made. Nothing of it was.
#[derive(Clone, Debug)]
pub enum ChangeError {
    /// There is no such record.
    Unknown,
    /// The record is at another version than the caller has seen.
    Conflict,
    /// This api already has, or had and remembers, a credential with this secret.
    SecretTaken,
    /// This api already has a credential with this `external_id`.
    ExternalIdTaken,
    /// The id is taken: mint another.
    IdTaken,
    /// An unrevoked credential names it.
    InUse,
    /// The parent has no record.
    ParentUnknown,
    /// The parent is the resource itself or lies below it.
    ParentCircle,
    /// More steps to the organisation than there may be.
    TooDeep,
    Unavailable(Unavailable),
}

impl From<Unavailable> for ChangeError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

/// A `cursor` that no list of this store has given.
#[derive(Clone, Debug)]
pub enum ListError {
    CursorInvalid,
    Unavailable(Unavailable),
}

impl From<Unavailable> for ListError {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}
