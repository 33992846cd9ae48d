//! `portcullis subject …`: subjects from a shell.

use clap::{Args, Subcommand};
use ureq::http::Method;

use super::client::{Call, Client, place};
use super::reach::{AtVersion, Body, Reach};
use super::table::Columns;
use super::{Console, Failure};
use crate::admin::view::SubjectView;

const PATH: &str = "/v1/subjects";
const FIELDS: &[&str] = &["id", "kind", "state", "admin", "capabilities", "metadata", "version"];
const COLUMNS: Columns = &[
    ("ID", "id"),
    ("KIND", "kind"),
    ("STATE", "state"),
    ("ADMIN", "admin"),
    ("CAPABILITIES", "capabilities"),
];

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    reach: Reach,
    /// Whose subjects: may be left out while there is one realm
    #[arg(long, global = true)]
    realm: Option<String>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a subject, or replace it whole
    #[command(visible_alias = "create")]
    Put(Given),
    /// List subjects by id
    List {
        /// user or service
        #[arg(long)]
        kind: Option<String>,
        /// How many, 1 to 1000 [default: 100]
        #[arg(long, value_name = "NUMBER")]
        limit: Option<String>,
        /// Where the page before ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show one subject
    Show { id: String },
    /// Change what is given of a subject
    Update {
        #[command(flatten)]
        given: Given,
        /// Empty a field: kind, state, admin, capabilities or metadata
        #[arg(long, value_name = "FIELD")]
        unset: Vec<String>,
    },
    /// Forget a subject that no unrevoked credential names
    Delete {
        id: String,
        #[command(flatten)]
        at: AtVersion,
    },
}

#[derive(Args)]
struct Given {
    id: String,
    /// user or service
    #[arg(long)]
    kind: Option<String>,
    /// active, suspended or inactive
    #[arg(long)]
    state: Option<String>,
    /// Whether it is marked admin: true or false
    #[arg(long, value_name = "BOOLEAN")]
    subject_admin: Option<bool>,
    /// A capability; with one or more exactly those are held
    #[arg(long = "capability", value_name = "NAME")]
    capabilities: Vec<String>,
    /// A JSON object of your own
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    #[command(flatten)]
    at: AtVersion,
}

pub(super) fn run(arguments: Arguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let Arguments { reach, realm, action } = arguments;
    let client = reach.client([])?;
    let of = |method, id: &str| Call::asking(method, place(PATH, id), [("realm", realm.clone())]);
    let show = |client: &Client, call, console: &mut Console<'_>| {
        reach.record::<SubjectView>(client, call, FIELDS, console)
    };
    match action {
        Action::Put(given) => {
            let call = of(Method::PUT, &given.id);
            show(&client, given.call(call, Vec::new())?, console)
        }
        Action::Update { given, unset } => {
            let call = of(Method::PATCH, &given.id);
            show(&client, given.call(call, unset)?, console)
        }
        Action::Show { id } => show(&client, of(Method::GET, &id), console),
        Action::List { kind, limit, cursor } => {
            let asked = [("realm", realm), ("kind", kind), ("limit", limit), ("cursor", cursor)];
            let call = Call::asking(Method::GET, PATH, asked);
            reach.list::<SubjectView>(&client, call, COLUMNS, console)
        }
        Action::Delete { id, at } => {
            client.call(at.tie(of(Method::DELETE, &id)))?;
            Ok(writeln!(console.err, "deleted {id}")?)
        }
    }
}

impl Given {
    fn call(self, call: Call, unset: Vec<String>) -> Result<Call, Failure> {
        let mut body = Body::default();
        body.give("kind", self.kind);
        body.give("state", self.state);
        body.give("admin", self.subject_admin);
        body.items("capabilities", self.capabilities);
        body.json("metadata", self.metadata.as_deref())?;
        body.unset(unset);
        Ok(self.at.tie(Call { body: Some(body.into_value()), ..call }))
    }
}
