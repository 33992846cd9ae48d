//! `portcullis explain`: asks a running gateway how it would decide.

use std::path::Path;

use clap::Args;
use serde_json::{Map, Value};
use ureq::http::Method;

use super::client::Call;
use super::reach::{Body, Reach, object, secret};
use super::table::{self, Columns};
use super::{Console, Failure};
use crate::admin::view::Explained;

/// Fields whose value is a secret: it comes from a file.
const SECRET: &[&str] = &["authorization", "cookie", "proxy-authorization", "x-api-key"];
const FIELDS: &[&str] = &[
    "allowed",
    "outcome",
    "status",
    "api",
    "route",
    "upstream",
    "path",
    "scheme",
    "credential",
    "subject",
    "org",
    "resource",
    "level",
    "identity",
    "replica",
    "position",
    "generation",
];
const STAGES: Columns =
    &[("STAGE", "stage"), ("OUTCOME", "outcome"), ("DETAIL", "detail"), ("NEEDED", "needed")];
const FACTS: Columns =
    &[("FACT", "kind"), ("ID", "id"), ("VERSION", "version"), ("CACHE", "cache")];

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    reach: Reach,
    #[arg(long)]
    method: String,
    #[arg(long)]
    url: String,
    /// A header field; `@FILE` for the lines of a file, `@-` of stdin: a secret is no argument
    #[arg(long = "header", value_name = "'N: v' | @FILE")]
    headers: Vec<String>,
    /// A credential to judge as if its secret were presented
    #[arg(long, value_name = "ID")]
    credential: Option<String>,
}

pub(super) fn run(arguments: Arguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let Arguments { reach, method, url, headers, credential } = arguments;
    let files = headers.iter().filter_map(|header| header.strip_prefix('@')).map(Path::new);
    let client = reach.client(files)?;
    let mut body = Body::default();
    body.give("method", Some(method));
    body.give("url", Some(url));
    body.give("headers", Some(fields(&headers)?));
    body.give("credential", credential);
    let answer = client.call(Call::with(Method::POST, "/v1/explain", body.into_value()))?;
    reach.show(&answer, console, |explained: Explained, console| {
        let listed = |items: Vec<_>, columns| table::list(&items, columns);
        let stages = explained.stages.iter().map(object).collect::<Result<_, _>>()?;
        let facts = explained.facts.iter().map(object).collect::<Result<_, _>>()?;
        write!(console.out, "{}", table::record(&object(&explained)?, FIELDS, None))?;
        write!(console.out, "\n{}", listed(stages, STAGES))?;
        Ok(write!(console.out, "\n{}", listed(facts, FACTS))?)
    })
}

/// Names to lists of values, in the order they are given.
fn fields(headers: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut fields: Map<String, Value> = Map::new();
    for header in headers {
        let file = header.strip_prefix('@');
        let content = file.map_or_else(|| Ok(header.clone()), |file| secret(Path::new(file)))?;
        for line in content.lines().filter(|line| !line.trim().is_empty()) {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| Failure::usage("a header must be as 'name: value'"))?;
            let name = name.trim().to_ascii_lowercase();
            if file.is_none() && SECRET.contains(&&*name) {
                return Err(Failure::usage(format!(
                    "the value of {name} is a secret, and no argument: write the line to a file and give --header @FILE"
                )));
            }
            let values = fields.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(values) = values {
                values.push(value.trim().into());
            }
        }
    }
    Ok(fields)
}
