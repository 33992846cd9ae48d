//! Which api and which route a request is for: by host, then path, then method (contract, section 2, "Choosing").

mod host;
mod pattern;
mod table;

pub use host::{Host, HostPattern, HostTable, host_is_valid};
pub(crate) use pattern::parameters;
pub use pattern::{Methods, Pattern};
pub use table::{Found, RouteTable};
