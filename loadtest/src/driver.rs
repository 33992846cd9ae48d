//! The load driver: one thread, one readiness queue, keep-alive connections with one request under way on each.
//!
//! It counts whole answers and tolerates nothing else: an answer with another status, a closed connection or a request that
//! stays unanswered ends the run with an error, so that no figure is ever one of failures.

use std::io::{self, Read as _, Write as _};
use std::iter::Cycle;
use std::net::SocketAddr;
use std::slice;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::http::AnswerHead;

/// How long the last answers may take after the time is up.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes read at once.
const READ: usize = 64 * 1024;

/// What a run has brought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) answers: u64,
    pub(crate) elapsed: Duration,
}

/// Open connections to one gateway, and the requests to send it in turn.
#[derive(Debug)]
pub(crate) struct Driver<'a> {
    poll: Poll,
    connections: Vec<Connection<'a>>,
    requests: Cycle<slice::Iter<'a, Vec<u8>>>,
    expected: u16,
}

impl<'a> Driver<'a> {
    /// `expected` is the status that every answer must have.
    pub(crate) fn connect(
        address: SocketAddr,
        connections: usize,
        requests: &'a [Vec<u8>],
        expected: u16,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let connections = (0..connections)
            .map(|index| {
                let mut connection = Connection::open(address)?;
                let interest = Interest::READABLE | Interest::WRITABLE;
                poll.registry().register(&mut connection.stream, Token(index), interest)?;
                Ok(connection)
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { poll, connections, requests: requests.iter().cycle(), expected })
    }

    /// Keeps every connection busy for `duration`, then waits for the answers under way.
    pub(crate) fn run(&mut self, duration: Duration) -> io::Result<Tally> {
        let begin = Instant::now();
        let give_up = begin + duration + GRACE;
        let mut events = Events::with_capacity(self.connections.len());
        let mut answers = 0;
        let mut busy = self.connections.len();
        for connection in &mut self.connections {
            connection.start(next(&mut self.requests)?)?;
        }
        let mut now = begin;
        while busy > 0 {
            if now >= give_up {
                return Err(io::Error::other(format!("{busy} requests stay unanswered")));
            }
            self.poll.poll(&mut events, Some(give_up - now))?;
            now = Instant::now();
            for event in &events {
                let Some(connection) = self.connections.get_mut(event.token().0) else { continue };
                connection.send()?;
                match connection.receive()? {
                    None => continue,
                    Some(status) if status == self.expected => answers += 1,
                    Some(status) => {
                        let expected = self.expected;
                        return Err(io::Error::other(format!(
                            "an answer of {status} instead of {expected}"
                        )));
                    }
                }
                if now - begin < duration {
                    connection.start(next(&mut self.requests)?)?;
                } else {
                    busy -= 1;
                }
            }
        }
        Ok(Tally { answers, elapsed: begin.elapsed() })
    }
}

fn next<'a>(requests: &mut Cycle<slice::Iter<'a, Vec<u8>>>) -> io::Result<&'a [u8]> {
    requests.next().map(Vec::as_slice).ok_or_else(|| io::Error::other("no requests to send"))
}

/// One connection and the exchange on it.
#[derive(Debug)]
struct Connection<'a> {
    stream: TcpStream,
    /// What is left of the request to write.
    unsent: &'a [u8],
    /// The answer's head as far as it has come; afterwards only a place to read its body into.
    input: Box<[u8]>,
    filled: usize,
    /// Status and missing bytes of an answer whose head has arrived.
    under_way: Option<(u16, usize)>,
}

impl<'a> Connection<'a> {
    fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            unsent: &[],
            input: vec![0; READ].into_boxed_slice(),
            filled: 0,
            under_way: None,
        })
    }

    fn start(&mut self, request: &'a [u8]) -> io::Result<()> {
        self.unsent = request;
        self.send()
    }

    /// Writes what the socket takes; the rest waits for the socket's next event.
    fn send(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(self.unsent) {
                Ok(count) => self.unsent = self.unsent.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The answer's status, once it has arrived whole.
    fn receive(&mut self) -> io::Result<Option<u16>> {
        loop {
            let room = self.input.get_mut(self.filled..).unwrap_or_default();
            let space = room.len();
            let count = match self.stream.read(room) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            };
            match self.take(count)? {
                Some((status, 0)) => {
                    self.under_way = None;
                    return Ok(Some(status));
                }
                under_way => self.under_way = under_way,
            }
            if count < space {
                // A short read has emptied the socket: the next byte is a new event.
                return Ok(None);
            }
        }
    }

    /// Accounts for `count` more bytes of the answer; gives its status and how many are missing.
    fn take(&mut self, count: usize) -> io::Result<Option<(u16, usize)>> {
        let surplus = || io::Error::other("more bytes than the answer has");
        if let Some((status, missing)) = self.under_way {
            return Ok(Some((status, missing.checked_sub(count).ok_or_else(surplus)?)));
        }
        self.filled += count;
        let Some(answer) = AnswerHead::parse(self.input.get(..self.filled).unwrap_or_default())?
        else {
            if self.filled == self.input.len() {
                return Err(io::Error::other("an answer whose head has no end"));
            }
            return Ok(None);
        };
        let missing = answer.length.checked_sub(self.filled).ok_or_else(surplus)?;
        self.filled = 0;
        Ok(Some((answer.status, missing)))
    }
}

#[cfg(test)]
mod tests;
