use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use decision::config::snapshot::{Address, RedisSettings};
use decision::secret::{Pepper, Peppers};
use secrecy::SecretString;
use tempfile::TempDir;

use super::Redis;
use crate::store::conformance::{Fixture, conformance};

conformance!(empty);

async fn empty() -> Fixture {
    let server = Server::start();
    let redis = server.open().await;
    Fixture { store: Arc::new(redis), keep: Box::new(server) }
}

/// A Redis that keeps nothing, until it is dropped.
struct Server {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Server {
    fn start() -> Self {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let port = fastrand::u16(20_000..50_000);
            let child = Command::new("redis-server")
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
                .args(["--dir", &folder.path().display().to_string()])
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let mut server = Self { child, port, _folder: folder };
            if server.answers() {
                return server;
            }
        }
        panic!("redis-server found no free port");
    }

    /// False: it has ended, because somebody else had the port.
    fn answers(&mut self) -> bool {
        while self.child.try_wait().unwrap().is_none() {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                std::thread::sleep(Duration::from_millis(10));
                return self.child.try_wait().unwrap().is_none();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }

    fn settings(&self) -> RedisSettings {
        RedisSettings::plain(Address { host: "127.0.0.1".into(), port: self.port })
    }

    async fn open(&self) -> Redis {
        Redis::open(&self.settings(), &peppers("first"), || {}).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn peppers(name: &str) -> Peppers {
    Pepper::new(&SecretString::from(format!("{name:.<32}"))).unwrap().into()
}
