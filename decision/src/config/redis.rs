//! `store.url`, `store.tls` and `store.acknowledge`: where the store is that several replicas share.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use secrecy::SecretString;

use super::Variables;
use super::field::{Fields, at_most, filled, scalar};
use super::form::{Reason, number, secret, text};
use super::problem::{Judged, Problems, quote};
use super::snapshot::{Address, RedisServers, RedisSettings, RedisTls};
use super::tree::{Node, Value};
use crate::path::percent_decode;

/// Where Redis is when nothing is said.
const DEFAULT: Address = Address { host: Cow::Borrowed("127.0.0.1"), port: 6379 };
/// The port of Redis, and that of Sentinel, where a URL names none.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;
/// The most servers that may be named.
const SERVERS_MAX: usize = 100;

/// What a URL says.
#[derive(Clone, PartialEq, Eq)]
struct Url {
    tls: bool,
    user: Option<String>,
    password: Option<String>,
    servers: Vec<Address>,
    /// Of Sentinel.
    service: Option<String>,
    db: u16,
}

/// Reads the keys, which may stay when the kind of the store changes, and then have no effect but must be well formed.
pub(super) fn redis(
    store: &mut Fields<'_>,
    is_in_force: bool,
    variables: &dyn Variables,
) -> Judged<RedisSettings> {
    let problems = store.problems;
    let url = store.node("url").map(|node| (urls(node, problems), &node.place));
    let is_encrypted = match &url {
        Some((Ok((first, _)), _)) => first.tls,
        Some((Err(_), _)) => true,
        None => false,
    };
    let use_of_tls = match (is_in_force, is_encrypted) {
        (false, _) => UseOfTls::Idle,
        (true, false) => UseOfTls::Wrong,
        (true, true) => UseOfTls::InForce(variables),
    };
    let tls = tls(store, &use_of_tls);
    let acknowledge = store.value_or("acknowledge", &number(0..=100_u32), 0);
    let (first, servers) = match url {
        Some((url, _)) => url?,
        None => return Ok(RedisSettings { acknowledge, ..RedisSettings::plain(DEFAULT) }),
    };
    Ok(RedisSettings {
        servers,
        tls: if first.tls { Some(tls?) } else { None },
        user: first.user,
        password: first.password.map(SecretString::from),
        db: first.db,
        acknowledge,
    })
}

/// One URL, or those of a cluster.
fn urls(node: &Node, problems: &Problems) -> Judged<(Url, RedisServers)> {
    if !matches!(node.value, Value::List(_)) {
        let url = url(node, problems)?;
        let servers = match (&url.service, url.servers.as_slice()) {
            (Some(service), _) => {
                RedisServers::Sentinel { nodes: url.servers.clone(), service: service.clone() }
            }
            (None, [address]) => RedisServers::One(address.clone()),
            (None, _) => return Err(problems.error(&node.place, EXPECTED)),
        };
        return Ok((url, servers));
    }
    let items = filled(node, "one item", problems)?;
    let items = at_most(items, SERVERS_MAX, &node.place, problems);
    let urls: Judged<Vec<Url>> = items.iter().map(|item| of_cluster(item, problems)).collect();
    let urls = urls?;
    let nodes = urls.iter().flat_map(|url| url.servers.clone()).collect();
    let mut urls = urls.into_iter();
    let first = urls.next().ok_or_else(|| problems.error(&node.place, EXPECTED))?;
    let alike = |url: &Url| {
        Url { servers: Vec::new(), ..url.clone() } == Url { servers: Vec::new(), ..first.clone() }
    };
    if !urls.all(|url| alike(&url)) {
        let message = "the servers of a cluster must have the same scheme, user and password";
        return Err(problems.error(&node.place, message));
    }
    Ok((first, RedisServers::Cluster(nodes)))
}

fn of_cluster(node: &Node, problems: &Problems) -> Judged<Url> {
    let url = url(node, problems)?;
    if url.service.is_some() || url.db != 0 {
        let message = "a cluster has neither Sentinel nor databases but 0";
        return Err(problems.error(&node.place, message));
    }
    Ok(url)
}

/// What `tls` is for.
enum UseOfTls<'v> {
    /// Nothing, as long as the store is of the other kind.
    Idle,
    /// No URL of this store asks for it.
    Wrong,
    /// Its files are opened by these.
    InForce(&'v dyn Variables),
}

fn tls(store: &mut Fields<'_>, to_what: &UseOfTls<'_>) -> Judged<RedisTls> {
    let problems = store.problems;
    let given = store.node("tls");
    if matches!(to_what, UseOfTls::Wrong)
        && let Some(node) = given
    {
        return Err(problems.error(&node.place, "`tls` needs a `url` that begins with `rediss`"));
    }
    let Some(node) = given else { return Ok(RedisTls::default()) };
    Fields::of(node, problems, |tls| {
        let ca = path(tls, "ca", CERTIFICATE, to_what);
        let certificate = path(tls, "certificate", CERTIFICATE, to_what);
        let key = path(tls, "key", KEY, to_what);
        match (&certificate, &key) {
            (Some(Ok(_)), None) => return Err(tls.missing("key")),
            (None, Some(Ok(_))) => return Err(tls.missing("certificate")),
            _ => {}
        }
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate?, key?)),
            _ => None,
        };
        Ok(RedisTls { ca: ca.transpose()?, identity })
    })
}

/// What a file of PEM holds: what begins it there, and its name.
type Holds = (&'static str, &'static str);
const CERTIFICATE: Holds = ("-----BEGIN CERTIFICATE-----", "certificate");
const KEY: Holds = ("PRIVATE KEY-----", "private key");

/// A relative path starts at the file that names it. The file is opened: a name that is wrong is found before it matters.
fn path(
    tls: &mut Fields<'_>,
    key: &'static str,
    (begins, what): Holds,
    to_what: &UseOfTls<'_>,
) -> Option<Judged<PathBuf>> {
    let problems = tls.problems;
    let given = tls.value(key, &text())?;
    Some(given.and_then(|given| {
        let place = &given.given.place;
        let path = problems.beside(place, &given.value);
        let UseOfTls::InForce(variables) = to_what else { return Ok(path) };
        let written = quote(given.given.written);
        let message = match variables.file(&path.to_string_lossy()) {
            Ok(content) if content.contains(begins) => return Ok(path),
            Ok(_) => format!("the file {written} holds no {what} in PEM"),
            Err(error) => format!("cannot read the file {written}: {error}"),
        };
        Err(problems.error(place, message))
    }))
}

const EXPECTED: Reason = "expected a URL such as `redis://:password@10.0.0.1:6379/0`";

/// Nothing of it is shown: it may hold a password.
fn url(node: &Node, problems: &Problems) -> Judged<Url> {
    let given = scalar(node, &secret(), problems)?;
    parse(&given.value).map_err(|reason| problems.error(&node.place, reason))
}

fn parse(text: &str) -> Result<Url, Reason> {
    let (scheme, rest) = text.split_once("://").ok_or(EXPECTED)?;
    let (tls, sentinel) = match scheme {
        "redis" => (false, false),
        "rediss" => (true, false),
        "redis+sentinel" => (false, true),
        "rediss+sentinel" => (true, true),
        _ => {
            return Err(
                "the scheme must be `redis`, `rediss`, `redis+sentinel` or `rediss+sentinel`",
            );
        }
    };
    if rest.contains(['?', '#']) {
        return Err(
            "`?` and `#` have no meaning here; in a password they are written `%3F` and `%23`",
        );
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, hosts) = match authority.rsplit_once('@') {
        Some((login, hosts)) => (Some(login), hosts),
        None => (None, authority),
    };
    let (user, password) = match login {
        None => (None, None),
        Some(login) => match login.split_once(':') {
            Some((user, password)) => (filled_in(user)?, filled_in(password)?),
            None => (filled_in(login)?, None),
        },
    };
    let port = if sentinel { SENTINEL_PORT } else { PORT };
    let servers =
        hosts.split(',').map(|host| address(host, port)).collect::<Result<Vec<_>, _>>()?;
    let (service, db) = if sentinel {
        let (service, db) = path.split_once('/').unwrap_or((path, ""));
        let service = filled_in(service)?
            .ok_or("after the hosts of Sentinel comes the name of the service")?;
        (Some(service), db)
    } else {
        (None, path)
    };
    if !sentinel && servers.len() != 1 {
        return Err("several hosts are a list of URLs (a cluster), or `redis+sentinel://`");
    }
    Ok(Url { tls, user, password, servers, service, db: database(db)? })
}

/// Without its escapes; nothing is none.
fn filled_in(text: &str) -> Result<Option<String>, Reason> {
    let reason = "a `%` is followed by two hexadecimal digits, and what they stand for is UTF-8";
    let decoded = percent_decode(text).ok_or(reason)?;
    let decoded = String::from_utf8(decoded.into_owned()).map_err(|_| reason)?;
    Ok(Some(decoded).filter(|decoded| !decoded.is_empty()))
}

fn database(text: &str) -> Result<u16, Reason> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text {
        "" => Ok(0),
        _ if digits => text.parse().map_err(|_| "the database is a number up to 65535"),
        _ => Err("the database is a number"),
    }
}

fn address(text: &str, default_port: u16) -> Result<Address, Reason> {
    let reason =
        "a host is a name, an IPv4 address or an IPv6 address in brackets, with or without a port";
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(reason)?;
            host.parse::<Ipv6Addr>().map_err(|_| reason)?;
            (host, port.strip_prefix(':'))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_name = |host: &str| {
        !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !text.starts_with('[') && (!is_name(host) || numeric && host.parse::<Ipv4Addr>().is_err()) {
        return Err(reason);
    }
    let port = match port {
        None => default_port,
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(reason)?,
    };
    Ok(Address { host: host.to_owned().into(), port })
}
