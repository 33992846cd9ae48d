//! A client that sends the bytes it is given.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::http1::{End, Response, Source, is_end};
use super::{PATIENCE, witness};

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    Fin,
    Reset,
}

/// One TCP connection.
pub(crate) struct Client {
    peer: SocketAddr,
    source: Source<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("a connection");
        Self::over(stream)
    }

    /// Takes a socket that the test has prepared (small buffers, for example).
    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { peer: stream.peer_addr().unwrap(), source: Source::new(stream) }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.source.reader
    }

    /// Sends all of it. The peer may have closed already: that shows when reading.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        if let Err(fault) = self.source.reader.write_all(bytes.as_ref()) {
            assert!(is_end(&fault), "the gateway does not read: {fault}");
        }
        self
    }

    /// Each byte in a write of its own.
    pub(crate) fn send_bytewise(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        for byte in bytes.as_ref() {
            self.send([*byte]);
        }
        self
    }

    /// The next response to anything but HEAD, interim ones too.
    #[track_caller]
    pub(crate) fn response(&mut self) -> Response {
        self.try_response().expect("the connection was closed without an answer")
    }

    #[track_caller]
    pub(crate) fn response_to_head(&mut self) -> Response {
        self.answer(true).expect("the connection was closed without an answer")
    }

    /// As [`Self::response`]; `None` when the connection ends first.
    #[track_caller]
    pub(crate) fn try_response(&mut self) -> Option<Response> {
        self.answer(false)
    }

    #[track_caller]
    fn answer(&mut self, to_head: bool) -> Option<Response> {
        let response = self.source.response(to_head)?;
        witness::answered(self.peer, &response);
        Some(response)
    }

    /// The next bytes, whatever they are; empty = the end.
    pub(crate) fn some(&mut self) -> Vec<u8> {
        self.source.some()
    }

    /// Puts bytes that were looked at back in front of what is to come.
    pub(crate) fn give_back(&mut self, bytes: Vec<u8>) {
        self.source.give_back(bytes);
    }

    /// Exactly so many bytes, fewer being a fault.
    #[track_caller]
    pub(crate) fn exactly(&mut self, count: usize) -> Vec<u8> {
        self.source.exactly(count).expect("the connection ended early")
    }

    /// The same; `None` when the connection ends first.
    pub(crate) fn try_exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        self.source.exactly(count)
    }

    /// The bytes of the next head, its empty line included.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Vec<u8> {
        self.source.head().expect("the connection ended early")
    }

    /// Everything until the connection ends.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        self.source.rest()
    }

    /// Waits for the end, before which nothing more may come.
    #[track_caller]
    pub(crate) fn closed(&mut self) -> Closed {
        let mut byte = [0];
        match self.source.reader.read(&mut byte) {
            Ok(0) => Closed::Fin,
            Err(fault) if is_end(&fault) => Closed::Reset,
            Ok(_) => panic!("a byte of something more: {byte:?}"),
            Err(fault) => panic!("the connection stays open: {fault}"),
        }
    }

    /// Whether nothing arrives for `quiet`: no byte and no end.
    pub(crate) fn is_quiet_for(&mut self, quiet: Duration) -> bool {
        let stream = &self.source.reader;
        stream.set_read_timeout(Some(quiet)).unwrap();
        let answer = stream.peek(&mut [0]);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        answer.is_err_and(|fault| !is_end(&fault))
    }

    /// Whether the connection takes one more request, which any answer proves.
    pub(crate) fn is_usable(&mut self) -> bool {
        self.send("GET / HTTP/1.1\r\nHost: still.usable\r\n\r\n");
        self.try_response().is_some_and(|response| response.end != End::Cut)
    }

    /// FIN: no more from us, all from the peer. That may have closed already, and lingered no longer: that shows when reading.
    pub(crate) fn finish(&mut self) {
        drop(self.source.reader.shutdown(Shutdown::Write));
    }

    /// RST.
    pub(crate) fn reset(self) {
        SockRef::from(&self.source.reader).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// A request as bytes. `Host: app.test` is added where `fields` has none, `Content-Length` where there is a body and no framing.
pub(crate) fn request(method: &str, target: &str, fields: &[(&str, &str)], body: &str) -> Vec<u8> {
    let has = |name: &str| fields.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    if !has("host") {
        text.push_str("Host: app.test\r\n");
    }
    for (name, value) in fields {
        text.extend([name, ": ", value, "\r\n"]);
    }
    if !body.is_empty() && !has("content-length") && !has("transfer-encoding") {
        text.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}
