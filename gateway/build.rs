//! What `portcullis version` says of the build: the commit, and the version of pingora.

#![expect(clippy::disallowed_methods, reason = "a build script is told by the environment")]

use std::path::Path;
use std::process::Command;

const COMMIT: &str = "PORTCULLIS_COMMIT";
const LOCK: &str = "../Cargo.lock";

fn main() {
    println!("cargo:rerun-if-env-changed={COMMIT}");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={LOCK}");
    let told = std::env::var(COMMIT).ok().filter(|commit| !commit.is_empty());
    let commit = told.or_else(commit_of_checkout).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env={COMMIT}={commit}");
    let pingora = std::fs::read_to_string(LOCK).ok().and_then(|lock| locked(&lock, "pingora-core"));
    println!("cargo:rustc-env=PORTCULLIS_PINGORA={}", pingora.as_deref().unwrap_or("unknown"));
}

/// The commit that is checked out. It is asked again when it moves; outside a checkout there is none.
fn commit_of_checkout() -> Option<String> {
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", name])?;
        if Path::new(&path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// The version of a package in the text of a lock file.
fn locked(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    version.strip_suffix('"').map(str::to_owned)
}
