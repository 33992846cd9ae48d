//! An upstream that does as it is told, and remembers what it was sent.

use std::io::{self, Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::json;
use socket2::SockRef;

use super::client::Closed;
use super::http1::{End, Fields, Source, all, is_end, parse, single};
use super::{PATIENCE, witness};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Counted from 0, in the order of accepting.
    pub(crate) connection: usize,
    /// The exact bytes of the head, its empty line included.
    pub(crate) head: Vec<u8>,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: String,
    pub(crate) fields: Fields,
    /// Empty until the script has read it.
    pub(crate) body: Vec<u8>,
    /// As the body was cut into chunks.
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) trailers: Fields,
    pub(crate) end: End,
}

impl Received {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        single(&self.fields, name)
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        all(&self.fields, name)
    }
}

#[derive(Default)]
struct Record {
    /// The bytes of each connection.
    bytes: Vec<Vec<u8>>,
    requests: Vec<Received>,
    ended: usize,
    /// A script has panicked: its complaint is on stderr, the next question to the upstream fails the test.
    failed: bool,
}

#[derive(Clone, Default)]
struct Recorder(Arc<(Mutex<Record>, Condvar)>);

impl Recorder {
    fn change<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        let answer = change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        answer
    }

    #[track_caller]
    fn read<T>(&self, read: impl FnOnce(&Record) -> T) -> T {
        let record = self.0.0.lock().unwrap();
        assert!(!record.failed, "a script has failed");
        read(&record)
    }

    #[track_caller]
    fn wait<T>(&self, what: &str, mut find: impl FnMut(&Record) -> Option<T>) -> T {
        let mut found = None;
        let record = self.0.0.lock().unwrap();
        drop(self.0.1.wait_timeout_while(record, PATIENCE, |record| {
            found = find(record);
            found.is_none() && !record.failed
        }));
        found.unwrap_or_else(|| panic!("the upstream never saw {what}"))
    }
}

/// A listening upstream; each accepted connection runs the script in a thread of its own. It ends with the test's process.
pub(crate) struct Upstream {
    address: SocketAddr,
    record: Recorder,
}

impl Upstream {
    /// What a script that returns leaves open is closed by FIN.
    pub(crate) fn scripted(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        Self::listening(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    /// On a socket that the test has prepared (small buffers, for example).
    pub(crate) fn listening(
        listener: TcpListener,
        script: impl Fn(&mut Connection) + Send + Sync + 'static,
    ) -> Self {
        let upstream =
            Self { address: listener.local_addr().unwrap(), record: Recorder::default() };
        let (record, script) = (upstream.record.clone(), Arc::new(script));
        let sent = record.clone();
        witness::upstream(upstream.address, move |see| {
            sent.change(|record| record.bytes.iter().for_each(|bytes| see(bytes)));
        });
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut connection = Connection::new(stream.unwrap(), &record);
                let script = Arc::clone(&script);
                thread::spawn(move || script(&mut connection));
            }
        });
        upstream
    }

    /// Answers every request with what it received, as JSON (see [`super::http1::Echo`]), and keeps the connection.
    pub(crate) fn echo() -> Self {
        Self::scripted(|connection| {
            while let Some(request) = connection.request() {
                let body = json!({
                    "method": request.method,
                    "target": request.target,
                    "fields": request.fields,
                    "body": String::from_utf8_lossy(&request.body),
                    "trailers": request.trailers,
                })
                .to_string();
                let body = if request.method == "HEAD" { String::new() } else { body };
                connection.write(format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                ));
            }
        })
    }

    /// Reads each request and answers it with 204 once the gate is open.
    pub(crate) fn answering_at(gate: &Gate) -> Self {
        let gate = gate.clone();
        Self::scripted(move |connection| {
            connection.request().unwrap();
            gate.wait();
            connection.write("HTTP/1.1 204 No Content\r\n\r\n");
        })
    }

    /// Answers every request, body read, with these bytes, and keeps the connection.
    pub(crate) fn answering(response: impl Into<Vec<u8>>) -> Self {
        let response = response.into();
        Self::scripted(move |connection| {
            while connection.request().is_some() {
                connection.write(&response);
            }
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request whose head has arrived (and been read by the script), in order.
    #[track_caller]
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.record.read(|record| record.requests.clone())
    }

    /// The same, once there are at least `count`.
    #[track_caller]
    pub(crate) fn wait_for_requests(&self, count: usize) -> Vec<Received> {
        self.record.wait(&format!("{count} requests"), |record| {
            (record.requests.len() >= count).then(|| record.requests.clone())
        })
    }

    /// Waits until the head of a request for `target` has arrived.
    #[track_caller]
    pub(crate) fn wait_for_target(&self, target: &str) {
        self.record.wait(target, |record| {
            record.requests.iter().any(|request| request.target == target).then_some(())
        });
    }

    /// How many connections were accepted.
    #[track_caller]
    pub(crate) fn connections(&self) -> usize {
        self.record.read(|record| record.bytes.len())
    }

    #[track_caller]
    pub(crate) fn wait_for_connections(&self, count: usize) {
        self.record.wait(&format!("{count} connections"), |record| {
            (record.bytes.len() >= count).then_some(())
        });
    }

    /// Waits until the scripts of `count` connections are through.
    #[track_caller]
    pub(crate) fn wait_for_ends(&self, count: usize) {
        self.record.wait(&format!("{count} ends"), |record| (record.ended >= count).then_some(()));
    }

    /// Everything that was read from a connection, raw.
    #[track_caller]
    pub(crate) fn bytes(&self, connection: usize) -> Vec<u8> {
        self.record.read(|record| record.bytes[connection].clone())
    }

    /// What [`Self::bytes`] says, once it satisfies `enough`.
    #[track_caller]
    pub(crate) fn wait_for_bytes(
        &self,
        connection: usize,
        enough: impl Fn(&[u8]) -> bool,
    ) -> Vec<u8> {
        self.record.wait("enough bytes", |record| {
            record.bytes.get(connection).filter(|bytes| enough(bytes)).cloned()
        })
    }
}

/// Reads from the socket and puts all of it on record.
struct Recording {
    stream: TcpStream,
    index: usize,
    record: Recorder,
}

impl Read for Recording {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(into)?;
        self.record.change(|record| record.bytes[self.index].extend_from_slice(&into[..count]));
        Ok(count)
    }
}

/// One accepted connection, in the hands of the script.
pub(crate) struct Connection {
    source: Source<Recording>,
}

impl Connection {
    fn new(stream: TcpStream, record: &Recorder) -> Self {
        stream.set_nodelay(true).unwrap();
        let index = record.change(|record| {
            record.bytes.push(Vec::new());
            record.bytes.len() - 1
        });
        Self { source: Source::new(Recording { stream, index, record: record.clone() }) }
    }

    /// Counted from 0, in the order of accepting.
    pub(crate) fn index(&self) -> usize {
        self.source.reader.index
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.source.reader.stream
    }

    /// The next head, and nothing of its body; `None` when the gateway has closed.
    pub(crate) fn head(&mut self) -> Option<Received> {
        let head = self.source.head()?;
        let (start, fields) = parse(&head);
        let mut parts = start.split(' ').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_else(|| panic!("no request line: {start:?}"));
        let (method, target, version) = (part(), part(), part());
        let received = Received {
            connection: self.index(),
            head,
            method,
            target,
            version,
            fields,
            body: Vec::new(),
            chunks: Vec::new(),
            trailers: Vec::new(),
            end: End::NoBody,
        };
        self.record().change(|record| record.requests.push(received.clone()));
        Some(received)
    }

    /// Reads the body of the head just read, as it is framed, into it.
    pub(crate) fn body(&mut self, received: &mut Received) {
        let length = received.field("content-length").map(|text| text.parse().unwrap());
        match (received.field("transfer-encoding"), length) {
            (Some(coding), length) => {
                assert_eq!((coding, length), ("chunked", None), "{received:?}");
                (received.chunks, received.trailers, received.end) = self.source.chunked();
                received.body = received.chunks.concat();
            }
            (None, Some(length)) => (received.body, received.end) = self.source.sized(length),
            (None, None) => {}
        }
        self.record().change(|record| {
            let mut own =
                record.requests.iter_mut().filter(|kept| kept.connection == received.connection);
            own.next_back().unwrap().clone_from(received);
        });
    }

    /// The next head and its body.
    pub(crate) fn request(&mut self) -> Option<Received> {
        let mut received = self.head()?;
        self.body(&mut received);
        Some(received)
    }

    /// Writes all of it. The gateway may have closed already: that shows when reading.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_write(bytes);
    }

    /// The same; whether the gateway still took it.
    pub(crate) fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let written = self.source.reader.stream.write_all(bytes.as_ref());
        if let Err(fault) = &written {
            assert!(is_end(fault), "the gateway does not read: {fault}");
        }
        written.is_ok()
    }

    /// The next bytes, whatever they are; empty = the end.
    pub(crate) fn some(&mut self) -> Vec<u8> {
        self.source.some()
    }

    pub(crate) fn exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        self.source.exactly(count)
    }

    pub(crate) fn rest(&mut self) -> Vec<u8> {
        self.source.rest()
    }

    /// Waits for the gateway to end the connection, reading and dropping what comes before.
    pub(crate) fn closed(&mut self) -> Closed {
        loop {
            match self.source.reader.read(&mut [0; 4096]) {
                Ok(0) => return Closed::Fin,
                Ok(_) => {}
                Err(fault) if is_end(&fault) => return Closed::Reset,
                Err(fault) => panic!("the connection stays open: {fault}"),
            }
        }
    }

    /// FIN; what the gateway sends can still be read.
    pub(crate) fn finish(&mut self) {
        drop(self.stream().shutdown(Shutdown::Write));
    }

    /// RST when the script returns.
    pub(crate) fn reset(&mut self) {
        SockRef::from(self.stream()).set_linger(Some(Duration::ZERO)).unwrap();
    }

    fn record(&self) -> &Recorder {
        &self.source.reader.record
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.record().change(|record| {
            record.ended += 1;
            record.failed |= thread::panicking();
        });
    }
}

/// Closed until opened: how a test tells a script to go on. Clones are one gate.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Waits for [`Self::open`]; a gate that stays closed lets the script go on after [`PATIENCE`].
    pub(crate) fn wait(&self) {
        drop(self.0.1.wait_timeout_while(self.0.0.lock().unwrap(), PATIENCE, |open| !*open));
    }
}
