//! The scripts, each one atomic step.

use std::sync::LazyLock;

use redis::Script;

macro_rules! scripts {
    ($($name:ident: $file:literal)*) => {
        $(pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!(concat!("scripts/", $file, ".lua"))));)*
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
}
