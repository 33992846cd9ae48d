//! The command line (contract, section 1): data to stdout, messages for people to stderr, and a code that says how it ended.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod check;
mod client;
mod credential;
mod demo;
mod explain;
mod reach;
mod resource;
mod run;
mod schema;
mod subject;
mod table;
mod version;

/// An authenticating gateway in front of APIs: it validates the credential of every request, and tells upstreams whose it is
#[derive(Parser)]
#[command(name = "portcullis", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT
    Run {
        /// The configuration: a file, or a folder of *.yaml
        #[arg(long, value_name = "PATH")]
        config: PathBuf,
    },
    /// Print everything that is wrong with configurations
    Check(check::Arguments),
    /// Print the JSON Schema of the configuration file
    Schema,
    /// Try it: a whole system on loopback, gone when it ends
    Demo,
    /// Print version, commit and pingora's version
    Version,
    /// Make, list, show, change, rotate, reveal, revoke and delete credentials of a running gateway
    Credential(Box<credential::Arguments>),
    /// Make, list, show, change and delete subjects of a running gateway
    Subject(Box<subject::Arguments>),
    /// Make, list, show, change and delete resources of a running gateway, and their members
    Resource(Box<resource::Arguments>),
    /// Ask a running gateway how it would decide a request, stage by stage
    Explain(explain::Arguments),
}

/// Where a command writes.
struct Console<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

/// Why a command ended early.
enum Failure {
    /// Refused or invalid: exit code 1.
    Refused(String),
    /// Asked for wrongly: exit code 2.
    Usage(String),
    /// Its output could not be written.
    Output(io::Error),
}

impl Failure {
    fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }

    fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// Says why, and how it ends. Whoever closed our output (`| head`) wants to hear no more.
    fn end(self, err: &mut dyn Write) -> ExitCode {
        let (code, message) = match self {
            Self::Refused(message) => (1, message),
            Self::Usage(message) => (2, message),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return ExitCode::FAILURE;
            }
            Self::Output(error) => (1, format!("cannot write the output: {error}")),
        };
        // Where stderr is gone too, the code has to say it alone.
        drop(writeln!(err, "error: {message}"));
        ExitCode::from(code)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Does what `arguments` ask; the first of them is the program's name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let console = &mut Console { out: &mut io::stdout(), err: &mut io::stderr() };
    match Arguments::try_parse_from(arguments) {
        Ok(arguments) => match dispatch(arguments.command, console) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.end(console.err),
        },
        Err(usage) => {
            drop(usage.print());
            ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2))
        }
    }
}

fn dispatch(command: Command, console: &mut Console<'_>) -> Result<(), Failure> {
    match command {
        Command::Run { config } => run::run(&config, console),
        Command::Check(arguments) => check::run(&arguments, console),
        Command::Schema => schema::run(console),
        Command::Demo => demo::run(console),
        Command::Version => version::run(console),
        Command::Credential(arguments) => credential::run(*arguments, console),
        Command::Subject(arguments) => subject::run(*arguments, console),
        Command::Resource(arguments) => resource::run(*arguments, console),
        Command::Explain(arguments) => explain::run(arguments, console),
    }
}

#[cfg(test)]
mod tests;
