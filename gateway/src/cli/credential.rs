//! `portcullis credential …`: credentials from a shell.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use ureq::http::Method;

use super::client::{Call, place};
use super::reach::{AtVersion, Body, Reach, object, secret};
use super::table::{self, Columns, visible};
use super::{Console, Failure};
use crate::admin::view::{Created, CredentialView, Revealed, Revoked};

const PATH: &str = "/v1/credentials";
const FIELDS: &[&str] = &[
    "id",
    "api",
    "scheme",
    "name",
    "hint",
    "external_id",
    "subject",
    "org",
    "state",
    "created_at",
    "expires_at",
    "revoked_at",
    "revoke_reason",
    "disabled",
    "ceiling",
    "grants",
    "scopes",
    "audience",
    "client_id",
    "addresses",
    "limits",
    "metadata",
    "last_used_at",
    "version",
];
const COLUMNS: Columns = &[
    ("ID", "id"),
    ("API", "api"),
    ("SCHEME", "scheme"),
    ("HINT", "hint"),
    ("NAME", "name"),
    ("SUBJECT", "subject"),
    ("ORG", "org"),
    ("STATE", "state"),
    ("EXPIRES", "expires_at"),
];

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    reach: Reach,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a credential and print its secret, this once
    Create(Box<Create>),
    /// List credentials, newest first
    List(List),
    /// Show one credential
    Show { id: String },
    /// Change what is given of a credential
    Update(Box<Update>),
    /// Make a successor with the same rights and print its secret; the old one ends with the overlap
    Rotate {
        id: String,
        /// How long both are good, as 24h
        #[arg(long)]
        overlap: String,
        /// How long the successor is good [default: as long as the old one]
        #[arg(long)]
        lifetime: Option<String>,
        #[command(flatten)]
        at: AtVersion,
    },
    /// Print the secret again, where the scheme keeps a sealed copy
    Reveal {
        id: String,
        /// On whose behalf: it must be the owner
        #[arg(long)]
        subject: Option<String>,
    },
    /// End a credential for good; it stays on record as revoked
    Revoke {
        id: String,
        /// Why, for the record
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        at: AtVersion,
    },
    /// Forget a credential
    Delete {
        id: String,
        #[command(flatten)]
        at: AtVersion,
    },
}

/// What a credential may do.
#[derive(Args)]
struct Rights {
    /// The most it may do: read, edit or admin [default: no bound]
    #[arg(long, value_name = "LEVEL")]
    ceiling: Option<String>,
    /// A resource and the level of it; with one or more only those are granted [default: every resource of the subject]
    #[arg(long = "grant", value_name = "RESOURCE=LEVEL")]
    grants: Vec<String>,
    /// Grant no resource at all
    #[arg(long, conflicts_with = "grants")]
    no_grants: bool,
    /// A scope; with one or more only those are held [default: no bound]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// An address or block of clients; with one or more only those may use it [default: any]
    #[arg(long = "address", value_name = "CIDR")]
    addresses: Vec<String>,
    /// Another max for a limit
    #[arg(long = "limit", value_name = "NAME=MAX")]
    limits: Vec<String>,
    /// A JSON object of your own
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
}

impl Rights {
    fn give(self, body: &mut Body) -> Result<(), Failure> {
        body.give("ceiling", self.ceiling);
        body.pairs("grants", &self.grants, self.no_grants, |level| Some(level.into()))?;
        body.items("scopes", self.scopes);
        body.items("addresses", self.addresses);
        body.pairs("limits", &self.limits, false, |max| max.parse::<u64>().ok().map(Into::into))?;
        body.json("metadata", self.metadata.as_deref())
    }
}

#[derive(Args)]
struct Create {
    #[arg(long)]
    api: String,
    #[arg(long)]
    scheme: String,
    /// Whose it is
    #[arg(long)]
    subject: String,
    /// The organisation it acts for [default: any of the subject's]
    #[arg(long)]
    org: Option<String>,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// How long it is good: 12h, 30d, or never
    #[arg(long)]
    lifetime: Option<String>,
    /// The last or first day of it, as 2030-12-31, where its scheme ends with a day
    #[arg(long, value_name = "DAY", conflicts_with = "lifetime")]
    expires_on: Option<String>,
    /// The instant at which it ends, as 2030-01-01T00:00:00Z
    #[arg(long, value_name = "INSTANT", conflicts_with_all = ["lifetime", "expires_on"])]
    expires_at: Option<String>,
    #[command(flatten)]
    rights: Rights,
    /// Where it is good: a URI
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
    /// The client it was made for
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Its id in another system
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Bring a secret that another system made: the file that holds it, `-` for stdin
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Bring no more than a secret's SHA-256: the file that holds it in hexadecimal, `-` for stdin
    #[arg(long, value_name = "FILE", conflicts_with = "secret_file")]
    secret_sha256_file: Option<PathBuf>,
    /// When the one that is brought was made; its lifetime counts from then
    #[arg(long, value_name = "INSTANT")]
    created_at: Option<String>,
}

#[derive(Args)]
struct Update {
    id: String,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// Refuse it until it is enabled again
    #[arg(long)]
    disable: bool,
    /// Accept it again
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// The instant at which it ends: an earlier one than before
    #[arg(long, value_name = "INSTANT")]
    expires_at: Option<String>,
    #[command(flatten)]
    rights: Rights,
    /// Empty a field: name, ceiling, scopes, addresses, limits or metadata
    #[arg(long, value_name = "FIELD")]
    unset: Vec<String>,
    #[command(flatten)]
    at: AtVersion,
}

#[derive(Args)]
struct List {
    #[arg(long)]
    api: Option<String>,
    #[arg(long)]
    scheme: Option<String>,
    #[arg(long)]
    subject: Option<String>,
    #[arg(long)]
    org: Option<String>,
    /// active, disabled, expired or revoked
    #[arg(long)]
    state: Option<String>,
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// How many, 1 to 1000 [default: 100]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<String>,
    /// Where the page before ended
    #[arg(long)]
    cursor: Option<String>,
}

pub(super) fn run(arguments: Arguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let reach = &arguments.reach;
    let client = reach.client(arguments.action.files())?;
    match arguments.action {
        Action::Create(create) => made(reach, &client.call(create.call()?)?, console),
        Action::List(list) => reach.list::<CredentialView>(&client, list.call(), COLUMNS, console),
        Action::Show { id } => {
            let call = Call::new(Method::GET, one(&id, "")?);
            reach.record::<CredentialView>(&client, call, FIELDS, console)
        }
        Action::Update(update) => {
            reach.record::<CredentialView>(&client, update.call()?, FIELDS, console)
        }
        Action::Rotate { id, overlap, lifetime, at } => {
            let mut body = Body::default();
            body.give("overlap", Some(overlap));
            body.give("lifetime", lifetime);
            let call = Call::with(Method::POST, one(&id, "/rotate")?, body.into_value());
            made(reach, &client.call(at.tie(call))?, console)
        }
        Action::Reveal { id, subject } => {
            let mut body = Body::default();
            body.give("subject", subject);
            let call = Call::with(Method::POST, one(&id, "/reveal")?, body.into_value());
            reach.show(&client.call(call)?, console, |revealed: Revealed, console| {
                let secret = revealed.secret.unwrap_or_default();
                Ok(writeln!(console.out, "{}", visible(&secret))?)
            })
        }
        Action::Revoke { id, reason, at } => {
            let body = reason.map(|reason| json!({ "reason": reason }));
            // Whoever revokes from a shell wants to know that it is done, everywhere.
            let query = vec![("wait", "all".to_owned())];
            let call = Call { query, body, ..Call::new(Method::POST, one(&id, "/revoke")?) };
            revoked(reach, &client.call(at.tie(call))?, console)
        }
        Action::Delete { id, at } => {
            client.call(at.tie(Call::new(Method::DELETE, one(&id, "")?)))?;
            Ok(writeln!(console.err, "deleted {id}")?)
        }
    }
}

impl Action {
    /// Every file that holds a secret.
    fn files(&self) -> impl Iterator<Item = &Path> {
        let brought = match self {
            Self::Create(create) => [&create.secret_file, &create.secret_sha256_file],
            _ => [&None, &None],
        };
        brought.into_iter().filter_map(|file| file.as_deref())
    }
}

/// The path of a credential. An id of ours needs no escaping; anything else is the id of none.
fn one(id: &str, action: &str) -> Result<String, Failure> {
    let ours = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if id.is_empty() || !ours {
        return Err(Failure::refused("that is no credential's id: they are as crd_…"));
    }
    Ok(format!("{}{action}", place(PATH, id)))
}

// --- what is asked ---------------------------------------------------------------------------------------------------

impl Create {
    fn call(self) -> Result<Call, Failure> {
        let mut body = Body::default();
        body.give("api", Some(self.api));
        body.give("scheme", Some(self.scheme));
        body.give("subject", Some(self.subject));
        body.give("org", self.org);
        body.give("name", self.name);
        body.give("lifetime", self.lifetime);
        body.give("expires_on", self.expires_on);
        body.give("expires_at", self.expires_at);
        body.give("audience", self.audience);
        body.give("client_id", self.client_id);
        body.give("external_id", self.external_id);
        body.give("created_at", self.created_at);
        self.rights.give(&mut body)?;
        body.give("secret", self.secret_file.map(|file| secret(&file)).transpose()?);
        body.give("secret_sha256", self.secret_sha256_file.map(|file| secret(&file)).transpose()?);
        Ok(Call::with(Method::POST, PATH, body.into_value()))
    }
}

impl Update {
    fn call(self) -> Result<Call, Failure> {
        let mut body = Body::default();
        body.give("name", self.name);
        body.give("disabled", (self.disable || self.enable).then_some(self.disable));
        body.give("expires_at", self.expires_at);
        self.rights.give(&mut body)?;
        body.unset(self.unset);
        let call = Call::with(Method::PATCH, one(&self.id, "")?, body.into_value());
        Ok(self.at.tie(call))
    }
}

impl List {
    fn call(self) -> Call {
        let asked = [
            ("api", self.api),
            ("scheme", self.scheme),
            ("subject", self.subject),
            ("org", self.org),
            ("state", self.state),
            ("external_id", self.external_id),
            ("limit", self.limit),
            ("cursor", self.cursor),
        ];
        Call::asking(Method::GET, PATH, asked)
    }
}

// --- what is shown ---------------------------------------------------------------------------------------------------

fn made(reach: &Reach, answer: &str, console: &mut Console<'_>) -> Result<(), Failure> {
    reach.show(answer, console, |created: Created, console| {
        let record = object(&created.credential)?;
        write!(console.out, "{}", table::record(&record, FIELDS, created.secret.as_deref()))?;
        if created.secret.is_some() {
            writeln!(console.err, "the secret is shown this once: keep it now")?;
        }
        Ok(())
    })
}

fn revoked(reach: &Reach, answer: &str, console: &mut Console<'_>) -> Result<(), Failure> {
    reach.show(answer, console, |revoked: Revoked, console| {
        write!(console.out, "{}", table::record(&object(&revoked.credential)?, FIELDS, None))?;
        for replica in revoked.propagation.replicas {
            writeln!(console.err, "{}: {}", visible(&replica.replica), visible(&replica.state))?;
        }
        Ok(())
    })
}
