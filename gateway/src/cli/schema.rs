//! `portcullis schema`: the JSON Schema of the configuration file, for editors.

use super::{Console, Failure};

pub(super) fn run(console: &mut Console<'_>) -> Result<(), Failure> {
    writeln!(console.out, "{:#}", decision::config::schema())?;
    Ok(())
}
