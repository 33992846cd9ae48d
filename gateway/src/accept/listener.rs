//! Listeners: a socket per thread and address, so that the kernel spreads connections and no thread hands one to another.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use decision::config::snapshot::Listener;
use decision::forwarded;
use ipnet::IpNet;
use prometheus::IntGauge;
use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use super::Origin;
use crate::gate::Gate;
use crate::roster::{Connected, Leaving, Seat};
use crate::{log, serve};

/// Connections that wait to be accepted, as far as the kernel allows.
const BACKLOG: i32 = 4096;
/// How long handshakes that have begun have to come to their end when a listener closes.
const HANDSHAKES: Duration = Duration::from_millis(200);
/// How long accepting rests when the process has no descriptors left.
const REST: Duration = Duration::from_millis(100);

/// A listener with its sockets.
#[derive(Debug)]
pub struct Bound {
    pub name: Arc<str>,
    pub address: SocketAddr,
    pub sockets: Vec<std::net::TcpListener>,
    pub trusted_proxies: Arc<[IpNet]>,
    pub http2: bool,
    pub health_path: Option<Arc<str>>,
}

/// Binds `threads` sockets to one address. An address that another process listens on is an error, though each of our own
/// sockets would share it.
pub fn bind(listener: &Listener, threads: usize) -> io::Result<Bound> {
    let probe = socket(listener.address, false)?;
    let address = probe.local_addr()?.as_socket().unwrap_or(listener.address);
    drop(probe);
    let sockets =
        (0..threads).map(|_| socket(address, true).map(Into::into)).collect::<io::Result<_>>()?;
    Ok(Bound {
        name: listener.name.clone(),
        address,
        sockets,
        trusted_proxies: listener.trusted_proxies.clone().into(),
        http2: listener.http2,
        health_path: listener.health_path.clone(),
    })
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// What a listener's connections share, on one thread.
#[derive(Clone, Debug)]
pub struct Door {
    /// Position in the configuration.
    pub listener: usize,
    pub trusted_proxies: Arc<[IpNet]>,
    pub http2: bool,
    pub health_path: Option<Arc<str>>,
    pub connections: IntGauge,
    pub name: Arc<str>,
}

/// Accepts until the process leaves. `listening` holds the worker meanwhile.
pub async fn accept(gate: Arc<Gate>, socket: TcpListener, door: Door, listening: Connected) {
    let seat = Seat::new();
    loop {
        let next = std::future::poll_fn(|cx| match socket.poll_accept(cx) {
            Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
            Poll::Pending if matches!(seat.leaving(cx), Leaving::Draining(_)) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        match next.await {
            Some(Ok((stream, peer))) => open(&gate, &door, stream, peer),
            Some(Err(error)) if is_of_the_connection(&error) => {}
            Some(Err(error)) => {
                log::error("accepting failed", |line| {
                    line.field("error", error.to_string());
                });
                tokio::time::sleep(REST).await;
            }
            None => break,
        }
    }
    close(&gate, &socket, &door).await;
    drop(listening);
}

/// Lets nobody in any more, and takes all that the kernel has let in already: closing would reset them.
async fn close(gate: &Arc<Gate>, socket: &TcpListener, door: &Door) {
    let socket = SockRef::from(socket);
    // Where a filter is not to be had, one that comes between the last look and the end is lost.
    let _a_closed_door_is_the_aim = socket.attach_filter(&no_new_ones());
    take_all(gate, &socket, door);
    tokio::time::sleep(HANDSHAKES).await;
    take_all(gate, &socket, door);
}

/// A program for the kernel: of the segments that come for a listener, those with SYN and without ACK are dropped, so that no
/// handshake begins. A client repeats its own until the door is closed, and then is refused.
const fn no_new_ones() -> [SockFilter; 5] {
    [
        SockFilter::new(0x30, 0, 0, 13), // load the byte of flags of the TCP header
        SockFilter::new(0x54, 0, 0, 0x12), // of them SYN and ACK
        SockFilter::new(0x15, 0, 1, 0x02), // is it SYN alone?
        SockFilter::new(0x06, 0, 0, 0),  // then none of it is kept,
        SockFilter::new(0x06, 0, 0, 0xffff), // else all
    ]
}

fn take_all(gate: &Arc<Gate>, socket: &Socket, door: &Door) {
    loop {
        let accepted = socket.accept().and_then(|(stream, _)| {
            stream.set_nonblocking(true)?;
            let stream = TcpStream::from_std(stream.into())?;
            let peer = stream.peer_addr()?;
            Ok((stream, peer))
        });
        match accepted {
            Ok((stream, peer)) => open(gate, door, stream, peer),
            // Of a connection that is no more.
            Err(error)
                if is_of_the_connection(&error) || error.kind() == io::ErrorKind::NotConnected => {}
            Err(_) => return,
        }
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Serves a connection, or closes it at once where there are too many.
fn open(gate: &Arc<Gate>, door: &Door, stream: TcpStream, peer: SocketAddr) {
    let address = peer.ip().to_canonical();
    // A trusted proxy is many clients.
    let is_proxy = door.trusted_proxies.iter().any(|network| network.contains(&address));
    let guest = match gate.crowd.admit((!is_proxy).then_some(address)) {
        Ok(guest) => guest,
        Err(crowded) => {
            gate.metrics.count_refused_connection(&door.name, crowded.name());
            return;
        }
    };
    // Heads and bodies are gathered before they are written; waiting for more would only delay them.
    let _a_dead_socket_is_found_by_its_first_read = stream.set_nodelay(true);
    let origin = Origin {
        listener: door.listener,
        peer,
        peer_value: forwarded::address_value(peer.ip()),
        trusted_proxies: door.trusted_proxies.clone(),
        health_path: door.health_path.clone(),
    };
    let (gate, http2, connections) = (gate.clone(), door.http2, door.connections.clone());
    let connected = Connected::new();
    tokio::spawn(async move {
        connections.inc();
        let _counted = (Counted(connections), connected, guest);
        serve::http1::connection(gate, stream, origin, http2).await;
    });
}

struct Counted(IntGauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
