//! Servers that tests start, each on a port of its own, and stop with them.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use decision::config::snapshot::RedisSettings;
use redis::Value;
use tempfile::TempDir;

use super::local;

/// A Redis that keeps nothing, until it is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
    folder: TempDir,
}

impl Server {
    pub(super) async fn start(more: &[&str]) -> Self {
        for _ in 0..20 {
            if let Some(server) = Self::try_start(free_port(), more).await {
                return server;
            }
        }
        panic!("redis-server does not start with {more:?}");
    }

    /// Again at a port where one was before.
    pub(super) async fn start_at(port: u16) -> Self {
        Self::try_start(port, &[]).await.expect("the port is free again")
    }

    async fn try_start(port: u16, more: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let settings = ["--save", "", "--bind", "127.0.0.1"];
        let port_text = port.to_string();
        let at: &[&str] = if more.contains(&"--tls-port") {
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
        Self { child, port, folder }.answering().await
    }

    /// One that watches `master`, which it calls `main`, and needs nobody's consent.
    pub(super) async fn sentinel(master: &Self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let text = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n",
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
        Self { child, port, folder }.answering().await.expect("the sentinel starts")
    }

    /// `None`: it has ended, because somebody else had the port.
    async fn answering(mut self) -> Option<Self> {
        while self.child.try_wait().unwrap().is_none() {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                // Who was late to the port ends soon.
                tokio::time::sleep(Duration::from_millis(20)).await;
                return self.child.try_wait().unwrap().is_none().then_some(self);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        None
    }

    pub(super) fn settings(&self) -> RedisSettings {
        RedisSettings::plain(local(self.port))
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
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

/// Free a moment ago: whoever takes it must be ready to be told that it is not.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}
