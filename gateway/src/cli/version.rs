//! `portcullis version`.

use super::{Console, Failure};

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from, or `unknown`.
pub(crate) const COMMIT: &str = env!("PORTCULLIS_COMMIT");
const PINGORA: &str = env!("PORTCULLIS_PINGORA");

pub(super) fn run(console: &mut Console<'_>) -> Result<(), Failure> {
    Ok(writeln!(console.out, "portcullis {VERSION}\ncommit {COMMIT}\npingora {PINGORA}")?)
}
