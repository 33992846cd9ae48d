//! Which server takes changes, and how to connect to it.

use std::fmt;

use decision::config::snapshot::{Address, RedisServers, RedisSettings};
use redis::{AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, RedisConnectionInfo, Value};
use secrecy::ExposeSecret as _;

use super::link::{ANSWER, ANSWER_SLOW, Live, told};

/// See the module.
pub(super) struct Servers {
    settings: RedisSettings,
}

impl fmt::Display for Servers {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.settings.servers {
            RedisServers::One(address) => write!(f, "{address}"),
        }
    }
}

impl Servers {
    pub(super) fn new(settings: RedisSettings) -> Self {
        Self { settings }
    }

    /// Connects to the one that takes changes now. The error names the server and says why.
    pub(super) async fn connect(&self, generation: u64) -> Result<Live, String> {
        let address = match &self.settings.servers {
            RedisServers::One(address) => address.clone(),
        };
        self.connect_to(&address, generation).await.map_err(|reason| format!("{address}: {reason}"))
    }

    async fn connect_to(&self, address: &Address, generation: u64) -> Result<Live, String> {
        let client = self.client(address)?;
        let config = |answer| AsyncConnectionConfig::new().set_response_timeout(Some(answer));
        let lookups = config(ANSWER);
        let changes = config(ANSWER_SLOW);
        let (lookups, changes) = tokio::try_join!(
            client.get_multiplexed_async_connection_with_config(&lookups),
            client.get_multiplexed_async_connection_with_config(&changes),
        )
        .map_err(|error| told(&error))?;
        takes_changes(lookups.clone()).await?;
        Ok(Live { generation, address: address.to_string(), lookups, changes, client })
    }

    fn client(&self, address: &Address) -> Result<redis::Client, String> {
        let at = ConnectionAddr::Tcp(address.host.clone(), address.port);
        let mut redis = RedisConnectionInfo::default().set_db(self.settings.db.into());
        if let Some(user) = &self.settings.user {
            redis = redis.set_username(user);
        }
        if let Some(password) = &self.settings.password {
            redis = redis.set_password(password.expose_secret());
        }
        let info = redis::IntoConnectionInfo::into_connection_info(at)
            .map(|info: ConnectionInfo| info.set_redis_settings(redis));
        info.and_then(redis::Client::open).map_err(|error| told(&error))
    }
}

/// A replica answers, and would never be told of a change that is made elsewhere.
async fn takes_changes(mut connection: redis::aio::MultiplexedConnection) -> Result<(), String> {
    let role: Vec<Value> =
        redis::cmd("ROLE").query_async(&mut connection).await.map_err(|error| told(&error))?;
    match role.first() {
        Some(Value::BulkString(role)) if role == b"master" => Ok(()),
        _ => Err("is a replica, and takes no changes".to_owned()),
    }
}
