//! The shell of Portcullis: it accepts, fetches facts, asks `decision`, forwards, answers and records.
//!
//! A file uses only the floors below its own; [`app`] is on top and names them all, [`clock`] is at the bottom.

pub mod accept;
pub mod access_log;
pub mod admin;
pub mod alarm;
pub mod app;
pub mod chunks;
pub mod cli;
pub mod clock;
pub mod crowd;
pub mod facts;
pub mod feed;
pub mod forward;
pub mod gate;
pub mod generation;
pub mod health;
pub mod keep;
pub mod limits;
pub mod log;
pub mod metrics;
pub mod probe;
pub mod record;
pub mod reload;
pub mod request_id;
pub mod respond;
pub mod roster;
pub mod serve;
pub mod service;
pub mod source;
pub mod store;
pub mod upstream;
pub mod uses;
pub mod wire;
pub mod worker;
