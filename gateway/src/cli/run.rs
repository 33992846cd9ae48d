//! `portcullis run`: serves until it is told to stop.

use std::path::Path;

use decision::config::load;

use super::table::visible;
use super::{Console, Failure};
use crate::app;
use crate::source::reading::Reader;

pub(super) fn run(config: &Path, console: &mut Console<'_>) -> Result<(), Failure> {
    let reader = Reader::new(config);
    let files = reader.files();
    match load(&files.fragments(), &reader) {
        // From here on stderr is the log.
        Ok(compiled) => app::run(compiled, reader.finish())
            .map_err(|error| Failure::refused(visible(&error.to_string()))),
        Err(refusal) => {
            for problem in &refusal.errors {
                writeln!(console.err, "{}", visible(&problem.to_string()))?;
            }
            Err(Failure::refused("the configuration is not valid"))
        }
    }
}
