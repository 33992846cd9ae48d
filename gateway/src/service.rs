//! The listeners for operators (admin, health): plain HTTP/1.1 over a router, and what one peer of them can cost.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

/// Connections of one listener; those beyond are closed at once.
const CONNECTIONS: usize = 256;
/// For a head to come to its end, and between two requests of a connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a peer may take nothing of what it is sent.
const WRITE_STALL: Duration = Duration::from_secs(30);
/// Bytes of a head.
const HEAD_MAX: usize = 16 * 1024;
/// How long to wait when the system has no descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens at `address` and serves `router` as long as `runtime` lives: health is asked while draining, too. Gives the address
/// that was bound.
pub fn start(runtime: &Runtime, address: SocketAddr, router: Router) -> io::Result<SocketAddr> {
    let socket = TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    let bound = socket.local_addr()?;
    let _in_runtime = runtime.enter();
    let socket = tokio::net::TcpListener::from_std(socket)?;
    drop(runtime.spawn(serve(socket, router, Arc::new(Semaphore::new(CONNECTIONS)))));
    Ok(bound)
}

/// `room` has a permit for each connection there may be.
async fn serve(socket: tokio::net::TcpListener, router: Router, room: Arc<Semaphore>) {
    loop {
        let Ok((stream, _)) = socket.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
        let router = router.clone();
        drop(tokio::spawn(async move {
            connection(stream, router).await;
            drop(place);
        }));
    }
}

/// However it ends, there is nobody to be told.
async fn connection(stream: TcpStream, router: Router) {
    drop(SockRef::from(&stream).set_tcp_user_timeout(Some(WRITE_STALL)));
    drop(stream.set_nodelay(true));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_header_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    drop(served.await);
}

#[cfg(test)]
mod tests;
