//! A real `redis-server`, and what a test does to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;

use super::PATIENCE;
use super::lines::Lines;
use super::sockets::Nobody;

/// What Redis answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Text(String),
    Number(i64),
    Error(String),
    List(Vec<Self>),
    Nothing,
}

impl Reply {
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            other => panic!("not a text: {other:?}"),
        }
    }
}

/// A running server, or a sentinel. It is killed, by its own id, when this is dropped.
pub(crate) struct Redis {
    child: Child,
    arguments: Vec<String>,
    /// Its own also while it is away.
    place: Nobody,
    folder: TempDir,
    stdout: Lines,
}

impl Redis {
    /// One that keeps nothing when it ends.
    pub(crate) fn start() -> Self {
        Self::with(&["--appendonly", "no"])
    }

    /// One that has all it acknowledged when it starts again.
    pub(crate) fn persistent() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// One that copies `master`.
    pub(crate) fn replica_of(master: SocketAddr) -> Self {
        let port = master.port().to_string();
        let redis =
            Self::with(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"]);
        super::eventually("the replica has all that its master has", || {
            redis.info("replication", "master_link_status").as_deref() == Some("up")
        });
        redis
    }

    /// One with these arguments, too.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let own = [
            "--save",
            "",
            "--daemonize",
            "no",
            "--bind",
            "127.0.0.1",
            "--repl-diskless-sync",
            "yes",
        ];
        let arguments = [&own, arguments].concat().into_iter().map(str::to_owned).collect();
        Self::launch(arguments)
    }

    /// A sentinel that watches over `master` by the name `main`, and decides alone.
    pub(crate) fn sentinel(master: SocketAddr, down_after_ms: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sentinel.conf");
        let text = format!(
            "bind 127.0.0.1\n\
             sentinel monitor main 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds main {down_after_ms}\n\
             sentinel failover-timeout main 10000\n",
            master.port()
        );
        std::fs::write(&file, text).unwrap();
        let arguments = vec![file.display().to_string(), "--sentinel".to_owned()];
        let mut sentinel = Self::launch(arguments);
        sentinel.folder = folder;
        sentinel
    }

    fn launch(arguments: Vec<String>) -> Self {
        let (place, folder) = (Nobody::new(), tempfile::tempdir().unwrap());
        let (child, stdout) = spawn(&arguments, place.address(), &folder);
        Self { child, arguments, place, folder, stdout }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.place.address()
    }

    /// Sends a command on a connection of its own.
    #[track_caller]
    pub(crate) fn command(&self, words: &[&str]) -> Reply {
        Session::connect(self.address()).command(words)
    }

    /// A line of `INFO`.
    pub(crate) fn info(&self, section: &str, name: &str) -> Option<String> {
        let info = self.command(&["INFO", section]);
        let prefix = format!("{name}:");
        info.text().lines().find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned)
    }

    /// Listens to all that it is asked from now on.
    #[track_caller]
    pub(crate) fn monitor(&self) -> Monitor {
        let mut session = Session::connect(self.address());
        assert_eq!(session.command(&["MONITOR"]).text(), "OK");
        Monitor { session, address: self.address() }
    }

    /// Stands still from now on.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        super::process::until_stopped(self.child.id());
    }

    /// Goes on.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// Through the shell's own `kill`: safe Rust has no other way.
    fn signal(&self, name: &str) {
        let id = self.child.id();
        let status = Command::new("/bin/sh").arg("-c").arg(format!("kill -{name} {id}")).status();
        assert!(status.unwrap().success());
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it again, at the same address, with what it has kept.
    pub(crate) fn start_again(&mut self) {
        (self.child, self.stdout) = spawn(&self.arguments, self.address(), &self.folder);
    }
}

/// What a server was asked: commands inside of scripts, too.
pub(crate) struct Monitor {
    session: Session,
    address: SocketAddr,
}

impl Monitor {
    /// When it began to read a credential of an api, each time: by its own clock, in microseconds.
    #[track_caller]
    pub(crate) fn reads_of(mut self, api: &str) -> Vec<u64> {
        let end = "the end of what is listened to";
        Session::connect(self.address).command(&["ECHO", end]);
        let read = format!("lua] \"GET\" \"{{portcullis}}:digest:{api}:");
        let mut reads = Vec::new();
        loop {
            let said = self.session.reply();
            let line = said.text();
            if line.contains(end) {
                return reads;
            }
            if line.contains(&read) {
                let time = line.split(' ').next().unwrap();
                reads.push(time.replace('.', "").parse().unwrap());
            }
        }
    }
}

fn spawn(arguments: &[String], address: SocketAddr, folder: &TempDir) -> (Child, Lines) {
    let mut child = Command::new("redis-server")
        .args(arguments)
        .args(["--port", &address.port().to_string(), "--dir"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stdout = Lines::of(child.stdout.take().unwrap());
    stdout.wait("server that listens", |lines| {
        let listens = |line: &String| {
            line.contains("Ready to accept connections") || line.contains("Sentinel ID is")
        };
        lines.iter().any(listens).then_some(())
    });
    (child, stdout)
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            for line in self.stdout.so_far().iter().rev().take(20).rev() {
                eprintln!("redis {}: {line}", self.address());
            }
        }
    }
}

/// A connection to Redis.
pub(crate) struct Session(BufReader<TcpStream>);

impl Session {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    #[track_caller]
    pub(crate) fn command(&mut self, words: &[&str]) -> Reply {
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.extend(["$", &word.len().to_string(), "\r\n", word, "\r\n"]);
        }
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
        self.reply()
    }

    fn reply(&mut self) -> Reply {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let (kind, rest) = line.trim_end().split_at(1);
        match kind {
            "+" => Reply::Text(rest.into()),
            "-" => Reply::Error(rest.into()),
            ":" => Reply::Number(rest.parse().unwrap()),
            "$" => match rest.parse::<i64>().unwrap() {
                -1 => Reply::Nothing,
                length => {
                    let mut bytes = vec![0; usize::try_from(length).unwrap() + 2];
                    self.0.read_exact(&mut bytes).unwrap();
                    bytes.truncate(bytes.len() - 2);
                    Reply::Text(String::from_utf8_lossy(&bytes).into_owned())
                }
            },
            "*" => match rest.parse::<i64>().unwrap() {
                -1 => Reply::Nothing,
                count => Reply::List((0..count).map(|_| self.reply()).collect()),
            },
            _ => panic!("not an answer of Redis: {line:?}"),
        }
    }
}
