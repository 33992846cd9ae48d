//! A proxy that spoils connections as networks do.
#![expect(clippy::disallowed_methods, reason = "a delay is about the clock")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

#[derive(Default)]
struct State {
    /// No new connection is let through: each is closed at once.
    shut: bool,
    /// Nothing goes to the server; it waits, as in a network that loses everything.
    held_to_server: bool,
    held_to_client: bool,
    /// How long each part of a stream takes to the other side.
    delay: Duration,
    connections: Vec<Connection>,
}

struct Connection {
    client: TcpStream,
    server: TcpStream,
    /// Whether it has asked to be told of changes.
    listens: bool,
}

impl Connection {
    fn cut(&self) {
        // One that has ended already is cut.
        drop(self.client.shutdown(Shutdown::Both));
        drop(self.server.shutdown(Shutdown::Both));
    }
}

/// Stands between one gateway and Redis. It ends with the test's process.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Proxy {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { address: listener.local_addr().unwrap(), shared: Arc::default() };
        let shared = Arc::clone(&proxy.shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                connect(&shared, client, server);
            }
        });
        proxy
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let answer = change(&mut self.shared.0.lock().unwrap());
        self.shared.1.notify_all();
        answer
    }

    /// Ends every connection; new ones are let through.
    pub(crate) fn cut(&self) {
        self.change(|state| state.connections.drain(..).for_each(|connection| connection.cut()));
    }

    /// Ends the connections on which changes are told. Gives how many there were.
    pub(crate) fn cut_listeners(&self) -> usize {
        self.change(|state| {
            let (listeners, others): (Vec<_>, Vec<_>) =
                state.connections.drain(..).partition(|connection| connection.listens);
            state.connections = others;
            listeners.iter().for_each(Connection::cut);
            listeners.len()
        })
    }

    /// Ends every connection, and lets none through until [`Self::open`].
    pub(crate) fn shut(&self) {
        self.change(|state| state.shut = true);
        self.cut();
    }

    /// From now on nothing goes this way, on connections that there are and on new ones; nobody is told.
    pub(crate) fn hold(&self, way: Way) {
        self.change(|state| match way {
            Way::ToServer => state.held_to_server = true,
            Way::ToClient => state.held_to_client = true,
        });
    }

    /// How long what is sent is under way from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        self.change(|state| state.delay = delay);
    }

    /// Everything goes through again, and what was held is delivered.
    pub(crate) fn open(&self) {
        self.change(|state| {
            state.shut = false;
            state.held_to_server = false;
            state.held_to_client = false;
            state.delay = Duration::ZERO;
        });
    }
}

fn connect(shared: &Arc<(Mutex<State>, Condvar)>, client: TcpStream, server: SocketAddr) {
    let Ok(server) = TcpStream::connect(server) else { return };
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let ends = |stream: &TcpStream| stream.try_clone().unwrap();
    let connection = Connection { client: ends(&client), server: ends(&server), listens: false };
    let mut state = shared.0.lock().unwrap();
    if state.shut {
        return connection.cut();
    }
    state.connections.push(connection);
    drop(state);
    let (other_client, other_server) = (ends(&client), ends(&server));
    let (up, down) = (Arc::clone(shared), Arc::clone(shared));
    thread::spawn(move || carry(&up, Way::ToServer, client, server));
    thread::spawn(move || carry(&down, Way::ToClient, other_server, other_client));
}

/// Carries what comes from one side to the other until one of them ends.
fn carry(shared: &Arc<(Mutex<State>, Condvar)>, way: Way, mut from: TcpStream, to: TcpStream) {
    let (parts, under_way) = mpsc::channel();
    let (deliverer, from_here) = (Arc::clone(shared), from.try_clone().unwrap());
    thread::spawn(move || deliver(&deliverer, way, &under_way, to, &from_here));
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let bytes = &buffer[..count];
        if way == Way::ToServer && is_a_listener(bytes) {
            let peer = from.peer_addr().ok();
            let mut state = shared.0.lock().unwrap();
            let own = state.connections.iter_mut().find(|one| one.client.peer_addr().ok() == peer);
            own.into_iter().for_each(|one| one.listens = true);
        }
        let due = Instant::now() + shared.0.lock().unwrap().delay;
        if parts.send((due, bytes.to_vec())).is_err() {
            break;
        }
    }
}

/// Delivers each part when it is due and nothing holds it.
fn deliver(
    shared: &(Mutex<State>, Condvar),
    way: Way,
    under_way: &mpsc::Receiver<(Instant, Vec<u8>)>,
    mut to: TcpStream,
    from: &TcpStream,
) {
    for (due, bytes) in under_way {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let state = shared.0.lock().unwrap();
        let held = shared.1.wait_while(state, |state| match way {
            Way::ToServer => state.held_to_server,
            Way::ToClient => state.held_to_client,
        });
        drop(held);
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
    drop(from.shutdown(Shutdown::Both));
}

fn is_a_listener(bytes: &[u8]) -> bool {
    bytes.to_ascii_uppercase().windows(9).any(|window| window == b"SUBSCRIBE")
}
