//! `portcullis resource …`: resources and their members from a shell.

use clap::{Args, Subcommand};
use serde_json::json;
use ureq::http::Method;

use super::client::{Call, Client, place};
use super::reach::{AtVersion, Body, Reach};
use super::table::Columns;
use super::{Console, Failure};
use crate::admin::view::ResourceView;

const PATH: &str = "/v1/resources";
const FIELDS: &[&str] =
    &["id", "kind", "parent", "state", "capabilities", "plan", "members", "metadata", "version"];
const COLUMNS: Columns = &[
    ("ID", "id"),
    ("KIND", "kind"),
    ("PARENT", "parent"),
    ("STATE", "state"),
    ("PLAN", "plan"),
    ("CAPABILITIES", "capabilities"),
];

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    reach: Reach,
    /// Whose resources: may be left out while there is one realm
    #[arg(long, global = true)]
    realm: Option<String>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a resource, or replace it whole but for its members
    #[command(visible_alias = "create")]
    Put(Given),
    /// List resources by id
    List {
        #[arg(long, value_name = "ID")]
        parent: Option<String>,
        #[arg(long)]
        kind: Option<String>,
        /// How many, 1 to 1000 [default: 100]
        #[arg(long, value_name = "NUMBER")]
        limit: Option<String>,
        /// Where the page before ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show one resource
    Show { id: String },
    /// Change what is given of a resource
    Update {
        #[command(flatten)]
        given: Given,
        /// Empty a field: parent, state, capabilities, plan, members or metadata
        #[arg(long, value_name = "FIELD")]
        unset: Vec<String>,
    },
    /// Give a subject a level of a resource
    AddMember {
        id: String,
        subject: String,
        /// read, edit or admin
        level: String,
        #[command(flatten)]
        version: AtVersion,
    },
    /// Take a member away
    RemoveMember {
        id: String,
        subject: String,
        #[command(flatten)]
        version: AtVersion,
    },
    /// Forget a resource
    Delete {
        id: String,
        #[command(flatten)]
        version: AtVersion,
    },
}

#[derive(Args)]
struct Given {
    id: String,
    /// What it is: org, workspace, board, …
    #[arg(long)]
    kind: Option<String>,
    /// What it is part of [default: nothing, it is an organisation]
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
    /// ok, restricted, locked or archived
    #[arg(long)]
    state: Option<String>,
    /// A capability; with one or more exactly those are held
    #[arg(long = "capability", value_name = "NAME")]
    capabilities: Vec<String>,
    #[arg(long)]
    plan: Option<String>,
    /// A member and the level; with one or more only those are members
    #[arg(long = "member", value_name = "SUBJECT=LEVEL")]
    members: Vec<String>,
    /// Nobody is a member
    #[arg(long, conflicts_with = "members")]
    no_members: bool,
    /// A JSON object of your own
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    #[command(flatten)]
    at: AtVersion,
}

pub(super) fn run(arguments: Arguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let Arguments { reach, realm, action } = arguments;
    let client = reach.client([])?;
    let at = |method, path: String| Call::asking(method, path, [("realm", realm.clone())]);
    let member = |id: &str, subject: &str| place(&format!("{}/members", place(PATH, id)), subject);
    let show = |client: &Client, call, console: &mut Console<'_>| {
        reach.record::<ResourceView>(client, call, FIELDS, console)
    };
    match action {
        Action::Put(given) => {
            let call = at(Method::PUT, place(PATH, &given.id));
            show(&client, given.call(call, Vec::new())?, console)
        }
        Action::Update { given, unset } => {
            let call = at(Method::PATCH, place(PATH, &given.id));
            show(&client, given.call(call, unset)?, console)
        }
        Action::Show { id } => show(&client, at(Method::GET, place(PATH, &id)), console),
        Action::List { parent, kind, limit, cursor } => {
            let asked = [
                ("realm", realm),
                ("parent", parent),
                ("kind", kind),
                ("limit", limit),
                ("cursor", cursor),
            ];
            let call = Call::asking(Method::GET, PATH, asked);
            reach.list::<ResourceView>(&client, call, COLUMNS, console)
        }
        Action::AddMember { id, subject, level, version } => {
            let body = Some(json!({ "level": level }));
            let call = Call { body, ..at(Method::PUT, member(&id, &subject)) };
            show(&client, version.tie(call), console)
        }
        Action::RemoveMember { id, subject, version } => {
            client.call(version.tie(at(Method::DELETE, member(&id, &subject))))?;
            Ok(writeln!(console.err, "removed {subject} from {id}")?)
        }
        Action::Delete { id, version } => {
            client.call(version.tie(at(Method::DELETE, place(PATH, &id))))?;
            Ok(writeln!(console.err, "deleted {id}")?)
        }
    }
}

impl Given {
    fn call(self, call: Call, unset: Vec<String>) -> Result<Call, Failure> {
        let mut body = Body::default();
        body.give("kind", self.kind);
        body.give("parent", self.parent);
        body.give("state", self.state);
        body.items("capabilities", self.capabilities);
        body.give("plan", self.plan);
        body.pairs("members", &self.members, self.no_members, |level| Some(level.into()))?;
        body.json("metadata", self.metadata.as_deref())?;
        body.unset(unset);
        Ok(self.at.tie(Call { body: Some(body.into_value()), ..call }))
    }
}
