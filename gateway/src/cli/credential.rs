//! `portcullis credential …`: the admin API from a shell.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use ureq::http::Method;

use super::client::{Call, Client, read};
use super::table::{self, visible, visible_json};
use super::{Console, Failure};
use crate::admin::view::{Created, CredentialView, Listed, Revoked};
use crate::source;

/// Where the admin token is read from when no file is named.
const TOKEN_VARIABLE: &str = "PORTCULLIS_ADMIN_TOKEN";
/// How stdin is named where a file is asked for.
const STDIN: &str = "-";
/// Bytes of a file that holds a token or a secret.
const SECRET_FILE_MAX: u64 = 64 * 1024;

#[derive(Args)]
pub(super) struct Arguments {
    /// URL of the admin API
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "PORTCULLIS_ADMIN",
        hide_env_values = true,
        default_value = "http://127.0.0.1:9901"
    )]
    admin: String,
    /// File that holds the admin token, `-` for stdin [default: the variable PORTCULLIS_ADMIN_TOKEN]
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Tables for people, JSON for programs
    #[arg(long, global = true, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

#[derive(Subcommand)]
enum Action {
    /// Make a credential and print its secret, this once
    Create(Create),
    /// List credentials, newest first
    List(List),
    /// Show one credential
    Show { id: String },
    /// End a credential for good; it stays on record as revoked
    Revoke {
        id: String,
        /// Why, for the record
        #[arg(long)]
        reason: Option<String>,
    },
    /// Forget a credential
    Delete { id: String },
}

#[derive(Args)]
struct Create {
    #[arg(long)]
    api: String,
    #[arg(long)]
    scheme: String,
    /// Whose it is
    #[arg(long)]
    subject: String,
    /// The organisation it acts for [default: any of the subject's]
    #[arg(long)]
    org: Option<String>,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// How long it is good: 12h, 30d, or never
    #[arg(long)]
    lifetime: Option<String>,
    /// The instant at which it ends, as 2030-01-01T00:00:00Z
    #[arg(long, value_name = "INSTANT", conflicts_with = "lifetime")]
    expires_at: Option<String>,
    /// Its id in another system
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// A JSON object of your own
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    /// Bring a secret that another system made: the file that holds it, `-` for stdin
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Bring no more than a secret's SHA-256: the file that holds it in hexadecimal, `-` for stdin
    #[arg(long, value_name = "FILE", conflicts_with = "secret_file")]
    secret_sha256_file: Option<PathBuf>,
    /// When the one that is brought was made; its lifetime counts from then
    #[arg(long, value_name = "INSTANT")]
    created_at: Option<String>,
}

#[derive(Args)]
struct List {
    #[arg(long)]
    api: Option<String>,
    #[arg(long)]
    scheme: Option<String>,
    #[arg(long)]
    subject: Option<String>,
    #[arg(long)]
    org: Option<String>,
    /// active, disabled, expired or revoked
    #[arg(long)]
    state: Option<String>,
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// How many, 1 to 1000 [default: 100]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<String>,
    /// Where the page before ended
    #[arg(long)]
    cursor: Option<String>,
}

pub(super) fn run(arguments: Arguments, console: &mut Console<'_>) -> Result<(), Failure> {
    if arguments.files().filter(|file| *file == Path::new(STDIN)).count() > 1 {
        return Err(Failure::usage("stdin can be only one of the files"));
    }
    let token = token(&arguments)?;
    let client = Client::new(&arguments.admin, &token)?;
    let output = arguments.output;
    match arguments.action {
        Action::Create(create) => made(&client.call(create.call()?)?, output, console),
        Action::List(list) => listed(&client.call(list.call())?, output, console),
        Action::Show { id } => {
            let answer = client.call(Call::new(Method::GET, place(&id, "")?))?;
            match output {
                Output::Json => print_json(&answer, console),
                Output::Table => {
                    let credential: CredentialView = read(&answer)?;
                    Ok(write!(console.out, "{}", table::record(&credential, None))?)
                }
            }
        }
        Action::Revoke { id, reason } => {
            let call = Call::new(Method::POST, place(&id, "/revoke")?);
            let body = reason.map(|reason| json!({ "reason": reason }));
            // Whoever revokes from a shell wants to know that it is done, everywhere.
            let query = vec![("wait", "all".to_owned())];
            revoked(&client.call(Call { query, body, ..call })?, output, console)
        }
        Action::Delete { id } => {
            client.call(Call::new(Method::DELETE, place(&id, "")?))?;
            Ok(writeln!(console.err, "deleted {id}")?)
        }
    }
}

impl Arguments {
    /// Every file that holds a secret.
    fn files(&self) -> impl Iterator<Item = &Path> {
        let brought = match &self.action {
            Action::Create(create) => [&create.secret_file, &create.secret_sha256_file],
            _ => [&None, &None],
        };
        [&self.token_file].into_iter().chain(brought).filter_map(|file| file.as_deref())
    }
}

// --- what is asked ---------------------------------------------------------------------------------------------------

impl Create {
    fn call(self) -> Result<Call, Failure> {
        let mut body = Map::new();
        let mut give = |name: &str, value: Option<String>| {
            value.map(|value| body.insert(name.to_owned(), value.into()))
        };
        give("api", Some(self.api));
        give("scheme", Some(self.scheme));
        give("subject", Some(self.subject));
        give("org", self.org);
        give("name", self.name);
        give("lifetime", self.lifetime);
        give("expires_at", self.expires_at);
        give("external_id", self.external_id);
        give("created_at", self.created_at);
        give("secret", self.secret_file.map(|file| secret(&file)).transpose()?);
        give("secret_sha256", self.secret_sha256_file.map(|file| secret(&file)).transpose()?);
        if let Some(text) = self.metadata {
            let metadata = serde_json::from_str(&text)
                .map_err(|error| Failure::usage(format!("--metadata is not JSON: {error}")))?;
            body.insert("metadata".to_owned(), metadata);
        }
        let call = Call::new(Method::POST, "/v1/credentials");
        Ok(Call { body: Some(Value::Object(body)), ..call })
    }
}

impl List {
    fn call(self) -> Call {
        let asked = [
            ("api", self.api),
            ("scheme", self.scheme),
            ("subject", self.subject),
            ("org", self.org),
            ("state", self.state),
            ("external_id", self.external_id),
            ("limit", self.limit),
            ("cursor", self.cursor),
        ];
        let query = asked.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Call { query: query.collect(), ..Call::new(Method::GET, "/v1/credentials") }
    }
}

/// The path of a credential. An id of ours needs no escaping; anything else is the id of none.
fn place(id: &str, action: &str) -> Result<String, Failure> {
    let ours = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if id.is_empty() || !ours {
        return Err(Failure::refused("that is no credential's id: they are as crd_…"));
    }
    Ok(format!("/v1/credentials/{id}{action}"))
}

/// The admin token: of the file that is named, else of the environment.
fn token(arguments: &Arguments) -> Result<SecretString, Failure> {
    if let Some(file) = &arguments.token_file {
        return secret(file).map(Into::into);
    }
    let value = source::variable(TOKEN_VARIABLE).filter(|value| !value.is_empty());
    let missing = || {
        Failure::usage(format!(
            "give the admin token in {TOKEN_VARIABLE}, or a file that holds it with --token-file"
        ))
    };
    value.map(Into::into).ok_or_else(missing)
}

/// What a file holds, less its last newline; `-` is stdin.
fn secret(file: &Path) -> Result<String, Failure> {
    let content = if file == Path::new(STDIN) {
        source::bounded(std::io::stdin().lock(), SECRET_FILE_MAX)
    } else {
        source::read(file, SECRET_FILE_MAX)
    };
    let text = content
        .map_err(|error| Failure::refused(format!("cannot read {}: {error}", file.display())))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    match line.strip_suffix('\r').unwrap_or(line) {
        "" => Err(Failure::refused(format!("{} is empty", file.display()))),
        secret => Ok(secret.to_owned()),
    }
}

// --- what is shown ---------------------------------------------------------------------------------------------------

fn made(answer: &str, output: Output, console: &mut Console<'_>) -> Result<(), Failure> {
    if output == Output::Json {
        return print_json(answer, console);
    }
    let created: Created = read(answer)?;
    write!(console.out, "{}", table::record(&created.credential, created.secret.as_deref()))?;
    if created.secret.is_some() {
        writeln!(console.err, "the secret is shown this once: keep it now")?;
    }
    Ok(())
}

fn listed(answer: &str, output: Output, console: &mut Console<'_>) -> Result<(), Failure> {
    if output == Output::Json {
        return print_json(answer, console);
    }
    let page: Listed<CredentialView> = read(answer)?;
    write!(console.out, "{}", table::list(&page.items))?;
    if let Some(next) = page.next {
        writeln!(console.err, "there are more: --cursor {}", visible(&next))?;
    }
    Ok(())
}

fn revoked(answer: &str, output: Output, console: &mut Console<'_>) -> Result<(), Failure> {
    if output == Output::Json {
        return print_json(answer, console);
    }
    let revoked: Revoked = read(answer)?;
    write!(console.out, "{}", table::record(&revoked.credential, None))?;
    for replica in revoked.propagation.replicas {
        writeln!(console.err, "{}: {}", visible(&replica.replica), visible(&replica.state))?;
    }
    Ok(())
}

fn print_json(answer: &str, console: &mut Console<'_>) -> Result<(), Failure> {
    Ok(writeln!(console.out, "{}", visible_json(answer))?)
}
