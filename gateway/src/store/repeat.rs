//! Calls that may be repeated without being done twice (`Idempotency-Key`).

/// What names a call: who makes it, and the key that he chose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepeatKey {
    pub author: String,
    pub key: String,
}

/// Whether a call is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Yes, by this caller, who tells its end with [`super::Store::finish`].
    New,
    /// Somebody is doing it.
    Running,
    /// It was begun, and perhaps ended, with another body.
    OtherBody,
    /// It was done, and this is what was answered.
    Done(Reply),
}

/// An answer that may be given again: without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    pub body: Vec<u8>,
}
