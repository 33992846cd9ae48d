//! `portcullis demo`: a whole system on loopback, in one process and one temporary folder, gone when it ends.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use decision::config::{Variables, load};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use ureq::http::Method;

use super::client::{Call, Client};
use super::{Console, Failure};
use crate::admin::mint;
use crate::admin::view::Created;
use crate::app::{self, Running};
use crate::source::reading::Reader;

mod echo;

/// Where it serves when nobody else does.
const PORT: u16 = 8080;

pub(super) fn run(console: &mut Console<'_>) -> Result<(), Failure> {
    let folder = tempfile::Builder::new()
        .prefix("portcullis-demo-")
        .tempdir()
        .map_err(cannot("make a folder"))?;
    let upstream = echo::start().map_err(cannot("start the upstream"))?;
    let token = mint("").ok_or_else(|| Failure::refused("the system has no randomness"))?;
    let port = if is_free(PORT) { PORT } else { 0 };
    let running = start(folder.path(), port, upstream, &token)?;
    let (Some((_, gateway)), Some(admin)) = (running.listeners.first(), running.admin) else {
        return Err(Failure::refused("the demo did not come up whole"));
    };
    let created = first_key(admin, &token)?;
    if port != PORT {
        writeln!(console.err, "port {PORT} is taken: the demo has another")?;
    }
    write!(console.out, "{}", invitation(*gateway, admin, &token, &created))?;
    console.out.flush()?;
    running.wait();
    folder.close().map_err(cannot("remove the folder"))
}

fn start(
    folder: &Path,
    port: u16,
    upstream: SocketAddr,
    token: &SecretString,
) -> Result<Running, Failure> {
    let text = format!(
        r#"
server:
  listeners: [{{ address: "127.0.0.1:{port}" }}]
  admin: {{ address: "127.0.0.1:0", token: "{}" }}
  health: {{ address: "127.0.0.1:0" }}
  drain: {{ delay: 0s, timeout: 5s }}
store: {{ path: portcullis.db }}
telemetry: {{ log: {{ level: error }} }}
upstreams: {{ echo: ["{upstream}"] }}
apis:
  - name: demo
    upstream: echo
    schemes: [{{ name: key, prefix: demo_ }}]
"#,
        token.expose_secret()
    );
    let path = folder.join("demo.yaml");
    std::fs::write(&path, text).map_err(cannot("write its configuration"))?;
    let reader = Reader::new(&path);
    let files = reader.files();
    let compiled = load(&files.fragments(), &Alone).map_err(|refusal| {
        let problems: Vec<String> = refusal.errors.iter().map(ToString::to_string).collect();
        Failure::refused(problems.join("\n"))
    })?;
    app::start(compiled, reader.finish()).map_err(|error| Failure::refused(error.to_string()))
}

/// The environment is for real gateways: it has no part in the demo.
struct Alone;

impl Variables for Alone {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Makes the sample organisation, its member and the key as any operator would.
fn first_key(admin: SocketAddr, token: &SecretString) -> Result<Created, Failure> {
    let client = Client::new(&format!("http://{admin}"), token)?;
    let org = json!({ "kind": "org", "members": { "user_demo": "admin" } });
    for (path, record) in [("/v1/subjects/user_demo", json!({})), ("/v1/resources/org_demo", org)] {
        client.call(Call::with(Method::PUT, path, record))?;
    }
    let order = json!({ "api": "demo", "scheme": "key", "subject": "user_demo", "org": "org_demo", "name": "sample" });
    client.ask(Call { body: Some(order), ..Call::new(Method::POST, "/v1/credentials") })
}

fn invitation(
    gateway: SocketAddr,
    admin: SocketAddr,
    token: &SecretString,
    created: &Created,
) -> String {
    let key = created.secret.as_deref().unwrap_or_default();
    let (id, token) = (&created.credential.id, token.expose_secret());
    let program =
        std::env::current_exe().map_or("portcullis".to_owned(), |path| path.display().to_string());
    format!(
        "\
Portcullis serves http://{gateway}, in front of an upstream that answers with what has reached it.

  key  {key}
       of user_demo in the organisation org_demo

Try it from another terminal:

  # with the key: the upstream is told whose it is, and never sees the key
  curl -i -H 'x-api-key: {key}' http://{gateway}/hello

  # without: 401, and nothing reaches the upstream
  curl -i http://{gateway}/hello

  # with a forged organisation: the upstream is still told org_demo
  curl -i -H 'x-api-key: {key}' -H 'x-org-id: org_forged' http://{gateway}/hello

Then revoke the key, and try the first again:

  PORTCULLIS_ADMIN=http://{admin} PORTCULLIS_ADMIN_TOKEN={token} \\
    {program} credential revoke {id}

Ctrl-C ends the demo and leaves nothing behind. Below is the access log.

"
    )
}

/// Asked without SO_REUSEPORT, with which two programs can share a port.
fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn cannot(what: &'static str) -> impl FnOnce(io::Error) -> Failure {
    move |error| Failure::refused(format!("cannot {what}: {error}"))
}
