use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// A listener with `room`, and where it is.
async fn listening(room: &Arc<Semaphore>) -> SocketAddr {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let router = Router::new().route("/", get(async || "here"));
    tokio::spawn(serve(socket, router, Arc::clone(room)));
    address
}

/// What comes until the end of the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    drop(stream.read_to_end(&mut bytes).await);
    String::from_utf8(bytes).unwrap()
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// Sends a request on a connection that is kept, and waits for the whole answer.
async fn asked(stream: &mut TcpStream) {
    stream.write_all(REQUEST).await.unwrap();
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\nhere") {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "it was closed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_to_its_end_is_not_waited_for() {
    let address = listening(&Arc::new(Semaphore::new(4))).await;
    for begun in [&b""[..], b"GET / HTTP/1.1\r\nhost: a\r\n"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        assert_eq!(rest(&mut stream).await, "");
    }
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let address = listening(&Arc::new(Semaphore::new(4))).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    asked(&mut stream).await;
    // From here on time passes as soon as nobody has anything to do. Before, that may be while the kernel still carries bytes.
    tokio::time::pause();
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let address = listening(&Arc::new(Semaphore::new(4))).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(2 * HEAD_MAX));
    // It may be closed before all is written.
    drop(stream.write_all(head.as_bytes()).await);
    let answer = rest(&mut stream).await;
    assert!(!answer.contains("here"), "{answer}");
}

#[tokio::test]
async fn connections_beyond_the_bound_are_closed_until_one_goes() {
    let room = Arc::new(Semaphore::new(1));
    let address = listening(&room).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    asked(&mut first).await;
    let mut second = TcpStream::connect(address).await.unwrap();
    assert_eq!(rest(&mut second).await, "");
    drop(first);
    drop(room.acquire().await.unwrap());
    let mut third = TcpStream::connect(address).await.unwrap();
    asked(&mut third).await;
}
