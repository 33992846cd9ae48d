//! `portcullis check`: everything that is wrong with configurations, as `file:line:column: path: message`; and how they compare
//! with a running gateway.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use decision::config::{Fragment, Problem, Refusal, check};
use ureq::http::Method;

use super::client::{Call, Client};
use super::reach::admin_token;
use super::table::visible;
use super::{Console, Failure};
use crate::admin::config::{CheckedView, ConfigProblem, FILES, SentFile, SentFiles};
use crate::source::{Files, Surroundings};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Files, or folders of *.yaml; each is a configuration of its own
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Compare with the gateway of this admin API, and say what needs a restart
    #[arg(long, value_name = "URL")]
    against: Option<String>,
    /// File that holds the admin token, `-` for stdin [default: the variable PORTCULLIS_ADMIN_TOKEN]
    #[arg(long, value_name = "FILE", requires = "against")]
    token_file: Option<PathBuf>,
}

/// Warnings refuse nothing.
pub(super) fn run(arguments: &Arguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let gateway = match &arguments.against {
        Some(url) => Some(Client::new(url, &admin_token(arguments.token_file.as_deref())?)?),
        None => None,
    };
    let mut wrong = 0;
    for path in &arguments.paths {
        let files = Files::read(path);
        let (errors, warnings) = match check(&files.fragments(), &Surroundings) {
            Ok(warnings) => (Vec::new(), warnings),
            Err(Refusal { errors, warnings, .. }) => (errors, warnings),
        };
        wrong += errors.len();
        for problem in errors.iter().cloned().chain(warnings.into_iter().map(warning)) {
            writeln!(console.out, "{}", visible(&problem.to_string()))?;
        }
        if let Some(gateway) = &gateway
            && let Some(files) = sent(&files)
        {
            wrong += compare(path, files, &errors, gateway, console)?;
        }
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Failure::refused("1 problem")),
        _ => Err(Failure::refused(format!("{wrong} problems"))),
    }
}

/// The files as they are sent; `None` when one of them cannot be read.
fn sent(files: &Files) -> Option<Vec<SentFile>> {
    let sent = |Fragment { name, text, .. }: Fragment<'_>| {
        Some(SentFile { name: name.to_owned(), text: text.ok()?.to_owned() })
    };
    files.fragments().into_iter().map(sent).collect()
}

/// Asks a gateway what it would make of a configuration in which `known` is wrong here. Gives the number of what else is wrong
/// there.
fn compare(
    path: &Path,
    files: Vec<SentFile>,
    known: &[Problem],
    gateway: &Client,
    console: &mut Console<'_>,
) -> Result<usize, Failure> {
    let body = serde_json::to_value(SentFiles { files })
        .map_err(|error| Failure::refused(error.to_string()))?;
    let call =
        Call { body: Some(body), kind: FILES, ..Call::new(Method::POST, "/v1/config/check") };
    let checked: CheckedView = gateway.ask(call)?;
    let known: HashSet<_> = known.iter().map(ToString::to_string).collect();
    let further = checked.problems.iter().map(line).filter(|line| !known.contains(line));
    let further: Vec<_> = further.collect();
    for line in further.iter().cloned().chain(checked.restart_required.iter().map(line)) {
        writeln!(console.out, "{}", visible(&line))?;
    }
    let (path, generation) = (path.display().to_string(), checked.generation);
    let said = match (checked.problems.len(), checked.restart_required.len()) {
        (0, 0) if checked.changed => "differs from the gateway, and a reload puts it in force",
        (0, 0) => "is what is in force",
        (0, _) => "needs a restart of the gateway: a reload refuses it",
        (..) => "is not valid where the gateway runs",
    };
    writeln!(console.err, "{}", visible(&format!("{path} {said} (generation {generation})")))?;
    Ok(further.len())
}

fn line(problem: &ConfigProblem) -> String {
    let ConfigProblem { source, line, column, path, message } = problem;
    let (source, path, message) = (source.clone(), path.clone(), message.clone());
    Problem { source, line: *line, column: *column, path, message }.to_string()
}

fn warning(problem: Problem) -> Problem {
    Problem { message: format!("warning: {}", problem.message), ..problem }
}
