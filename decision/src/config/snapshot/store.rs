//! Where records are kept, and how long what is known of them is used. Read once, at start.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{SecretSlice, SecretString};

/// How to reach the Redis that several replicas share.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    pub servers: RedisServers,
    /// `None` = not encrypted.
    pub tls: Option<RedisTls>,
    pub user: Option<String>,
    pub password: Option<SecretString>,
    /// The number of the database.
    pub db: u16,
    /// Replicas of Redis that must hold a change before it is acknowledged.
    pub acknowledge: u32,
}

impl RedisSettings {
    /// One server that asks for nothing.
    pub const fn plain(address: Address) -> Self {
        let servers = RedisServers::One(address);
        Self { servers, tls: None, user: None, password: None, db: 0, acknowledge: 0 }
    }
}

/// Where Redis is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisServers {
    One(Address),
    /// Those that know which server takes changes.
    Sentinel {
        nodes: Vec<Address>,
        service: String,
    },
    /// Some of a cluster, who know the others.
    Cluster(Vec<Address>),
}

/// Files of PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisTls {
    /// Who may have signed the server's certificate; `None` = whom the system trusts.
    pub ca: Option<PathBuf>,
    /// The certificate to show, and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A host, without brackets, and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    pub host: Cow<'static, str>,
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// `None` = the embedded store.
    pub redis: Option<RedisSettings>,
    /// The embedded store's file.
    pub path: PathBuf,
    /// `None` = create one beside the file; Redis always has one.
    pub pepper: Option<SecretString>,
    /// Those in force before, whose credentials are still accepted.
    pub previous_peppers: Vec<SecretString>,
    /// Of the sealed copies of revealable secrets: 32 bytes.
    pub sealing_key: Option<SecretSlice<u8>>,
    pub cache: CacheSettings,
    /// For all store calls of one request together.
    pub timeout: Duration,
    /// How long after the store was last heard of a fact may be used. Of a store that is shared.
    pub lease: Duration,
    /// How much longer where no route says otherwise; zero: not at all. Of a store that is shared.
    pub serve: Duration,
}

#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// Of credentials; of subjects and of resources as many again.
    pub capacity: u64,
    pub ttl: Duration,
    pub negative_capacity: u64,
    pub negative_ttl: Duration,
}
