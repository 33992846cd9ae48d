//! An HTTP/2 client by prior knowledge.

use std::future::Future;
use std::net::SocketAddr;
use std::thread;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::client::Client;
use super::http1::{End, Fields, Response};
use super::{Gateway, PATIENCE, witness};

/// One h2c connection; a thread of its own drives it.
pub(crate) struct H2 {
    address: SocketAddr,
    sender: SendRequest<Bytes>,
    runtime: Runtime,
}

impl H2 {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::connect_with(address, &h2::client::Builder::new())
    }

    /// With settings (windows, for example) of the test's own.
    pub(crate) fn connect_with(address: SocketAddr, builder: &h2::client::Builder) -> Self {
        let driver = runtime();
        let (sender, connection) = driver.block_on(async {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            builder.handshake(stream).await.unwrap()
        });
        thread::spawn(move || driver.block_on(connection));
        Self { address, sender, runtime: runtime() }
    }

    /// Runs a future of the connection's to its end, within [`PATIENCE`].
    pub(crate) fn wait<F: Future>(&self, future: F) -> F::Output {
        let bounded = async { timeout(PATIENCE, future).await };
        self.runtime.block_on(bounded).expect("nothing happens on the HTTP/2 connection")
    }

    /// Sends a head; the caller goes on with the body where `end` is false.
    pub(crate) fn start(
        &mut self,
        request: Request<()>,
        end: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let ready = self.wait(self.sender.clone().ready())?;
        self.sender = ready;
        self.sender.send_request(request, end)
    }

    /// A request with a whole body (empty = END_STREAM on the head) and perhaps trailers.
    pub(crate) fn request(
        &mut self,
        request: Request<()>,
        body: &str,
        trailers: Option<HeaderMap>,
    ) -> Result<Response, h2::Error> {
        let (response, mut writer) = self.start(request, body.is_empty() && trailers.is_none())?;
        if !body.is_empty() {
            writer.send_data(Bytes::copy_from_slice(body.as_bytes()), trailers.is_none())?;
        }
        if let Some(trailers) = trailers {
            writer.send_trailers(trailers)?;
        }
        self.finish(response)
    }

    /// Waits for the whole response.
    #[track_caller]
    pub(crate) fn finish(&self, response: ResponseFuture) -> Result<Response, h2::Error> {
        let response = self.wait(read(response))?;
        witness::answered(self.address, &response);
        Ok(response)
    }

    pub(crate) fn get(&mut self, target: &str, fields: &[(&str, &str)]) -> Response {
        self.request(h2_request("GET", target, fields), "", None).unwrap()
    }
}

async fn read(response: ResponseFuture) -> Result<Response, h2::Error> {
    let (head, mut stream) = response.await?.into_parts();
    let mut answer = Response {
        version: "HTTP/2".to_owned(),
        status: head.status.as_u16(),
        fields: pairs(&head.headers),
        body: Vec::new(),
        end: End::Cut,
        trailers: Vec::new(),
    };
    while let Some(piece) = stream.data().await {
        let Ok(piece) = piece else { return Ok(answer) };
        answer.body.extend_from_slice(&piece);
        release(&mut stream, piece.len());
    }
    if let Ok(trailers) = stream.trailers().await {
        answer.trailers = trailers.as_ref().map(pairs).unwrap_or_default();
        answer.end = End::Stream;
    }
    Ok(answer)
}

fn release(stream: &mut RecvStream, count: usize) {
    // The stream may have ended meanwhile.
    drop(stream.flow_control().release_capacity(count));
}

fn pairs(headers: &HeaderMap) -> Fields {
    let text = |value: &[u8]| value.iter().map(|&byte| char::from(byte)).collect();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}

/// A head for `http://app.test<target>`; a field named `host` becomes the authority.
pub(crate) fn h2_request(method: &str, target: &str, fields: &[(&str, &str)]) -> Request<()> {
    let authority =
        fields.iter().find(|(name, _)| *name == "host").map_or("app.test", |(_, value)| value);
    let mut request = Request::builder().method(method).uri(format!("http://{authority}{target}"));
    for (name, value) in fields.iter().filter(|(name, _)| *name != "host") {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A connection on which a test writes frames by itself: SETTINGS have been exchanged.
pub(crate) fn raw(gateway: &Gateway) -> Client {
    let mut client = gateway.connect();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").send(frame(4, 0, 0, &[]));
    let mut settings = 0;
    while settings < 2 {
        let (kind, ..) = next_frame(&mut client).unwrap();
        settings += usize::from(kind == 4);
    }
    client
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// The fields of `GET http://app.test/`, as HPACK.
pub(crate) fn headers() -> Vec<u8> {
    [&[0x82, 0x86, 0x84, 0x01, 8][..], b"app.test"].concat()
}

/// Kind, flags, stream and payload of the next frame; `None` at the connection's end.
pub(crate) fn next_frame(client: &mut Client) -> Option<(u8, u8, u32, Vec<u8>)> {
    let head = client.try_exactly(9)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    let payload = client.try_exactly(length.try_into().unwrap())?;
    Some((head[3], head[4], stream, payload))
}
