//! Black-box tests: the real binary, real sockets, exact bytes. Each name is a sentence that holds.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on says so and stops"
)]

mod support;

mod admin;
mod bounds;
mod cli;
mod forwarded;
mod framing;
mod house;
mod identity;
mod lifecycle;
mod paths;
mod places;
mod record;
mod refusals;
mod request_id;
mod routes;
mod schemes;
mod secrecy;
mod start;
