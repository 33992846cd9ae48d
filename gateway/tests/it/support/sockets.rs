//! Sockets with buffers so small that back-pressure shows after kilobytes instead of megabytes.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::PATIENCE;

/// What is asked of the kernel for each direction; it doubles it for its own accounting.
const SMALL: usize = 8 * 1024;

/// A listener on loopback whose accepted connections have small buffers.
pub(crate) fn small_listener() -> TcpListener {
    let socket = small();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&SockAddr::from(any)).unwrap();
    socket.listen(128).unwrap();
    socket.into()
}

/// An address at which nobody listens for as long as this lives, but whom a test sends there: its port is taken, so that nobody
/// else is given it.
pub(crate) struct Nobody {
    address: SocketAddr,
    _socket: Socket,
}

impl Nobody {
    pub(crate) fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        // Whoever asks for this very port, and says so too, has it beside this.
        socket.set_reuse_address(true).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&SockAddr::from(any)).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Self { address, _socket: socket }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A port on which connections neither begin nor fail, and what keeps it so.
pub(crate) fn full_listener() -> (SocketAddr, Vec<Socket>) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&SockAddr::from(any)).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap();
    let mut kept = vec![socket];
    loop {
        let next = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let full = next.connect_timeout(&address, Duration::from_millis(300)).is_err();
        kept.push(next);
        if full {
            return (address.as_socket().unwrap(), kept);
        }
    }
}

/// A connection with small buffers.
pub(crate) fn small_stream(address: SocketAddr) -> TcpStream {
    let socket = small();
    socket.connect_timeout(&SockAddr::from(address), PATIENCE).unwrap();
    socket.into()
}

/// The sizes are set before the handshake: they bound the window that is announced in it.
fn small() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(SMALL).unwrap();
    socket.set_send_buffer_size(SMALL).unwrap();
    socket
}
