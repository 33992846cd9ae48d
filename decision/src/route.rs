//! Which api and which route a request is for: by host, then path, then method, then fields
//! (contract, section 2, "Choosing").

mod host;
mod matching;
mod pattern;
mod table;

pub use host::{Host, HostPattern, HostTable, host_is_valid};
pub use matching::Match;
pub(crate) use pattern::parameters;
pub use pattern::{Methods, Pattern};
pub use table::{Found, Junction, RouteTable};

/// Of tables whose keys are the configuration's alone: what a client asks for is only looked up, so it finds no chain longer
/// than the configuration made it, and a fast hash is safe.
pub(crate) type Hasher = foldhash::fast::RandomState;
