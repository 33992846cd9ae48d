//! The admin API as its callers see it.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};

use super::house::{House, order, request, text};

mod changes;
mod create;
mod http;
mod import;
mod list;
