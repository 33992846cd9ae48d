//! The configuration over the API: what is in force, what another would be worth, and a reload.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use decision::config;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Admin;
use super::call::Call;
use super::credentials::Answer;
use super::problem::Problem;
use super::view::Propagation;
use crate::clock;
use crate::reload::{Busy, Cause, Checked, InForce, Reason, Refused, Reloader};

/// Bytes of a configuration that is sent to be checked. The reader takes 4 MiB a file.
const LIMIT: usize = 16 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(30);
/// Where a configuration is sent to be checked.
pub(super) const CHECK: &str = "/v1/config/check";
/// How several files are sent. Anything else is the text of one.
pub(crate) const FILES: &str = "application/vnd.portcullis.files+json";

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/v1/config", get(show))
        .route(CHECK, post(check).layer(DefaultBodyLimit::max(LIMIT)))
        .route("/v1/config/reload", post(reload))
}

/// Files of a configuration, in the order of their names.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SentFiles {
    pub(crate) files: Vec<SentFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SentFile {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// One thing that is wrong with a configuration, or doubtful.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = ConfigurationProblem)]
pub(crate) struct ConfigProblem {
    pub(crate) source: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) path: String,
    pub(crate) message: String,
}

/// What a check has found.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = CheckedConfiguration)]
pub(crate) struct CheckedView {
    /// A reload would put it in force.
    pub(crate) valid: bool,
    /// It says something else than what is in force.
    pub(crate) changed: bool,
    /// The generation that it was compared with.
    pub(crate) generation: u64,
    pub(crate) problems: Vec<ConfigProblem>,
    /// What of it only a restart can change: without `problems` it is good, and a reload refuses it all the same.
    pub(crate) restart_required: Vec<ConfigProblem>,
    pub(crate) warnings: Vec<ConfigProblem>,
}

/// The configuration in force.
#[derive(Serialize, ToSchema)]
#[schema(as = Configuration)]
pub(super) struct ConfigView {
    generation: u64,
    /// The same for the same `configuration`.
    hash: String,
    /// The file or folder that it was read from.
    source: String,
    /// As it was written: every `${…}` as it is, `***` for a secret that is written out.
    #[schema(value_type = Object)]
    configuration: Value,
}

/// What a reload has put in force.
#[derive(Serialize, ToSchema)]
#[schema(as = ReloadedConfiguration)]
pub(super) struct ReloadedView {
    generation: u64,
    /// It was not in force before.
    changed: bool,
    warnings: Vec<ConfigProblem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    propagation: Option<Propagation>,
}

async fn show(mut call: Call) -> Answer {
    call.query_ends()?;
    let admin = &call.admin;
    let source = reloader(admin)?.root().display().to_string();
    let current = admin.generations.current();
    let written = &current.written;
    let (hash, configuration) = (written.hash().to_owned(), written.document().clone());
    let view = ConfigView { generation: current.number, hash, source, configuration };
    Ok(axum::Json(view).into_response())
}

async fn check(mut call: Call) -> Answer {
    call.query_ends()?;
    let (admin, request) = call.into_request();
    let reloader = reloader(&admin)?;
    let several = request.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == FILES);
    let body = body(request).await?;
    let files = match (body.is_empty(), several) {
        (true, _) => None,
        (false, true) => Some(files(&body)?),
        (false, false) => Some(vec![("body".to_owned(), text(body)?)]),
    };
    let Checked { generation, changed, verdict, warnings } =
        reloader.check(files).await.map_err(busy)?;
    let valid = verdict.is_ok();
    let (problems, restart_required) = match verdict {
        Ok(()) => Default::default(),
        Err(Refused { problems, restart, .. }) => (problems, restart),
    };
    let view = CheckedView {
        valid,
        changed,
        generation,
        problems: views(problems),
        restart_required: views(restart_required),
        warnings: views(warnings),
    };
    Ok(axum::Json(view).into_response())
}

async fn reload(mut call: Call) -> Answer {
    let wait = call.only_wait()?;
    call.body_if_any().await?.end()?;
    let admin = call.admin;
    let since = clock::now();
    match reloader(&admin)?.reload(Cause::Admin).await.map_err(busy)? {
        Ok(InForce { generation, changed, warnings }) => {
            let propagation = wait.is_all().then(|| admin.in_force(since));
            let warnings = views(warnings);
            let view = ReloadedView { generation, changed, warnings, propagation };
            Ok(axum::Json(view).into_response())
        }
        Err(refused) => Ok(refusal(refused)),
    }
}

/// A problem of RFC 9457 with everything that is wrong as data.
fn refusal(refused: Refused) -> Response {
    let (code, detail) = match refused.reason() {
        Reason::Invalid => {
            ("config_invalid", "the configuration is not valid; the one in force stays")
        }
        Reason::RestartRequired => (
            "restart_required",
            "the configuration changes what is read once, at start; the one in force stays",
        ),
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let sent: Value = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
        "problems": views(refused.problems.into_iter().chain(refused.restart).collect()),
        "warnings": views(refused.warnings),
    });
    let kind = HeaderValue::from_static("application/problem+json");
    (status, [(header::CONTENT_TYPE, kind)], sent.to_string()).into_response()
}

fn reloader(admin: &Admin) -> Result<&Reloader, Problem> {
    admin.reloader.as_ref().ok_or_else(Problem::internal)
}

fn busy(_: Busy) -> Problem {
    Problem::busy()
}

fn views(problems: Vec<config::Problem>) -> Vec<ConfigProblem> {
    let view = |config::Problem { source, line, column, path, message }| ConfigProblem {
        source,
        line,
        column,
        path,
        message,
    };
    problems.into_iter().map(view).collect()
}

async fn body(request: Request) -> Result<Bytes, Problem> {
    match tokio::time::timeout(TIMEOUT, Bytes::from_request(request, &())).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Problem::body_too_large(LIMIT))
        }
        Ok(Err(_)) => Err(Problem::body_malformed("the body could not be read to its end")),
        Err(_) => Err(Problem::body_too_slow()),
    }
}

fn text(body: Bytes) -> Result<String, Problem> {
    String::from_utf8(body.into()).map_err(|_| Problem::body_malformed("the body is not UTF-8"))
}

fn files(body: &[u8]) -> Result<Vec<(String, String)>, Problem> {
    let malformed =
        |_| Problem::body_malformed("the body is not {\"files\": [{\"name\", \"text\"}]}");
    let SentFiles { files } = serde_json::from_slice(body).map_err(malformed)?;
    Ok(files.into_iter().map(|file| (file.name, file.text)).collect())
}
