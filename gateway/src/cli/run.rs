//! `portcullis run`: serves until it is told to stop.

use std::path::Path;

use decision::config::load;

use super::table::visible;
use super::{Console, Failure};
use crate::source::{Files, Surroundings};
use crate::{app, log};

pub(super) fn run(config: &Path, console: &mut Console<'_>) -> Result<(), Failure> {
    let files =
        Files::read(config).map_err(|problem| Failure::refused(visible(&problem.to_string())))?;
    match load(&files.fragments(), &Surroundings) {
        Ok(compiled) => {
            for warning in &compiled.warnings {
                // From here on stderr is the log.
                log::warn("the configuration is doubtful", |line| {
                    line.field("problem", warning.to_string());
                });
            }
            app::run(compiled.configuration)
                .map_err(|error| Failure::refused(visible(&error.to_string())))
        }
        Err(refusal) => {
            for problem in &refusal.errors {
                writeln!(console.err, "{}", visible(&problem.to_string()))?;
            }
            Err(Failure::refused("the configuration is not valid"))
        }
    }
}
