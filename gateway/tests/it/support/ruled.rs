//! A gateway whose api has a route for each thing that the rule can ask, and the records that answer it.

use serde_json::{Value, json};

use super::{Gateway, Upstream, request};

/// The api `app`, realm `app`.
const APIS: &str = r#"
apis:
  - name: app
    upstream: app
    schemes:
      - { name: key, prefix: ak_, choose_org: "header:x-choose-org" }
      - { name: member, prefix: mk_, issue: { members_only: true } }
      - { name: bound, prefix: bk_, bound: true }
    states: { restricted: read }
    routes:
      - { path: "/boards/{board}", resource: board, level: { GET: read, "*": edit } }
      - { path: "/any/{board}", resource: board, unknown_resource: pass, level: { GET: read, "*": edit } }
      - { path: "/capable/{board}", resource: board, capabilities: [api] }
      - { path: "/orgs/{org}", org: org }
      - { path: /literal, resource: { literal: "path:/literal" }, level: { "*": edit } }
      - { path: /writing, level: { GET: read, "*": edit } }
      - { path: /scoped, scopes: { GET: [boards:read], POST: [boards:read, boards:write] } }
      - { path: /panel, subject_admin: true }
      - { path: /mcp, audience: "https://calmboard.ai/mcp" }
      - { path: /optional, auth: optional }
      - { path: "/plain/**" }
"#;

pub(crate) struct Ruled {
    pub(crate) gateway: Gateway,
    _upstream: Upstream,
}

impl Ruled {
    /// With two organisations that restrict nothing.
    pub(crate) fn start() -> Self {
        let upstream = Upstream::echo();
        let apis = format!("upstreams: {{ app: [{}] }}\n{APIS}", upstream.address());
        let house = Self { gateway: Gateway::start(apis), _upstream: upstream };
        house.resource("org_1", json!({})).resource("org_2", json!({}));
        house
    }

    #[track_caller]
    fn put(&self, path: &str, body: &Value) {
        let (status, answer) = self.gateway.admin("PUT", path, body);
        assert!(matches!(status, 200 | 201), "{path}: {answer}");
    }

    /// Writes the whole record of a resource; `body` has `kind` only where it matters.
    #[track_caller]
    pub(crate) fn resource(&self, id: &str, body: Value) -> &Self {
        let mut body = body;
        if body.get("kind").is_none() {
            body["kind"] = "thing".into();
        }
        self.put(&format!("/v1/resources/{id}"), &body);
        self
    }

    #[track_caller]
    pub(crate) fn subject(&self, id: &str, body: &Value) -> &Self {
        self.put(&format!("/v1/subjects/{id}"), body);
        self
    }

    /// The secret of a credential of `user_1` in `org_1`; `fields` are more of it, or others.
    #[track_caller]
    pub(crate) fn key(&self, fields: &Value) -> String {
        let mut body = json!({ "api": "app", "scheme": "key", "subject": "user_1", "org": "org_1", "lifetime": "never" });
        for (name, value) in fields.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        self.gateway.create(&body).1
    }

    /// The code of the refusal, or `forwarded`.
    #[track_caller]
    pub(crate) fn outcome(&self, method: &str, target: &str, secret: &str) -> String {
        self.outcome_with(method, target, &[("x-api-key", secret)])
    }

    #[track_caller]
    pub(crate) fn outcome_with(
        &self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
    ) -> String {
        let response = self.gateway.send(request(method, target, fields, ""));
        if response.status == 200 { "forwarded".to_owned() } else { response.code() }
    }

    /// A field that the upstream gets.
    #[track_caller]
    pub(crate) fn told(&self, target: &str, fields: &[(&str, &str)], name: &str) -> Option<String> {
        self.gateway.get(target, fields).echo().field(name)
    }
}
