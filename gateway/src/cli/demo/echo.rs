//! The upstream of the demo: it answers with what has reached it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use serde::Serialize;

#[derive(Serialize)]
struct Echo {
    method: String,
    path: String,
    /// `name: value`, in the order they came.
    headers: Vec<String>,
}

/// Starts it on a thread of its own, which ends with the process. Returns where it listens.
pub(super) fn start() -> io::Result<SocketAddr> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bind = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listener = runtime.block_on(bind)?;
    let address = listener.local_addr()?;
    let serve =
        move || runtime.block_on(axum::serve(listener, Router::new().fallback(echo)).into_future());
    std::thread::Builder::new().name("demo-upstream".into()).spawn(serve)?;
    Ok(address)
}

async fn echo(request: Request) -> impl IntoResponse {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
    };
    let echo = Echo {
        method: request.method().to_string(),
        path: request.uri().to_string(),
        headers: request.headers().iter().map(line).collect(),
    };
    let mut body = serde_json::to_string_pretty(&echo).unwrap_or_default();
    body.push('\n');
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body)
}
