//! The gateways that are compared: how each is configured and started.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clap::ValueEnum;

use crate::admin;
use crate::keys::Keys;
use crate::process::{Process, free_address};

const NGINX: &str = include_str!("../peers/nginx.conf");
const HAPROXY: &str = include_str!("../peers/haproxy.cfg");
const PORTCULLIS: &str = include_str!("../peers/portcullis.yaml");

/// The version that Cargo.toml pins.
const PINGORA_VERSION: &str = "0.9.1";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Portcullis,
    /// An earlier build of it
    #[value(skip)]
    Before,
    /// pingora's own Server and ProxyHttp
    Pingora,
    Nginx,
    Haproxy,
}

/// A gateway that runs and listens.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    /// Name and version, for people.
    pub(crate) title: String,
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
}

/// What every gateway is started with.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    /// Where configurations, keys, logs and the store lie.
    pub(crate) folder: &'a Path,
    pub(crate) upstream: SocketAddr,
    /// The binary of Portcullis.
    pub(crate) portcullis: &'a Path,
    /// That of an earlier build of it.
    pub(crate) before: Option<&'a Path>,
}

impl Setup<'_> {
    /// Starts a gateway on the core of this thread. `None`: it is not installed, and its absence costs only its row.
    ///
    /// Portcullis gives the keys their credential ids, so it starts first.
    pub(crate) fn start(&self, kind: Kind, keys: &mut Keys) -> io::Result<Option<Peer>> {
        match kind {
            Kind::Portcullis => self.portcullis(keys).map(Some),
            Kind::Before => self.before(keys),
            Kind::Pingora => self.pingora(keys).map(Some),
            Kind::Nginx => self.nginx(keys),
            Kind::Haproxy => self.haproxy(keys),
        }
    }

    fn portcullis(&self, keys: &mut Keys) -> io::Result<Peer> {
        let version = output(Command::new(self.portcullis).arg("version")).ok_or_else(|| {
            let path = self.portcullis.display();
            io::Error::other(format!("cannot run {path}: `cargo build --release` makes it"))
        })?;
        let [address, admin, health] = [free_address()?, free_address()?, free_address()?];
        self.write(
            "portcullis.yaml",
            PORTCULLIS,
            &[
                ("ADDRESS", address.to_string()),
                ("ADMIN", admin.to_string()),
                ("HEALTH", health.to_string()),
                ("TOKEN", admin::TOKEN.to_owned()),
                ("UPSTREAM", self.upstream.to_string()),
            ],
        )?;
        let arguments = ["run", "--config", "portcullis.yaml"];
        let process = Process::start("portcullis", self.portcullis, &arguments, self.folder)?;
        let mut peer = Peer { kind: Kind::Portcullis, title: title(&version), address, process };
        peer.process.wait_for(address)?;
        peer.process.wait_for(admin)?;
        admin::import(admin, keys)?;
        Ok(peer)
    }

    fn before(&self, keys: &mut Keys) -> io::Result<Option<Peer>> {
        let Some(portcullis) = self.before else { return Ok(None) };
        let folder = self.folder.join("before");
        std::fs::create_dir(&folder)?;
        let peer = Setup { folder: &folder, portcullis, ..*self }.portcullis(keys)?;
        let title = format!("{}, the earlier build", peer.title);
        Ok(Some(Peer { kind: Kind::Before, title, ..peer }))
    }

    fn pingora(&self, keys: &Keys) -> io::Result<Peer> {
        keys.write(self.folder, "keys.txt", |key| {
            format!("{} {} {}", key.secret, key.org, key.credential)
        })?;
        let address = free_address()?;
        let arguments = ["pingora", &address.to_string(), &self.upstream.to_string(), "keys.txt"];
        let process =
            Process::start("pingora", &std::env::current_exe()?, &arguments, self.folder)?;
        let title = format!("pingora {PINGORA_VERSION}, Server and ProxyHttp");
        ready(Peer { kind: Kind::Pingora, title, address, process })
    }

    fn nginx(&self, keys: &Keys) -> io::Result<Option<Peer>> {
        let Some((program, version)) = find("nginx") else { return Ok(None) };
        keys.write(self.folder, "org.map", |key| {
            format!("\"Bearer {}\" {};", key.secret, key.org)
        })?;
        keys.write(self.folder, "credential.map", |key| {
            format!("\"Bearer {}\" {};", key.secret, key.credential)
        })?;
        let address = free_address()?;
        self.write(
            "nginx.conf",
            NGINX,
            &[("ADDRESS", address.to_string()), ("UPSTREAM", self.upstream.to_string())],
        )?;
        let prefix = format!("{}/", self.folder.display());
        let arguments = ["-p", &prefix, "-c", "nginx.conf", "-e", "stderr"];
        let process = Process::start("nginx", &program, &arguments, self.folder)?;
        ready(Peer { kind: Kind::Nginx, title: title(&version), address, process }).map(Some)
    }

    fn haproxy(&self, keys: &Keys) -> io::Result<Option<Peer>> {
        let Some((program, version)) = find("haproxy") else { return Ok(None) };
        keys.write(self.folder, "haproxy-org.map", |key| format!("{} {}", key.secret, key.org))?;
        keys.write(self.folder, "haproxy-credential.map", |key| {
            format!("{} {}", key.secret, key.credential)
        })?;
        let address = free_address()?;
        self.write(
            "haproxy.cfg",
            HAPROXY,
            &[("ADDRESS", address.to_string()), ("UPSTREAM", self.upstream.to_string())],
        )?;
        let process =
            Process::start("haproxy", &program, &["-db", "-f", "haproxy.cfg"], self.folder)?;
        ready(Peer { kind: Kind::Haproxy, title: title(&version), address, process }).map(Some)
    }

    /// Writes a configuration with its `@NAMES@` replaced.
    fn write(&self, name: &str, template: &str, values: &[(&str, String)]) -> io::Result<()> {
        let text = values.iter().fold(template.to_owned(), |text, (name, value)| {
            text.replace(&format!("@{name}@"), value)
        });
        std::fs::write(self.folder.join(name), text)
    }
}

fn ready(mut peer: Peer) -> io::Result<Peer> {
    peer.process.wait_for(peer.address)?;
    Ok(peer)
}

/// A program of a package, and what it says of its version. Servers often lie outside the search path of people.
fn find(name: &str) -> Option<(PathBuf, String)> {
    ["", "/usr/sbin", "/usr/local/sbin"].into_iter().find_map(|folder| {
        let program = Path::new(folder).join(name);
        let version = output(Command::new(&program).arg("-v"))?;
        Some((program, version))
    })
}

/// All that a command prints, where there is such a command.
fn output(command: &mut Command) -> Option<String> {
    let Output { stdout, stderr, .. } = command.output().ok()?;
    Some(String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

/// Name and version out of what a program says of itself: `nginx version: nginx/1.22.1`, `HAProxy version 2.6.12-1 2026/10/17`.
fn title(version: &str) -> String {
    let line = version.lines().next().unwrap_or_default();
    let words = line.trim_start_matches("nginx version: ").replace('/', " ");
    let words = words.replacen(" version ", " ", 1);
    words.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_name_and_version() {
        assert_eq!(title("nginx version: nginx/1.22.1\n"), "nginx 1.22.1");
        assert_eq!(
            title("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/"),
            "HAProxy 2.6.12-1+deb12u4"
        );
        assert_eq!(title("portcullis 0.1.0 (commit abc)\npingora 0.9.1"), "portcullis 0.1.0");
    }
}
