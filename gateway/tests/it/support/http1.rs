//! A strict little HTTP/1.1 reader: what a careful client makes of the bytes, and a complaint about all else.

use std::io::Read;

use serde_json::Value;

/// How the end of a body was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// There is none: HEAD, 1xx, 204, 304, or a request without framing.
    NoBody,
    Length,
    /// By the last chunk.
    Chunked,
    /// By the connection's end.
    Close,
    /// END_STREAM (HTTP/2).
    Stream,
    /// The connection ended, or was reset, before the body did.
    Cut,
}

pub(crate) type Fields = Vec<(String, String)>;

/// A complete response (or what of it arrived: see [`End::Cut`]).
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) version: String,
    pub(crate) status: u16,
    /// In order, with duplicates, in the case they came in. Bytes above ASCII are read as Latin-1.
    pub(crate) fields: Fields,
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
    pub(crate) trailers: Fields,
}

impl Response {
    /// The value of a field that must not come twice.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        single(&self.fields, name)
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        all(&self.fields, name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|fault| panic!("no JSON ({fault}): {self:?}"))
    }

    /// The `code` of a problem body.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.field("content-type"), Some("application/problem+json"), "{self:?}");
        self.json()["code"].as_str().expect("a code").to_owned()
    }

    pub(crate) fn request_id(&self) -> String {
        self.field("x-request-id").expect("an echoed request id").to_owned()
    }

    /// The request as the echo upstream saw it.
    #[track_caller]
    pub(crate) fn echo(&self) -> Echo {
        assert_eq!(self.status, 200, "{}", self.text());
        Echo(self.json())
    }
}

/// What [`super::Upstream::echo`] says of the request it received.
pub(crate) struct Echo(pub(crate) Value);

impl Echo {
    pub(crate) fn target(&self) -> &str {
        self.0["target"].as_str().unwrap()
    }

    pub(crate) fn method(&self) -> &str {
        self.0["method"].as_str().unwrap()
    }

    pub(crate) fn body(&self) -> &str {
        self.0["body"].as_str().unwrap()
    }

    fn fields(&self) -> Fields {
        serde_json::from_value(self.0["fields"].clone()).unwrap()
    }

    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        all(&self.fields(), name).into_iter().map(str::to_owned).collect()
    }

    pub(crate) fn field(&self, name: &str) -> Option<String> {
        single(&self.fields(), name).map(str::to_owned)
    }

    /// Names, lower-case.
    pub(crate) fn names(&self) -> Vec<String> {
        self.fields().into_iter().map(|(name, _)| name.to_ascii_lowercase()).collect()
    }
}

pub(crate) fn all<'a>(fields: &'a Fields, name: &str) -> Vec<&'a str> {
    fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
}

pub(crate) fn single<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let all = all(fields, name);
    assert!(all.len() <= 1, "{name} comes {} times: {fields:?}", all.len());
    all.first().copied()
}

/// Bytes that have arrived and are not yet used, and where more come from.
pub(crate) struct Source<R> {
    pub(crate) reader: R,
    held: Vec<u8>,
}

impl<R: Read> Source<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, held: Vec::new() }
    }

    /// One read more; 0 = the end, by FIN or by reset.
    ///
    /// # Panics
    /// When nothing comes within the socket's read timeout.
    fn more(&mut self) -> usize {
        let mut piece = [0; 16 * 1024];
        match self.reader.read(&mut piece) {
            Ok(n) => {
                self.held.extend_from_slice(&piece[..n]);
                n
            }
            Err(fault) if is_end(&fault) => 0,
            Err(fault) => panic!("nothing more arrives ({fault}) after {:?}", show(&self.held)),
        }
    }

    /// What has arrived and is not used yet, or one read more; empty = the end.
    pub(crate) fn some(&mut self) -> Vec<u8> {
        if self.held.is_empty() {
            self.more();
        }
        std::mem::take(&mut self.held)
    }

    pub(crate) fn give_back(&mut self, mut bytes: Vec<u8>) {
        bytes.append(&mut self.held);
        self.held = bytes;
    }

    pub(crate) fn exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.held.len() < count {
            if self.more() == 0 {
                return None;
            }
        }
        Some(self.held.drain(..count).collect())
    }

    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.more() > 0 {}
        std::mem::take(&mut self.held)
    }

    /// Bytes up to and with the first empty line; `None` when the end comes before the first byte.
    pub(crate) fn head(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = find(&self.held, b"\r\n\r\n") {
                return Some(self.held.drain(..end + 4).collect());
            }
            if self.more() == 0 {
                assert!(self.held.is_empty(), "the head is cut: {:?}", show(&self.held));
                return None;
            }
        }
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = find(&self.held, b"\r\n") {
                let line = self.held.drain(..end).collect();
                self.held.drain(..2);
                return Some(line);
            }
            if self.more() == 0 {
                return None;
            }
        }
    }

    /// A body of `length` bytes, or what there is of it.
    pub(crate) fn sized(&mut self, length: usize) -> (Vec<u8>, End) {
        match self.exactly(length) {
            Some(body) => (body, End::Length),
            None => (std::mem::take(&mut self.held), End::Cut),
        }
    }

    /// A chunked body; the pieces as they were cut, and the trailers.
    pub(crate) fn chunked(&mut self) -> (Vec<Vec<u8>>, Fields, End) {
        let mut chunks = Vec::new();
        loop {
            let Some(line) = self.line() else { return (chunks, Vec::new(), End::Cut) };
            let line = String::from_utf8(line).unwrap();
            let digits = line.split(';').next().unwrap().trim_end();
            let size = usize::from_str_radix(digits, 16)
                .unwrap_or_else(|_| panic!("no chunk size: {line:?}"));
            if size == 0 {
                let mut trailers = Vec::new();
                loop {
                    match self.line() {
                        None => return (chunks, trailers, End::Cut),
                        Some(line) if line.is_empty() => return (chunks, trailers, End::Chunked),
                        Some(line) => trailers.push(field(&latin1(&line))),
                    }
                }
            }
            let (chunk, end) = self.sized(size);
            chunks.push(chunk);
            if end == End::Cut {
                return (chunks, Vec::new(), End::Cut);
            }
            assert_eq!(self.exactly(2).as_deref(), Some(&b"\r\n"[..]), "a chunk ends with CRLF");
        }
    }

    /// The next response, interim ones too. `None` when the connection ends before its first byte.
    pub(crate) fn response(&mut self, to_head: bool) -> Option<Response> {
        let (start, fields) = parse(&self.head()?);
        let mut parts = start.splitn(3, ' ');
        let version = parts.next().unwrap().to_owned();
        let status: u16 = parts.next().unwrap().parse().expect("a status");
        let mut response =
            Response { version, status, fields, body: vec![], end: End::NoBody, trailers: vec![] };
        if to_head || status < 200 || status == 204 || status == 304 {
            return Some(response);
        }
        let length = response.field("content-length").map(|text| text.parse().unwrap());
        match (response.field("transfer-encoding"), length) {
            (Some(coding), length) => {
                assert_eq!((coding, length), ("chunked", None), "{response:?}");
                let (chunks, trailers, end) = self.chunked();
                (response.body, response.trailers, response.end) = (chunks.concat(), trailers, end);
            }
            (None, Some(length)) => (response.body, response.end) = self.sized(length),
            (None, None) => (response.body, response.end) = (self.rest(), End::Close),
        }
        Some(response)
    }
}

/// The start line and the fields of a head.
pub(crate) fn parse(head: &[u8]) -> (String, Fields) {
    let text = latin1(head);
    let mut lines = text.strip_suffix("\r\n\r\n").unwrap().split("\r\n");
    let start = lines.next().unwrap().to_owned();
    (start, lines.map(field).collect())
}

fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line:?}"));
    assert!(!name.is_empty() && !name.contains([' ', '\t']), "no field name: {line:?}");
    (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

pub(crate) fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    within.windows(what.len()).position(|window| window == what)
}

pub(crate) fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn is_end(fault: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(fault.kind(), ConnectionReset | ConnectionAborted | BrokenPipe)
}
