//! Black-box tests: the real binary, real sockets, exact bytes. Each name is a sentence that holds.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on says so and stops"
)]

mod support;

mod addresses;
mod admin;
mod admin_records;
mod admin_wire;
mod answers;
mod balance;
mod bounds;
mod cli;
mod config_api;
mod config_cli;
mod cors;
mod crowd;
mod deadline;
mod dialects;
mod edits;
mod families;
mod fleet;
mod forward_blame;
mod forward_cells;
mod forward_clocks;
mod forward_drain;
mod forward_ends;
mod forward_flow;
mod forward_framing;
mod forward_heads;
mod forward_interim;
mod forward_next;
mod forward_pool;
mod forward_time;
mod forward_tunnels;
mod forwarded;
mod framing;
mod health_path;
mod house;
mod identity;
mod lifecycle;
mod limits;
mod limits_exact;
mod limits_failures;
mod limits_places;
mod limits_told;
mod listeners;
mod matching;
mod metrics;
mod metrics_values;
mod paths;
mod peppers;
mod places;
mod products;
mod realms;
mod record;
mod record_kept;
mod record_mixed;
mod refusals;
mod reload;
mod reload_bad;
mod reload_live;
mod request_id;
mod routes;
mod rule;
mod rule_orgs;
mod rule_realms;
mod schemes;
mod secrecy;
mod shadow;
mod start;
mod store_lost;
mod under_way;
mod under_way_busy;
mod under_way_forgotten;
