//! `server`: where to listen, and what one peer can cost.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::Variables;
use super::field::{Fields, Given, Located, at_most, filled, given, values};
use super::form::{
    DAY, Form, GIB, HOUR, KIB, LABEL_RULE, MIB, MILLISECOND, Reason, address, auto, boolean,
    duration, is_label, name, network, number, size, word,
};
use super::names::Names;
use super::problem::{Judged, Place, Problems};
use super::snapshot::{Admin, Bounds, Drain, Listener};
use crate::path::{PathError, normalise};
use crate::request::FieldSet;

/// The fewest characters of an admin token: 16 of an alphabet of 64 withstand guessing over a network.
const ADMIN_TOKEN_MIN: usize = 16;

/// The most listeners. Each has a socket for each thread, and a table of every host.
const LISTENERS_MAX: usize = 64;

const DEFAULT_LISTENER: &str = "0.0.0.0:8080";

/// What `server` says.
pub(super) struct Server {
    pub(super) listeners: Vec<Listener>,
    pub(super) bounds: Bounds,
    pub(super) admin: Option<Admin>,
    pub(super) health: SocketAddr,
    pub(super) unready_when_store_lost: bool,
    pub(super) threads: Option<usize>,
    pub(super) drain: Drain,
    pub(super) replica: Option<String>,
}

/// Reads `server`; `names` learns its listeners.
pub(super) fn server(
    server: &mut Fields<'_>,
    names: &mut Names,
    variables: &dyn Variables,
) -> Judged<Server> {
    let mut addresses = Addresses { taken: HashMap::new(), problems: server.problems };
    let listeners = listeners(server, names, &mut addresses);
    let admin = server.block("admin", |block| admin(block, variables, &mut addresses));
    let (health, unready_when_store_lost) = server.block("health", |block| {
        let address = address_or(block, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9902)));
        let store_lost = word(&[("ready", false), ("unready", true)]);
        let unready = block.value_or("store_lost", &store_lost, false);
        (address.map(|address| addresses.take("the health endpoint", address)), unready)
    });
    let bounds = server.block("bounds", bounds);
    let threads = server.value_or("threads", &auto(number(1..=1024)), None);
    let drain = server.block("drain", |drain| Drain {
        delay: drain.value_or("delay", &duration(Duration::ZERO..=HOUR), Duration::from_secs(5)),
        timeout: drain.value_or(
            "timeout",
            &duration(Duration::ZERO..=DAY),
            Duration::from_secs(20),
        ),
    });
    let replica = server.text_or_variable("replica", (variables, "HOSTNAME"), |name| {
        is_label(name).then_some(()).ok_or(LABEL_RULE)
    });
    let (listeners, admin, health, replica) = (listeners?, admin?, health?, replica?);
    Ok(Server {
        listeners,
        bounds,
        admin,
        health,
        unready_when_store_lost,
        threads,
        drain,
        replica,
    })
}

fn listeners(
    server: &mut Fields<'_>,
    names: &mut Names,
    addresses: &mut Addresses<'_>,
) -> Judged<Vec<Listener>> {
    let problems = server.problems;
    let Some(node) = server.node("listeners") else {
        let place = server.place().cloned();
        let given =
            place.map(|place| Given { text: DEFAULT_LISTENER, written: DEFAULT_LISTENER, place });
        names.define(&given, problems);
        let value = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080));
        let address = addresses.take("a listener", Located { value, given: given? });
        return Ok(vec![Listener {
            name: DEFAULT_LISTENER.into(),
            address,
            trusted_proxies: Vec::new(),
            http2: true,
            health_path: None,
        }]);
    };
    let nodes = filled(node, "one listener", problems);
    let nodes = nodes.inspect_err(|reported| names.give_up(*reported))?;
    let nodes = at_most(nodes, LISTENERS_MAX, &node.place, problems);
    let read = |node| Fields::of(node, problems, |fields| listener(fields, names, addresses));
    let listeners: Vec<_> = nodes.iter().map(read).collect();
    listeners.into_iter().collect()
}

fn listener(
    listener: &mut Fields<'_>,
    names: &mut Names,
    addresses: &mut Addresses<'_>,
) -> Judged<Listener> {
    let address = listener.required("address", &address());
    let name = match listener.value("name", &name()) {
        Some(name) => given(&name),
        None => given(&address),
    };
    let trusted_proxies = listener.list("trusted_proxies", &network()).unwrap_or_default();
    let http2 = listener.value_or("http2", &boolean(), true);
    let health_path = listener.value_or("health_path", &health_path(), None);
    names.define(&name, listener.problems);
    let address = addresses.take("a listener", address?);
    let trusted_proxies = values(trusted_proxies).collect();
    Ok(Listener { name: name?.text.into(), address, trusted_proxies, http2, health_path })
}

/// One that is written as it is asked for: it is compared before anything is decoded.
fn health_path() -> Form<Option<Arc<str>>> {
    Form::reasoned("a path such as `/-/ready`", |text| {
        let path = normalise(text).map_err(PathError::reason)?;
        if path != text {
            return Err("the path is written without escapes that it does not need");
        }
        Ok(Some(text.into()))
    })
}

fn bounds(bounds: &mut Fields<'_>) -> Bounds {
    let up_to = |longest| duration(MILLISECOND..=longest);
    Bounds {
        head: bounds.value_or("head", &size(KIB..=MIB), 16 * KIB) as usize,
        fields: bounds.value_or("fields", &number(1..=FieldSet::CAPACITY), 100),
        uri: bounds.value_or("uri", &size(64..=MIB), 8 * KIB) as usize,
        head_timeout: bounds.value_or("head_timeout", &up_to(HOUR), Duration::from_secs(10)),
        idle: bounds.value_or("idle", &up_to(DAY), Duration::from_secs(75)),
        body_rate: bounds.value_or("body_rate", &size(0..=GIB), 500),
        write_stall: bounds.value_or("write_stall", &up_to(DAY), Duration::from_secs(30)),
        streams: bounds.value_or("streams", &number(1..=10_000), 100),
        connections: bounds.value_or("connections", &auto(number(1..=10_000_000)), None),
        per_address: bounds.value_or("per_address", &number(1..=10_000_000), 1000),
        in_flight: bounds.value_or("in_flight", &auto(number(1..=10_000_000)), None),
    }
}

fn admin(
    admin: &mut Fields<'_>,
    variables: &dyn Variables,
    addresses: &mut Addresses<'_>,
) -> Judged<Option<Admin>> {
    let address = address_or(admin, SocketAddr::from((Ipv4Addr::LOCALHOST, 9901)));
    let variable = (variables, "PORTCULLIS_ADMIN_TOKEN");
    let Some(token) = admin.secret_or_variable("token", variable, judge_token)? else {
        return Ok(None);
    };
    let address = addresses.take("the admin API", address?);
    Ok(Some(Admin { address, token: token.into() }))
}

fn judge_token(token: &str) -> Result<(), Reason> {
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("the admin token must be visible ASCII, or no request could carry it");
    }
    if token.len() < ADMIN_TOKEN_MIN {
        return Err("the admin token must have at least 16 characters, or it could be guessed");
    }
    Ok(())
}

/// The address of a block that may be absent.
fn address_or<'t>(block: &mut Fields<'t>, default: SocketAddr) -> Judged<Located<'t, SocketAddr>> {
    block.value("address", &address()).unwrap_or_else(|| {
        let place = block.place()?.clone();
        Ok(Located { value: default, given: Given { text: "", written: "", place } })
    })
}

/// Who listens where.
struct Addresses<'p> {
    taken: HashMap<SocketAddr, (&'static str, Place)>,
    problems: &'p Problems,
}

impl Addresses<'_> {
    /// Gives `address` to `whom`. Port 0 is another port each time.
    fn take(&mut self, whom: &'static str, address: Located<'_, SocketAddr>) -> SocketAddr {
        let Located { value, given: Given { place, .. } } = address;
        if value.port() == 0 {
            return value;
        }
        if let Some((other, first)) = self.taken.get(&value) {
            let first = self.problems.line_of(first);
            let message = format!("the address of {whom} is that of {other} already, at {first}");
            self.problems.error(&place, message);
        } else {
            self.taken.insert(value, (whom, place));
        }
        value
    }
}
