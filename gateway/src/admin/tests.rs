//! The admin API as its callers see it.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};

use super::house::{House, order, request, text};

mod audit;
mod changes;
mod create;
mod events;
mod explain;
mod grants;
mod hidden;
mod http;
mod import;
mod issue;
mod list;
mod patch;
mod repeat;
mod resources;
mod revocations;
mod secrets;
mod subjects;
mod versions;
