//! The keys come into Portcullis as a product brings its own: created one by one over the admin API, with their secrets.

use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::http::Client;
use crate::keys::{Key, Keys};

/// Opens the admin API of a gateway that lives as long as a run, on loopback.
pub(crate) const TOKEN: &str = "loadtest-admin-token-of-one-run-only";

/// Creates every known key, and takes over the id that each is given.
pub(crate) fn import(admin: SocketAddr, keys: &mut Keys) -> io::Result<()> {
    let mut client = Client::connect(admin)?;
    for key in &mut keys.known {
        key.credential = create(&mut client, key)?;
    }
    Ok(())
}

fn create(client: &mut Client, key: &Key) -> io::Result<String> {
    let body = json!({
        "api": "load", "scheme": "key", "subject": "loadtest", "org": key.org, "secret": key.secret, "lifetime": "never",
    });
    let (status, answer) = call(client, "POST", "/v1/credentials", &body)?;
    match answer.pointer("/credential/id").and_then(Value::as_str) {
        Some(id) if status == 201 => Ok(id.to_owned()),
        _ => Err(io::Error::other(format!(
            "creating a credential is answered with {status}: {answer}"
        ))),
    }
}

/// One call: the status, and the answer where there is one.
pub(crate) fn call(
    client: &mut Client,
    method: &str,
    path: &str,
    body: &Value,
) -> io::Result<(u16, Value)> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: admin\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (status, answer) = client.call(request.as_bytes())?;
    if answer.is_empty() {
        return Ok((status, Value::Null));
    }
    Ok((status, serde_json::from_slice(&answer).map_err(io::Error::other)?))
}
