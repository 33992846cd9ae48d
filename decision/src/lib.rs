//! The pure core of Portcullis: it judges, and does nothing else.
//!
//! A decision is a function of *(snapshot, request head, facts, now)*. This crate knows HTTP's nouns and no socket, clock,
//! cache, store or runtime; what it needs of them comes in as values.

pub mod addresses;
pub mod answer;
pub mod audience;
pub mod authenticate;
pub mod authorize;
pub mod config;
pub mod cors;
pub mod credential;
pub mod decide;
pub mod dialect;
pub mod facts;
pub mod forwarded;
pub mod headers;
pub mod hop;
pub mod identity;
pub mod limit;
pub mod name;
pub mod outcome;
pub mod path;
pub mod request;
pub mod route;
pub mod secret;
pub mod standing;

#[cfg(test)]
mod test_support;
