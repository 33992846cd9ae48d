//! The peer that shows what pingora's own `Server` and `ProxyHttp` cost: one worker thread, a plain map of keys, the three
//! identity fields, and nothing else of what the product does.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, io};

use async_trait::async_trait;
use http::HeaderValue;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::prelude::*;
use pingora::protocols::l4::socket::SocketAddr as PeerAddress;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::configuration::ServerConf;

/// Idle connections kept to the upstream.
const POOL: usize = 512;

/// Serves until it is told to end. `keys` has a line a key: secret, organisation and credential.
pub(crate) fn serve(address: SocketAddr, upstream: SocketAddr, keys: &Path) -> io::Result<()> {
    let gateway =
        Gateway { keys: read(&fs::read_to_string(keys)?)?, upstream, requests: AtomicU64::new(1) };
    let configuration = ServerConf {
        threads: 1,
        upstream_keepalive_pool_size: POOL,
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(0),
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, configuration);
    server.bootstrap();
    let mut proxy = http_proxy_service(&server.configuration, gateway);
    proxy.add_tcp(&address.to_string());
    server.add_service(proxy);
    server.run_forever()
}

#[derive(Clone)]
struct Identity {
    org: HeaderValue,
    credential: HeaderValue,
}

fn read(lines: &str) -> io::Result<HashMap<Vec<u8>, Identity>> {
    lines
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            let mut word =
                || words.next().ok_or_else(|| io::Error::other("a key without an owner"));
            let secret = word()?.as_bytes().to_owned();
            let org = word()?.parse().map_err(io::Error::other)?;
            let credential = word()?.parse().map_err(io::Error::other)?;
            Ok((secret, Identity { org, credential }))
        })
        .collect()
}

struct Gateway {
    keys: HashMap<Vec<u8>, Identity>,
    upstream: SocketAddr,
    requests: AtomicU64,
}

impl Gateway {
    fn request_id(&self) -> String {
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        format!(
            "{:032x}",
            u128::from(count).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
        )
    }
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Option<Identity>;

    fn new_ctx(&self) -> Self::CTX {
        None
    }

    /// No compression: the default would cost a boxed module a request.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn request_filter(
        &self,
        session: &mut Session,
        identity: &mut Self::CTX,
    ) -> Result<bool> {
        let secret = session.get_header("authorization").map(HeaderValue::as_bytes);
        let secret = secret.and_then(|value| value.strip_prefix(b"Bearer "));
        *identity = secret.and_then(|secret| self.keys.get(secret)).cloned();
        if identity.is_some() {
            return Ok(false);
        }
        let mut refusal = ResponseHeader::build(401, Some(1))?;
        refusal.insert_header("content-length", "0")?;
        session.write_response_header(Box::new(refusal), true).await?;
        Ok(true)
    }

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        _identity: &mut Self::CTX,
    ) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.upstream, false, String::new())))
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        identity: &mut Self::CTX,
    ) -> Result<()> {
        request.remove_header("authorization");
        if let Some(PeerAddress::Inet(client)) = session.client_addr() {
            request.insert_header("x-forwarded-for", client.ip().to_string())?;
        }
        if let Some(identity) = identity.take() {
            request.insert_header("x-org-id", identity.org)?;
            request.insert_header("x-credential-id", identity.credential)?;
        }
        request.insert_header("x-request-id", self.request_id())?;
        Ok(())
    }
}
