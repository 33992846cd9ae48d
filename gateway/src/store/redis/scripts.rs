//! The scripts, each one atomic step, and how one is called.

use std::sync::LazyLock;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind, ToRedisArgs, Value};

use super::names;

/// A script, and the name that a server gives it.
pub(super) struct Script {
    code: &'static str,
    hash: String,
}

impl Script {
    fn of(code: &'static str) -> Self {
        Self { code, hash: redis::Script::new(code).get_hash().to_owned() }
    }
}

/// A script with its arguments.
pub(super) struct Call {
    script: &'static Script,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    /// With the prefix as its first argument.
    pub(super) fn of(script: &'static Script) -> Self {
        Self { script, arguments: names::PREFIX.to_redis_args() }
    }

    pub(super) fn arg(&mut self, argument: impl ToRedisArgs) -> &mut Self {
        argument.write_redis_args(&mut self.arguments);
        self
    }

    /// By its name; a server that does not know it (any more) is sent the whole of it, in the same step in which it is run: a
    /// server may forget scripts at any time.
    pub(super) async fn ask(&self, connection: &mut MultiplexedConnection) -> RedisResult<Value> {
        let by_name = self.command("EVALSHA", &self.script.hash).query_async(connection).await;
        match by_name {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.command("EVAL", self.script.code).query_async(connection).await
            }
            answer => answer,
        }
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        // Any of our names leads to the slot where all are.
        command.arg(script).arg(1).arg(names::full(names::HEAD)).arg(&*self.arguments);
        command
    }
}

macro_rules! scripts {
    ($($name:ident: $file:literal)*) => {
        $(pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::of(include_str!(concat!("scripts/", $file, ".lua"))));)*
    };
}

scripts! {
    COMMIT: "commit"
    FIND: "find"
    READ: "read"
    PAGE: "page"
    USED: "used"
    HEIGHT: "height"
    FOLLOW: "follow"
    REPORT: "report"
    REGISTER: "register"
    RENEW: "renew"
}
