//! Which server takes changes, and how to connect to it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use decision::config::snapshot::{Address, RedisServers, RedisSettings};
use decision::secret::{Pepper, Peppers};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo as _,
    RedisConnectionInfo, TlsCertificates, Value,
};
use secrecy::ExposeSecret as _;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::link::{ANSWER, ANSWER_SLOW, Live, Trouble};
use super::names;
use super::notes::Expected;

/// How long each of several servers has to say who takes changes.
const ASKED: Duration = Duration::from_millis(300);

/// See the module.
pub(super) struct Servers {
    settings: RedisSettings,
    /// What tells the pepper in force from others, and those before it.
    pepper: String,
    previous: Vec<String>,
    /// This process has been connected before.
    begun: AtomicBool,
}

/// How a server is addressed.
#[derive(Clone, Copy, PartialEq)]
enum Login {
    /// With the user, the password and the database.
    Given,
    /// A sentinel has no databases.
    Sentinel,
    /// With nothing of it.
    None,
}

impl fmt::Display for Servers {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed =
            |nodes: &[Address]| nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        match &self.settings.servers {
            RedisServers::One(address) => write!(f, "{address}"),
            RedisServers::Sentinel { nodes, service } => {
                write!(f, "{service} of sentinel {}", listed(nodes))
            }
            RedisServers::Cluster(nodes) => write!(f, "cluster {}", listed(nodes)),
        }
    }
}

impl Servers {
    pub(super) fn new(settings: RedisSettings, peppers: &Peppers) -> Self {
        let shown = |pepper: &Pepper| names::hex(&pepper.check_value());
        Self {
            settings,
            pepper: shown(&peppers.current),
            previous: peppers.previous.iter().map(shown).collect(),
            begun: AtomicBool::new(false),
        }
    }

    /// Connects to the one that takes changes now. The error names the server and says why.
    pub(super) async fn connect(&self, generation: u64) -> Result<Live, Trouble> {
        let address = self.find().await?;
        let at = |trouble: Trouble| trouble.at(&address);
        self.connect_to(&address, generation).await.map_err(at)
    }

    async fn connect_to(&self, address: &Address, generation: u64) -> Result<Live, Trouble> {
        let client = self.client(address, Login::Given)?;
        let config = |answer| AsyncConnectionConfig::new().set_response_timeout(Some(answer));
        let (fast, slow) = (config(ANSWER), config(ANSWER_SLOW));
        let waits = async {
            Ok(match self.settings.acknowledge {
                0 => None,
                _ => Some(client.get_multiplexed_async_connection_with_config(&slow).await?),
            })
        };
        let (lookups, changes, waits) = tokio::try_join!(
            client.get_multiplexed_async_connection_with_config(&fast),
            client.get_multiplexed_async_connection_with_config(&slow),
            waits,
        )
        .map_err(Trouble::from)?;
        takes_changes(lookups.clone()).await?;
        self.has_our_pepper(lookups.clone()).await?;
        let address = address.clone();
        Ok(Live { generation, address, lookups, changes, waits, client })
    }

    /// What a server is held against.
    pub(super) fn expected(&self) -> Expected<'_> {
        let peppers = std::iter::once(&self.pepper).chain(&self.previous).map(String::as_str);
        Expected { acknowledge: self.settings.acknowledge, peppers: peppers.collect() }
    }

    /// Redis remembers which pepper was in force: it must be among those given. From the start of this process on it is the
    /// current one, until another process starts with another: who only connects anew takes nothing back.
    async fn has_our_pepper(&self, mut connection: MultiplexedConnection) -> Result<(), Trouble> {
        let name = names::full(names::PEPPER);
        let set = |how: &[&str]| {
            let mut command = redis::cmd("SET");
            command.arg(&name).arg(&self.pepper).arg(how);
            command
        };
        for _ in 0..2 {
            let found: Option<String> =
                redis::cmd("GET").arg(&name).query_async(&mut connection).await?;
            match found {
                // Whoever else does so at the same moment was first.
                None => set(&["NX"]).query_async::<Value>(&mut connection).await.map(drop)?,
                Some(found) if found == self.pepper => {
                    self.begun.store(true, Ordering::Relaxed);
                    return Ok(());
                }
                Some(found) if self.previous.contains(&found) => {
                    if !self.begun.load(Ordering::Relaxed) {
                        set(&[]).query_async::<Value>(&mut connection).await?;
                        self.begun.store(true, Ordering::Relaxed);
                    }
                    return Ok(());
                }
                Some(_) => return Err(Trouble::other_pepper()),
            }
        }
        Err(Trouble::passing("does not keep what is written to it"))
    }

    async fn find(&self) -> Result<Address, Trouble> {
        match &self.settings.servers {
            RedisServers::One(address) => Ok(address.clone()),
            RedisServers::Sentinel { nodes, service } => self.of_sentinel(nodes, service).await,
            RedisServers::Cluster(nodes) => self.of_cluster(nodes).await,
        }
    }

    /// Ends when Sentinel names another server than this one; never, where none is asked.
    pub(super) async fn replaced(&self, address: &Address) -> String {
        let RedisServers::Sentinel { nodes, service } = &self.settings.servers else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            // Who is answered by none knows nothing better.
            if let Ok(other) = self.of_sentinel(nodes, service).await
                && other != *address
            {
                return format!("sentinel names {other} instead");
            }
        }
    }

    /// What the sentinel knows that has seen the latest failover.
    async fn of_sentinel(&self, nodes: &[Address], service: &str) -> Result<Address, Trouble> {
        let mut asked = JoinSet::new();
        for node in nodes {
            let logins = [Login::Sentinel, Login::None].map(|login| self.client(node, login));
            let (service, node) = (service.to_owned(), node.clone());
            asked.spawn(async move {
                let answer = timeout(ASKED, known_to_sentinel(logins, &service)).await;
                let answer = answer.unwrap_or_else(|_| Err(Trouble::passing("no answer in time")));
                answer.map_err(|trouble| trouble.at(&node))
            });
        }
        let mut trouble = None;
        let mut latest: Option<(u64, Address)> = None;
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok(Ok(known)) if latest.as_ref().is_none_or(|latest| known.0 > latest.0) => {
                    latest = Some(known);
                }
                Ok(Err(error)) => trouble = Some(error),
                Ok(Ok(_)) | Err(_) => {}
            }
        }
        let nobody = || trouble.unwrap_or_else(|| Trouble::passing("no sentinel was asked"));
        latest.map(|(_, address)| address).ok_or_else(nobody)
    }

    /// The owner of the slot where all our names are.
    async fn of_cluster(&self, nodes: &[Address]) -> Result<Address, Trouble> {
        let mut trouble = Trouble::passing("no server was asked");
        let mut asked = JoinSet::new();
        for node in nodes {
            let (client, node) = (self.client(node, Login::Given), node.clone());
            asked.spawn(async move {
                match timeout(ASKED, known_to_cluster(client, &node)).await {
                    Ok(answer) => answer.map_err(|trouble| trouble.at(&node)),
                    Err(_) => Err(Trouble::passing("no answer in time").at(&node)),
                }
            });
        }
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok(Ok(address)) => return Ok(address),
                Ok(Err(error)) => trouble = error,
                Err(_) => {}
            }
        }
        Err(trouble)
    }

    fn client(&self, address: &Address, login: Login) -> Result<Client, Trouble> {
        let (host, port) = (address.host.to_string(), address.port);
        let mut redis = RedisConnectionInfo::default();
        if login == Login::Given {
            redis = redis.set_db(self.settings.db.into());
        }
        if login != Login::None {
            if let Some(user) = &self.settings.user {
                redis = redis.set_username(user);
            }
            if let Some(password) = &self.settings.password {
                redis = redis.set_password(password.expose_secret());
            }
        }
        let at = match &self.settings.tls {
            None => ConnectionAddr::Tcp(host, port),
            Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        };
        let info = at.into_connection_info()?.set_redis_settings(redis);
        match self.certificates()? {
            None => Ok(Client::open(info)?),
            Some(certificates) => Ok(Client::build_with_tls(info, certificates)?),
        }
    }

    /// Read at each connection: they may be replaced while the process runs.
    fn certificates(&self) -> Result<Option<TlsCertificates>, Trouble> {
        let Some(tls) = &self.settings.tls else { return Ok(None) };
        let read = |path: &std::path::PathBuf| {
            std::fs::read(path)
                .map_err(|error| Trouble::passing(format!("{}: {error}", path.display())))
        };
        let client_tls = match &tls.identity {
            None => None,
            Some((certificate, key)) => {
                Some(ClientTlsConfig { client_cert: read(certificate)?, client_key: read(key)? })
            }
        };
        let root_cert = tls.ca.as_ref().map(read).transpose()?;
        Ok(Some(TlsCertificates { client_tls, root_cert }))
    }
}

/// A replica answers, and would never be told of a change that is made elsewhere.
async fn takes_changes(mut connection: MultiplexedConnection) -> Result<(), Trouble> {
    let role: Vec<Value> = redis::cmd("ROLE").query_async(&mut connection).await?;
    match role.first() {
        Some(Value::BulkString(role)) if role == b"master" => Ok(()),
        _ => Err(Trouble::passing("is a replica, and takes no changes")),
    }
}

/// The number of the last failover that it knows of, and who takes changes since. A sentinel may want the login or none.
async fn known_to_sentinel(
    logins: [Result<Client, Trouble>; 2],
    service: &str,
) -> Result<(u64, Address), Trouble> {
    let mut trouble = Trouble::passing("cannot be asked");
    for login in logins {
        let asked = async {
            let mut connection = login?.get_multiplexed_async_connection().await?;
            let mut command = redis::cmd("SENTINEL");
            command.arg("MASTER").arg(service);
            Ok::<Vec<String>, Trouble>(command.query_async(&mut connection).await?)
        };
        match asked.await {
            Ok(fields) => return of_fields(&fields),
            Err(error) => trouble = error,
        }
    }
    Err(trouble)
}

/// From names and values, one after the other.
fn of_fields(fields: &[String]) -> Result<(u64, Address), Trouble> {
    let field = |wanted: &str| {
        let pairs = fields.as_chunks::<2>().0;
        pairs.iter().find(|[name, _]| name == wanted).map(|[_, value]| value.clone())
    };
    let known = || {
        let (host, port) = (field("ip")?.into(), field("port")?.parse().ok()?);
        Some((field("config-epoch")?.parse().ok()?, Address { host, port }))
    };
    known().ok_or_else(|| Trouble::passing("does not say who takes changes"))
}

async fn known_to_cluster(
    client: Result<Client, Trouble>,
    asked: &Address,
) -> Result<Address, Trouble> {
    let mut connection = client?.get_multiplexed_async_connection().await?;
    let (slot, slots): (u64, Vec<Value>) = redis::pipe()
        .cmd("CLUSTER")
        .arg("KEYSLOT")
        .arg(names::full(names::HEAD))
        .cmd("CLUSTER")
        .arg("SLOTS")
        .query_async(&mut connection)
        .await?;
    slots
        .into_iter()
        .find_map(|range| owner(range, slot, asked))
        .ok_or_else(|| Trouble::passing("does not know who has the slot of the store"))
}

/// Of one range of slots: first, last, its owner, and then replicas. A host that is not said is the one that was asked.
fn owner(range: Value, slot: u64, asked: &Address) -> Option<Address> {
    let Value::Array(range) = range else { return None };
    let mut range = range.into_iter();
    let (Value::Int(first), Value::Int(last)) = (range.next()?, range.next()?) else { return None };
    let slot = i64::try_from(slot).ok()?;
    if !(first..=last).contains(&slot) {
        return None;
    }
    let Value::Array(node) = range.next()? else { return None };
    let mut node = node.into_iter();
    let host = match node.next()? {
        Value::BulkString(host) if !host.is_empty() => String::from_utf8(host).ok()?.into(),
        _ => asked.host.clone(),
    };
    let Value::Int(port) = node.next()? else { return None };
    Some(Address { host, port: u16::try_from(port).ok()? })
}
