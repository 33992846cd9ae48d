//! How many instructions a decision is, by valgrind's callgrind: the same number on every run and under any load.
//!
//! Without arguments it runs itself under valgrind, with N and with 2 N decisions; the difference is N decisions and
//! nothing of the start. With arguments it is what valgrind runs.

use std::hint::black_box;
use std::io::{self, Write as _};
use std::process::{Command, ExitCode};

use benches::{Client, Known, Rules, peppers, secrets};

const COUNT: u64 = 20_000;

/// How many credentials, and how many routes.
const SCENES: [(usize, usize); 4] = [(10, 10), (10, 10_000), (10_000, 10), (10_000, 10_000)];

#[expect(clippy::print_stderr, reason = "this program talks to whoever runs it")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        [] => report(),
        ["digest", count] => digest(count),
        ["decide", credentials, routes, count] => decide(credentials, routes, count),
        _ => Err(io::Error::other("usage: instructions")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> io::Result<usize> {
    text.parse().map_err(|_| io::Error::other(format!("'{text}' is no number")))
}

fn decide(credentials: &str, routes: &str, count: &str) -> io::Result<()> {
    let (known, rules) = (Known::new(number(credentials)?), Rules::new(number(routes)?));
    let mut client = Client::new(&known, &rules, usize::MAX);
    for _ in 0..number(count)? {
        black_box(client.decide());
    }
    Ok(())
}

fn digest(count: &str) -> io::Result<()> {
    let (peppers, secrets) = (peppers(), secrets(1));
    for secret in secrets.iter().cycle().take(number(count)?) {
        black_box(peppers.digests(black_box(secret.as_bytes())));
    }
    Ok(())
}

fn report() -> io::Result<()> {
    let digest = each(&["digest"])?;
    let mut out = io::stdout().lock();
    writeln!(out, "| credentials | routes | instructions a decision | without the keyed hash |")?;
    writeln!(out, "|---:|---:|---:|---:|")?;
    for (credentials, routes) in SCENES {
        let decision = each(&["decide", &credentials.to_string(), &routes.to_string()])?;
        let rest = decision.saturating_sub(digest);
        writeln!(out, "| {credentials} | {routes} | {decision} | {rest} |")?;
    }
    Ok(())
}

/// Instructions of one repetition of what `arguments` say.
fn each(arguments: &[&str]) -> io::Result<u64> {
    let once = collected(arguments, COUNT)?;
    let twice = collected(arguments, 2 * COUNT)?;
    Ok(twice.saturating_sub(once) / COUNT)
}

/// Instructions of this program with `arguments` and a count of repetitions.
fn collected(arguments: &[&str], count: u64) -> io::Result<u64> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(arguments)
        .arg(count.to_string())
        .output()
        .map_err(|error| io::Error::other(format!("cannot run valgrind: {error}")))?;
    // `==4242== Collected : 123456`
    let said = String::from_utf8_lossy(&run.stderr);
    let collected =
        said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected.filter(|_| run.status.success()).ok_or_else(|| {
        io::Error::other(format!("valgrind ended with {} and said\n{said}", run.status))
    })
}
