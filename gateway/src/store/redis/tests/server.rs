//! Servers that tests start, each on a port of its own, and stop with them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use decision::config::snapshot::RedisSettings;
use redis::Value;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use super::local;

/// A Redis that keeps nothing, until it is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
    pub(super) place: Arc<Place>,
    /// Kept for as long as the server runs.
    _folder: TempDir,
}

impl Server {
    pub(super) async fn start(more: &[&str]) -> Self {
        for _ in 0..20 {
            if let Some(server) = Self::try_start(Place::new(), more).await {
                return server;
            }
        }
        panic!("redis-server does not start with {more:?}");
    }

    /// Again where one was before.
    pub(super) async fn start_at(place: Arc<Place>) -> Self {
        Self::try_start(place, &[]).await.expect("it starts again")
    }

    async fn try_start(place: Arc<Place>, more: &[&str]) -> Option<Self> {
        let (folder, port) = (tempfile::tempdir().unwrap(), place.port);
        let settings = ["--save", "", "--bind", "127.0.0.1"];
        let port_text = port.to_string();
        let encrypted = more.contains(&"--tls-port");
        let at: &[&str] = if encrypted {
            &["--port", "0", "--tls-port", &port_text]
        } else {
            &["--port", &port_text]
        };
        let more = more.iter().filter(|word| **word != "--tls-port");
        let child = Command::new("redis-server")
            .args(at)
            .args(settings)
            .args(["--dir", &folder.path().display().to_string()])
            .args(more)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, port, place, _folder: folder }.answering(encrypted).await
    }

    /// One that watches `master`, which it calls `main`, and needs nobody's consent.
    pub(super) async fn sentinel(master: &Self, more: &str) -> Self {
        let (folder, place) = (tempfile::tempdir().unwrap(), Place::new());
        let port = place.port;
        let text = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n{more}",
            master.port
        );
        let path = folder.path().join("sentinel.conf");
        std::fs::write(&path, text).unwrap();
        let child = Command::new("redis-server")
            .arg(path)
            .arg("--sentinel")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, port, place, _folder: folder }
            .answering(false)
            .await
            .expect("the sentinel starts")
    }

    /// `None`: it has ended. One of a cluster has a second port, which may be too high, or somebody else's.
    async fn answering(mut self, encrypted: bool) -> Option<Self> {
        while self.child.try_wait().unwrap().is_none() {
            if answers(self.port, encrypted) {
                return Some(self);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        None
    }

    pub(super) fn settings(&self) -> RedisSettings {
        RedisSettings::plain(local(self.port))
    }

    /// What an operator does, or somebody who has got hold of it.
    pub(super) async fn run(&self, words: &[&[u8]]) -> Value {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::cmd(std::str::from_utf8(words[0]).unwrap());
        for word in &words[1..] {
            command.arg(*word);
        }
        command.query_async(&mut connection).await.unwrap()
    }

    pub(super) async fn info(&self, section: &str) -> String {
        match self.run(&[b"INFO", section.as_bytes()]).await {
            Value::VerbatimString { text, .. } => text,
            Value::BulkString(text) => String::from_utf8(text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn value(&self, name: &str) -> Vec<u8> {
        match self.run(&[b"GET", full(name).as_bytes()]).await {
            Value::BulkString(value) => value,
            other => panic!("{name}: {other:?}"),
        }
    }

    pub(super) async fn set(&self, name: &str, value: &[u8]) {
        self.run(&[b"SET", full(name).as_bytes(), value]).await;
    }

    pub(super) fn signal(&self, signal: &str) {
        let child = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &child]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn full(name: &str) -> String {
    format!("{{portcullis}}:{name}")
}

/// Whether it has come up whole. One that speaks TLS has one port alone, and listens there last of all.
fn answers(port: u16, encrypted: bool) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let ping =
        |stream: &mut TcpStream| stream.write_all(b"PING\r\n").and_then(|()| stream.read(&mut [0]));
    encrypted || ping(&mut stream).is_ok_and(|count| count > 0)
}

/// A port that is a server's own, also before it listens there and while it is away: it is taken, so that nobody else is given
/// it, and may be had beside this by whoever asks for this very one, as a server does.
pub(super) struct Place {
    port: u16,
    _taken: Socket,
}

impl Place {
    fn new() -> Arc<Self> {
        let taken = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        taken.set_reuse_address(true).unwrap();
        taken.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let address = taken.local_addr().unwrap().as_socket().unwrap();
        Arc::new(Self { port: address.port(), _taken: taken })
    }
}
