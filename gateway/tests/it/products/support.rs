//! A product as its clients and its application meet it: the shipped file, in front of an upstream of the test's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use decision::config::{Fragment, load};
use decision::decide::Refused;
use decision::dialect::render;
use decision::outcome::Outcome;
use portcullis::source::Surroundings;
use serde_json::Value;

use super::curl::Curl;
use crate::support::gateway::ADMIN_TOKEN;
use crate::support::{Gateway, Response, Setup, Upstream, request};

/// For products whose keys can be revealed.
pub(crate) const SEALING_KEY: &str = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=";

/// What is known of a product before it runs.
pub(crate) struct Product {
    /// The name of its api, of its file in `config/` and of its guide.
    pub(crate) name: &'static str,
    /// Where its pages say that it is.
    pub(crate) host: &'static str,
    /// The variables in which its file looks for the addresses of its application.
    pub(crate) upstreams: &'static [&'static str],
}

/// What is said before it is known which api a request is for, in the words of whoever has no other: no api's dialect has a part
/// in it.
pub(crate) const BEFORE: [&str; 4] =
    ["host_unknown", "head_too_large", "uri_too_long", "overloaded"];

/// A gateway that fronts one.
pub(crate) struct Fronted {
    product: &'static Product,
    pub(crate) gateway: Gateway,
    pub(crate) upstream: Upstream,
}

impl Product {
    /// In front of an application that answers with what it was sent.
    pub(crate) fn echoing(&'static self) -> Fronted {
        self.before(Upstream::echo())
    }

    /// In front of this application.
    pub(crate) fn before(&'static self, upstream: Upstream) -> Fronted {
        self.started(self.setup(&upstream), upstream)
    }

    /// What [`Self::before`] starts, for a test that wants something more of it.
    pub(crate) fn setup(&self, upstream: &Upstream) -> Setup {
        self.placed(Setup::shipped(&[&format!("{}.yaml", self.name)]), upstream)
    }

    /// A setup that knows what the file's variables are to be.
    pub(crate) fn placed(&self, setup: Setup, upstream: &Upstream) -> Setup {
        let setup = setup.environment("PORTCULLIS_SEALING_KEY", SEALING_KEY);
        let address = upstream.address().to_string();
        self.upstreams.iter().fold(setup, |setup, name| setup.environment(name, &address))
    }

    pub(crate) fn started(&'static self, setup: Setup, upstream: Upstream) -> Fronted {
        self.behind(setup.start(), upstream)
    }

    /// A gateway that has been started otherwise.
    pub(crate) fn behind(&'static self, gateway: Gateway, upstream: Upstream) -> Fronted {
        Fronted { product: self, gateway, upstream }
    }

    /// What clients are told on a route (none: before one is chosen) who came with a credential of `scheme` (none: before one
    /// is recognised): status, content type and body, by outcome, of everything that is a refusal. The request's id is `$id`.
    pub(crate) fn speech(
        &self,
        route: Option<&str>,
        scheme: Option<&str>,
    ) -> BTreeMap<&'static str, (u16, String, String)> {
        let text = self.file();
        let store = format!("store: {{ sealing_key: {SEALING_KEY} }}");
        let files = [Fragment::new(self.name, &text), Fragment::new("store", &store)];
        let compiled = load(&files, &Surroundings).unwrap();
        let mut apis = compiled.configuration.snapshot.apis.iter();
        let api = apis.find(|api| &*api.name == self.name).unwrap();
        let named = |name| api.schemes.iter().find(|scheme| &*scheme.name == name).unwrap();
        let routes = || api.routes.routes().iter();
        let route = route.map(|name| routes().find(|route| &*route.name == name).unwrap());
        let refusals = Outcome::ALL.iter().filter(|outcome| outcome.is_refusal());
        let said = refusals.map(|outcome| {
            let scheme = scheme.map(named);
            let refused = Refused { api: Some(api), route, scheme, ..Refused::of(*outcome, "") };
            let answer = render(&refused, "$id", None);
            let mut fields = answer.headers.iter().filter(|(name, _)| name == "content-type");
            let content_type = fields.next().unwrap().1.to_str().unwrap().to_owned();
            let body = String::from_utf8(answer.body.to_vec()).unwrap();
            (outcome.name(), (answer.status.as_u16(), content_type, body))
        });
        said.collect()
    }

    /// The shipped file.
    pub(crate) fn file(&self) -> String {
        read(&format!("config/{}.yaml", self.name))
    }

    /// The commands of its guide, in their order.
    pub(crate) fn guide(&self) -> Vec<String> {
        let page = read(&format!("docs/products/{}.md", self.name));
        let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        blocks.flat_map(Curl::commands).collect()
    }
}

/// A file of the repository.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

impl Fronted {
    /// The bytes of a request to the product's host.
    pub(crate) fn request(
        &self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Vec<u8> {
        request(method, target, &[&[("Host", self.product.host)], fields].concat(), body)
    }

    #[track_caller]
    pub(crate) fn get(&self, target: &str, fields: &[(&str, &str)]) -> Response {
        self.send("GET", target, fields, "")
    }

    #[track_caller]
    pub(crate) fn send(
        &self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Response {
        self.gateway.send(self.request(method, target, fields, body))
    }

    /// Id and secret of a new credential with these fields, `api` being the product's.
    #[track_caller]
    pub(crate) fn create(&self, fields: &Value) -> (String, String) {
        self.gateway.create(&self.credential(fields))
    }

    /// The body that [`Self::create`] sends.
    pub(crate) fn credential(&self, fields: &Value) -> Value {
        let mut body = fields.clone();
        body["api"] = self.product.name.into();
        body
    }

    /// A call of the admin API that must be done, and its answer: `PUT`, `subjects/u_1`.
    #[track_caller]
    pub(crate) fn change(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.gateway.admin(method, &format!("/v1/{path}"), body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    #[track_caller]
    pub(crate) fn revoke(&self, id: &str) {
        self.change("POST", &format!("credentials/{id}/revoke"), &Value::Null);
    }

    /// Runs a `curl` command as a shell would: what it says of the product's host, or of an admin API at its usual address, it
    /// says of this gateway's.
    #[track_caller]
    pub(crate) fn curl(&self, command: &str, variables: &[(&str, &str)]) -> Response {
        let admin = [("PORTCULLIS_ADMIN_TOKEN", ADMIN_TOKEN)];
        let curl = Curl::parse(command, &[variables, &admin].concat());
        let fields: Vec<_> = curl.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        if curl.host == "127.0.0.1:9901" {
            let body = if curl.body.is_empty() {
                Value::Null
            } else {
                assert!(curl.json, "the admin API takes nothing but JSON: {command}");
                serde_json::from_str(&curl.body).unwrap()
            };
            return self.gateway.admin_raw(&curl.method, &curl.target, &fields, &body);
        }
        assert_eq!(curl.host, self.product.host, "{command}");
        self.send(&curl.method, &curl.target, &fields, &curl.body)
    }

    /// Runs the commands of the product's guide in their order, each of which must be done. `$CREDENTIAL` is the last that was made,
    /// the returned ones are all.
    #[track_caller]
    pub(crate) fn follow_the_guide(&self) -> Vec<Value> {
        let commands = self.product.guide();
        assert!(commands.len() > 3, "the guide's commands are not found: {commands:?}");
        let mut made = Vec::<Value>::new();
        for command in &commands {
            let last = made.last().map(|answer| answer["credential"]["id"].as_str().unwrap());
            let credential = last.map(|id| ("CREDENTIAL", id));
            let answer = self.curl(command, credential.as_slice());
            assert!((200..300).contains(&answer.status), "{command}: {}", answer.text());
            made.extend(
                (answer.status == 201)
                    .then(|| answer.json())
                    .filter(|answer| answer.get("credential").is_some()),
            );
        }
        made
    }

    /// Holds a refusal to everything that is told of it: the outcome is the log's, the rest the client's. In `body`, `$id` is the
    /// request's id.
    #[track_caller]
    pub(crate) fn refused(&self, response: &Response, outcome: &str, status: u16, body: &str) {
        assert_eq!(self.outcome(response), outcome, "{}", response.text());
        let body = body.replace("$id", &response.request_id());
        assert_eq!((response.status, response.text()), (status, body));
        assert_eq!(response.field("content-type"), Some("application/json"));
        assert_eq!(response.field("www-authenticate").is_some(), status == 401);
        let again = response.field("retry-after").map(|seconds| seconds.parse::<u32>().unwrap());
        assert_eq!(again.is_some_and(|seconds| seconds > 0), matches!(status, 429 | 503));
    }

    /// The outcome of a request, as the access log has it.
    #[track_caller]
    pub(crate) fn outcome(&self, response: &Response) -> String {
        let line = self.gateway.line(&response.request_id());
        line["outcome"].as_str().unwrap().to_owned()
    }

    /// How many requests the application has seen.
    pub(crate) fn seen(&self) -> usize {
        self.upstream.requests().len()
    }
}
