//! One `portcullis run` process.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::client::{Client, request};
use super::http1::Response;
use super::lines::Lines;
use super::metrics::Metrics;
use super::witness::{self, Secrets};

mod files;

pub(crate) const ADMIN_TOKEN: &str = "the-admin-token-of-the-tests";
pub(crate) const PEPPER: &str = "a pepper of the tests, 32 bytes and more";

/// What a gateway is started with. `server` and `store` of the configuration are the house's own: every address is a
/// loopback port that the system chooses, and the store lies beside the file.
pub(crate) struct Setup {
    apis: String,
    server: String,
    listener: String,
    store: String,
    environment: Vec<(String, String)>,
    /// See [`Self::shipped`].
    shipped: Vec<PathBuf>,
}

impl Setup {
    /// `apis` is the rest of the file: `upstreams`, `apis`, `telemetry`.
    pub(crate) fn new(apis: impl Into<String>) -> Self {
        Self {
            apis: apis.into(),
            server: String::new(),
            listener: String::new(),
            store: String::new(),
            environment: vec![
                ("PORTCULLIS_ADMIN_TOKEN".to_owned(), ADMIN_TOKEN.to_owned()),
                ("PORTCULLIS_PEPPER".to_owned(), PEPPER.to_owned()),
            ],
            shipped: Vec::new(),
        }
    }

    /// One more key of `server`, on one line: `bounds: { head: 1KiB }`. The house's own gives way to the same key.
    pub(crate) fn server(mut self, line: &str) -> Self {
        self.server.extend(["  ", line, "\n"]);
        self
    }

    /// One more key of the one listener: `trusted_proxies: [127.0.0.0/8]`.
    pub(crate) fn listener(mut self, pair: &str) -> Self {
        self.listener.extend([", ", pair]);
        self
    }

    /// One more key of `store`: `cache: { ttl: 1s }`. The house's own gives way to the same key.
    pub(crate) fn store(mut self, line: &str) -> Self {
        self.store.extend(["  ", line, "\n"]);
        self
    }

    /// Sets (or replaces) an environment variable of the process.
    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(n, _)| n != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn start(self) -> Gateway {
        self.start_in(tempfile::tempdir().unwrap())
    }

    /// Starts on a folder that an earlier gateway has left (see [`Gateway::stop`]).
    #[track_caller]
    pub(crate) fn start_in(self, folder: TempDir) -> Gateway {
        let (child, stdout, stderr) = self.spawn(folder.path());
        let mut gateway = Gateway {
            child,
            folder: Some(folder),
            stdout,
            stderr,
            addresses: BTreeMap::new(),
            secrets: Secrets::default(),
            forwards_credentials: AtomicBool::new(false),
            configuration: format!("{}{:?}", self.yaml(), self.environment),
        };
        gateway.secrets.keep([ADMIN_TOKEN, PEPPER].map(str::to_owned));
        gateway.addresses = gateway.stderr.wait("line \"ready\"", |lines| {
            let events: Vec<Value> =
                lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
            events.iter().any(|event| event["message"] == "ready").then(|| listening(&events))
        });
        if let Some(public) = gateway.addresses.get("public") {
            gateway.secrets.guard(*public);
        }
        gateway
    }

    /// Starts one that must not come up: its status and what it said on stderr.
    pub(crate) fn fails_to_start(self) -> (ExitStatus, String) {
        self.fails_to_start_in(tempfile::tempdir().unwrap().path())
    }

    pub(crate) fn fails_to_start_in(self, folder: &Path) -> (ExitStatus, String) {
        let (mut child, _, stderr) = self.spawn(folder);
        let said = stderr.until_end().join("\n");
        (child.wait().unwrap(), said)
    }

    fn spawn(&self, folder: &Path) -> (Child, Lines, Lines) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["run", "--config"])
            .arg(self.laid_out(folder))
            .current_dir(folder)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        (child, stdout, stderr)
    }
}

/// Where each listener listens: `listening` lines with `listener` and `address`.
fn listening(events: &[Value]) -> BTreeMap<String, SocketAddr> {
    let text = |event: &Value, key: &str| event[key].as_str().unwrap().to_owned();
    events
        .iter()
        .filter(|event| event["message"] == "listening")
        .map(|event| (text(event, "listener"), text(event, "address").parse().unwrap()))
        .collect()
}

/// A running gateway. It is killed, by its own id, when this is dropped.
pub(crate) struct Gateway {
    child: Child,
    folder: Option<TempDir>,
    addresses: BTreeMap<String, SocketAddr>,
    /// The access log.
    pub(crate) stdout: Lines,
    /// The operational log.
    pub(crate) stderr: Lines,
    /// Every secret that was made or brought over the admin API: none may ever be read again (see `readable`).
    secrets: Secrets,
    forwards_credentials: AtomicBool,
    /// The file that it was started with, and its environment.
    configuration: String,
}

impl Gateway {
    /// See [`Setup::new`].
    pub(crate) fn start(apis: impl Into<String>) -> Self {
        Setup::new(apis).start()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    /// The address of `public`, `admin` or `health`.
    pub(crate) fn address(&self, listener: &str) -> SocketAddr {
        self.addresses[listener]
    }

    pub(crate) fn listens(&self, listener: &str) -> bool {
        self.addresses.contains_key(listener)
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address("public"))
    }

    /// Sends one request on a connection of its own.
    #[track_caller]
    pub(crate) fn send(&self, bytes: impl AsRef<[u8]>) -> Response {
        self.connect().send(bytes).response()
    }

    #[track_caller]
    pub(crate) fn get(&self, target: &str, fields: &[(&str, &str)]) -> Response {
        self.send(request("GET", target, fields, ""))
    }

    /// A call of the admin API: status and JSON (null when there is no body).
    #[track_caller]
    pub(crate) fn admin(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let token = format!("Bearer {ADMIN_TOKEN}");
        let response = self.admin_raw(method, path, &[("authorization", &token)], body);
        let json = if response.body.is_empty() { Value::Null } else { response.json() };
        (response.status, json)
    }

    pub(crate) fn admin_raw(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &Value,
    ) -> Response {
        let mut fields = fields.to_vec();
        fields.extend([("connection", "close"), ("content-type", "application/json")]);
        self.secrets.keep_of(body);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let response = Client::connect(self.address("admin"))
            .send(request(method, path, &fields, &body))
            .response();
        // The answer that made a secret is the one that may show it, but for where it is asked for.
        let found = self.secrets.found_in(&response.text());
        if let Some(secret) = found.filter(|_| !path.contains("/reveal")) {
            panic!("{method} {path} shows the secret {secret}: {}", response.text());
        }
        if let Ok(answer) = serde_json::from_slice(&response.body) {
            self.secrets.keep_of(&answer);
        }
        response
    }

    /// A route of it sends on what it was sent, on purpose: neither upstreams nor answers are searched for secrets.
    pub(crate) fn forwards_credentials(&self) {
        self.forwards_credentials.store(true, Ordering::Relaxed);
        if let Some(public) = self.addresses.get("public") {
            witness::unguard(*public);
        }
    }

    /// A secret that stands in what the process has said or in its metrics, and where.
    fn readable(&self, metrics: &str) -> Option<(String, String)> {
        let said = self.said();
        let mut places = said.lines().chain(metrics.lines());
        places.find_map(|line| Some((self.secrets.found_in(line)?, line.to_owned())))
    }

    /// A secret that an upstream was sent, and which.
    fn forwarded(&self) -> Option<(String, SocketAddr)> {
        if self.forwards_credentials.load(Ordering::Relaxed) {
            return None;
        }
        let now = self.folder.as_ref().map(|folder| folder.path().join("portcullis.yaml"));
        let now = now.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
        self.secrets.sent_to(&[self.configuration.clone(), now])
    }

    /// `POST /v1/credentials`: the id and the secret (empty where the body brought one).
    #[track_caller]
    pub(crate) fn create(&self, body: &Value) -> (String, String) {
        let (status, answer) = self.admin("POST", "/v1/credentials", body);
        assert_eq!(status, 201, "{answer}");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&answer["credential"]["id"]), text(&answer["secret"]))
    }

    /// The secret of a new credential of scheme `key` of the api `app`, for ever.
    #[track_caller]
    pub(crate) fn mint(&self, subject: &str, org: &str) -> String {
        let body = serde_json::json!({
            "api": "app", "scheme": "key", "subject": subject, "org": org, "lifetime": "never",
        });
        self.create(&body).1
    }

    pub(crate) fn health(&self, path: &str) -> Response {
        let bytes = request("GET", path, &[("connection", "close")], "");
        Client::connect(self.address("health")).send(bytes).response()
    }

    pub(crate) fn metrics(&self) -> Metrics {
        Metrics(self.health("/metrics").text())
    }

    /// The access-log line of a request, as soon as it is there.
    #[track_caller]
    pub(crate) fn line(&self, request_id: &str) -> Value {
        self.stdout.wait(&format!("access line of {request_id}"), |lines| {
            parse_all(lines).into_iter().find(|line| line["request_id"] == request_id)
        })
    }

    /// All access-log lines, once there are at least `count`.
    #[track_caller]
    pub(crate) fn lines(&self, count: usize) -> Vec<Value> {
        self.stdout.wait(&format!("{count} access lines"), |lines| {
            (lines.len() >= count).then(|| parse_all(lines))
        })
    }

    /// Sends SIGTERM.
    pub(crate) fn sigterm(&self) {
        self.signal("TERM");
    }

    /// Through the shell's own `kill`: safe Rust has no other way.
    pub(crate) fn signal(&self, name: &str) {
        let status =
            Command::new("/bin/sh").arg("-c").arg(format!("kill -{name} {}", self.id())).status();
        assert!(status.unwrap().success());
    }

    /// Stops it where it stands, until [`Self::thaw`]; none of its threads runs any more when this returns.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        super::process::until_stopped(self.id());
    }

    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait_exit(&mut self) -> ExitStatus {
        self.stderr.until_end();
        self.child.wait().unwrap()
    }

    /// Ends it in order and leaves its folder to another.
    pub(crate) fn stop(mut self) -> TempDir {
        self.sigterm();
        assert!(self.wait_exit().success());
        self.into_folder()
    }

    /// Its folder, once it has ended.
    pub(crate) fn into_folder(mut self) -> TempDir {
        self.folder.take().unwrap()
    }

    /// Its metrics; nothing where it has ended, or stands still.
    fn last_metrics(&self) -> String {
        let ask = || -> std::io::Result<String> {
            let mut health =
                TcpStream::connect(self.addresses.get("health").ok_or(ErrorKind::NotFound)?)?;
            health.set_read_timeout(Some(Duration::from_secs(2)))?;
            health.write_all(b"GET /metrics HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")?;
            let mut text = String::new();
            health.read_to_string(&mut text).map(|_| text)
        };
        ask().unwrap_or_default()
    }

    /// Everything the process has said so far, on both streams.
    pub(crate) fn said(&self) -> String {
        [self.stdout.so_far(), self.stderr.so_far()].concat().join("\n")
    }
}

fn parse_all(lines: &[String]) -> Vec<Value> {
    lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault}: {line}")))
        .collect()
}

impl Drop for Gateway {
    /// Ends it, and holds every test to one promise more: nothing that the process has said holds a secret, nor does anything
    /// that it has sent to an upstream.
    fn drop(&mut self) {
        let metrics = self.last_metrics();
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
        if thread::panicking() {
            for line in self.stderr.so_far() {
                eprintln!("gateway: {line}");
            }
            return;
        }
        self.stdout.until_end();
        self.stderr.until_end();
        if let Some((secret, line)) = self.readable(&metrics) {
            panic!("the secret {secret} can be read: {line}");
        }
        if let Some((secret, upstream)) = self.forwarded() {
            panic!("the secret {secret} was sent to the upstream {upstream}");
        }
    }
}
