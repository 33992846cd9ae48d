//! What the commands over the admin API have in common: where it is, what proves who asks, and how its answers are shown.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::client::{Call, Client, read};
use super::table::{self, Columns, visible, visible_json};
use super::{Console, Failure};
use crate::admin::view::{Changed, Listed};
use crate::source;

/// Where the admin API is when no URL is given: what the variable says, if that is not empty.
const ADMIN_VARIABLE: &str = "PORTCULLIS_ADMIN";
const ADMIN: &str = "http://127.0.0.1:9901";
/// Where the admin token is read from when no file is named.
const TOKEN_VARIABLE: &str = "PORTCULLIS_ADMIN_TOKEN";
/// How stdin is named where a file is asked for.
const STDIN: &str = "-";
/// Bytes of a file that holds a token or a secret.
const SECRET_FILE_MAX: u64 = 64 * 1024;

#[derive(Args)]
pub(super) struct Reach {
    /// URL of the admin API [default: the variable PORTCULLIS_ADMIN, else http://127.0.0.1:9901]
    #[arg(long, global = true, value_name = "URL")]
    admin: Option<String>,
    /// File that holds the admin token, `-` for stdin [default: the variable PORTCULLIS_ADMIN_TOKEN]
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Tables for people, JSON for programs
    #[arg(long, global = true, value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// At which version a record must be for a change to be made.
#[derive(Args)]
pub(super) struct AtVersion {
    /// Only if the record is at this version
    #[arg(long, value_name = "VERSION")]
    if_match: Option<u64>,
}

impl AtVersion {
    pub(super) fn tie(&self, call: Call) -> Call {
        Call { version: self.if_match, ..call }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

impl Reach {
    /// `others` are files that the command reads besides the token's: stdin can be only one of them.
    pub(super) fn client<'f>(
        &self,
        others: impl IntoIterator<Item = &'f Path>,
    ) -> Result<Client, Failure> {
        let stdin = |file: &Path| file == Path::new(STDIN);
        let token = usize::from(self.token_file.as_deref().is_some_and(stdin));
        if others.into_iter().filter(|file| stdin(file)).count() + token > 1 {
            return Err(Failure::usage("stdin can be only one of the files"));
        }
        let variable = || source::variable(ADMIN_VARIABLE).filter(|value| !value.is_empty());
        let admin = self.admin.clone().or_else(variable);
        let token = admin_token(self.token_file.as_deref())?;
        Client::new(admin.as_deref().unwrap_or(ADMIN), &token)
    }

    /// The answer as it came for programs; for people what `table` makes of it.
    pub(super) fn show<T: DeserializeOwned>(
        &self,
        answer: &str,
        console: &mut Console<'_>,
        table: impl FnOnce(T, &mut Console<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self.output {
            Output::Json => Ok(writeln!(console.out, "{}", visible_json(answer))?),
            Output::Table => table(read(answer)?, console),
        }
    }

    /// Calls, and shows the record that is answered.
    pub(super) fn record<T: DeserializeOwned + Serialize>(
        &self,
        client: &Client,
        call: Call,
        fields: &[&str],
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let answer = client.call(call)?;
        self.show(&answer, console, |changed: Changed<T>, console| {
            Ok(write!(console.out, "{}", table::record(&object(&changed.record)?, fields, None))?)
        })
    }

    /// Calls, and shows the page that is answered.
    pub(super) fn list<T: DeserializeOwned + Serialize>(
        &self,
        client: &Client,
        call: Call,
        columns: Columns,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let answer = client.call(call)?;
        self.show(&answer, console, |page: Listed<T>, console| {
            let items = page.items.iter().map(object).collect::<Result<Vec<_>, _>>()?;
            write!(console.out, "{}", table::list(&items, columns))?;
            if let Some(next) = page.next {
                writeln!(console.err, "there are more: --cursor {}", visible(&next))?;
            }
            Ok(())
        })
    }
}

/// The admin token: of the file that is named, else of the environment.
pub(super) fn admin_token(file: Option<&Path>) -> Result<SecretString, Failure> {
    if let Some(file) = file {
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

/// The fields of a view.
pub(super) fn object<T: Serialize>(view: &T) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(view) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Failure::refused("the answer cannot be shown")),
    }
}

/// What a file holds, less its last newline; `-` is stdin.
pub(super) fn secret(file: &Path) -> Result<String, Failure> {
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

// --- what a body is made of ------------------------------------------------------------------------------------------

/// The body of a call: the fields that were given.
#[derive(Default)]
pub(super) struct Body(Map<String, Value>);

impl Body {
    pub(super) fn give(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
    }

    /// A list, where one item or more is given.
    pub(super) fn items(&mut self, name: &str, items: Vec<String>) {
        self.give(name, (!items.is_empty()).then_some(items));
    }

    /// JSON that was written as an argument.
    pub(super) fn json(&mut self, name: &str, text: Option<&str>) -> Result<(), Failure> {
        let read = |text| {
            serde_json::from_str::<Value>(text)
                .map_err(|error| Failure::usage(format!("--{name} is not JSON: {error}")))
        };
        self.give(name, text.map(read).transpose()?);
        Ok(())
    }

    /// An object of `NAME=VALUE` arguments; `none` is the empty one.
    pub(super) fn pairs(
        &mut self,
        name: &str,
        pairs: &[String],
        none: bool,
        value: impl Fn(&str) -> Option<Value>,
    ) -> Result<(), Failure> {
        let mut object = Map::new();
        for pair in pairs {
            let read = pair.split_once('=').and_then(|(name, text)| Some((name, value(text)?)));
            let (key, value) = read.ok_or_else(|| {
                Failure::usage(format!("an argument for {name} must be as NAME=VALUE"))
            })?;
            object.insert(key.to_owned(), value);
        }
        self.give(name, (none || !object.is_empty()).then_some(object));
        Ok(())
    }

    /// Fields that are to be emptied.
    pub(super) fn unset(&mut self, names: Vec<String>) {
        self.0.extend(names.into_iter().map(|name| (name, Value::Null)));
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}
