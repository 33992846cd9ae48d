//! The stub upstream: a keep-alive responder on one thread that costs as little as it can.
//!
//! `/echo` answers with the head of the request as it arrived, `/large` with [`LARGE`] bytes, everything else with 599 bytes
//! of JSON. A request that it cannot read closes the connection, which every driver notices.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::rc::Rc;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::http::RequestHead;

/// Bytes of a large answer's body.
const LARGE: usize = 64 * 1024;
/// The most bytes of a request, head and body.
const REQUEST_MAX: usize = 128 * 1024;

const LISTENER: Token = Token(0);

/// Serves until the process ends; tells its address through `bound`.
pub(crate) fn serve(bound: impl FnOnce(SocketAddr) -> io::Result<()>) -> io::Result<()> {
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    bound(listener.local_addr()?)?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(256);
    let mut stub = Stub::new();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                stub.accept(&listener, &poll)?;
            } else {
                stub.ready(event.token());
            }
        }
    }
}

struct Stub {
    connections: HashMap<Token, Connection>,
    last: usize,
    answers: Answers,
    /// Where everything is read into first.
    scratch: Vec<u8>,
}

impl Stub {
    fn new() -> Self {
        let scratch = vec![0; 16 * 1024];
        Self { connections: HashMap::new(), last: LISTENER.0, answers: Answers::new(), scratch }
    }

    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            self.last += 1;
            let token = Token(self.last);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, token, interest)?;
            self.connections.insert(token, Connection::new(stream));
        }
    }

    fn ready(&mut self, token: Token) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        if connection.serve(&self.answers, &mut self.scratch).is_err() {
            // Closed, or unreadable: the other end sees it either way.
            self.connections.remove(&token);
        }
    }
}

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    output: Rc<[u8]>,
    written: usize,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self { stream, input: Vec::new(), output: Rc::new([]), written: 0 }
    }

    /// Goes on until the socket has no more to give or to take.
    fn serve(&mut self, answers: &Answers, scratch: &mut [u8]) -> io::Result<()> {
        let mut emptied = false;
        while self.flush()? {
            if let Some(answer) = self.answer(answers)? {
                self.output = answer;
                self.written = 0;
                continue;
            }
            if emptied {
                break;
            }
            let count = match self.stream.read(scratch) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            // A short read has emptied the socket: the next byte is a new event.
            emptied = count < scratch.len();
            self.input.extend_from_slice(scratch.get(..count).unwrap_or_default());
        }
        Ok(())
    }

    /// Whether everything is written.
    fn flush(&mut self) -> io::Result<bool> {
        while let Some(rest) = self.output.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The answer to the first request of the input, once that has arrived whole.
    fn answer(&mut self, answers: &Answers) -> io::Result<Option<Rc<[u8]>>> {
        let Some(request) = RequestHead::parse(&self.input)? else { return self.wait() };
        let length = request.length;
        if self.input.len() < length {
            return self.wait();
        }
        let answer = answers.to(&request);
        self.input.drain(..length);
        Ok(Some(answer))
    }

    fn wait(&self) -> io::Result<Option<Rc<[u8]>>> {
        if self.input.len() < REQUEST_MAX {
            Ok(None)
        } else {
            Err(io::Error::other("a request that is too large"))
        }
    }
}

struct Answers {
    small: Rc<[u8]>,
    large: Rc<[u8]>,
}

impl Answers {
    fn new() -> Self {
        let items: Vec<_> =
            (0..19).map(|n| format!(r#"{{"id":"b{n:02}","name":"Board {n:02}"}}"#)).collect();
        let small = format!(r#"{{"data":[{}]}}"#, items.join(","));
        Self {
            small: render("application/json", small.as_bytes()),
            large: render("application/octet-stream", &vec![b'x'; LARGE]),
        }
    }

    fn to(&self, request: &RequestHead<'_>) -> Rc<[u8]> {
        match request.path {
            "/echo" => render("text/plain", request.raw),
            "/large" => Rc::clone(&self.large),
            _ => Rc::clone(&self.small),
        }
    }
}

fn render(content_type: &str, body: &[u8]) -> Rc<[u8]> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nserver: stub\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
         content-type: {content_type}\r\ncache-control: no-store\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer.into()
}
