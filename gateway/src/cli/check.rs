//! `portcullis check`: everything that is wrong with configurations, as `file:line:column: path: message`.

use std::path::{Path, PathBuf};

use decision::config::{Problem, Refusal, check};

use super::table::visible;
use super::{Console, Failure};
use crate::source::{Files, Surroundings};

/// Each path is a configuration of its own. Warnings refuse nothing.
pub(super) fn run(paths: &[PathBuf], console: &mut Console<'_>) -> Result<(), Failure> {
    let mut wrong = 0;
    for path in paths {
        let (errors, warnings) = problems(path);
        wrong += errors.len();
        for problem in errors.into_iter().chain(warnings.into_iter().map(warning)) {
            writeln!(console.out, "{}", visible(&problem.to_string()))?;
        }
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Failure::refused("1 problem")),
        _ => Err(Failure::refused(format!("{wrong} problems"))),
    }
}

/// Errors and warnings.
fn problems(path: &Path) -> (Vec<Problem>, Vec<Problem>) {
    let files = match Files::read(path) {
        Ok(files) => files,
        Err(problem) => return (vec![problem], Vec::new()),
    };
    match check(&files.fragments(), &Surroundings) {
        Ok(warnings) => (Vec::new(), warnings),
        Err(Refusal { errors, warnings }) => (errors, warnings),
    }
}

fn warning(problem: Problem) -> Problem {
    Problem { message: format!("warning: {}", problem.message), ..problem }
}
