//! I'mBoard, `config/imboard.yaml`: rows IMB-1 to IMB-22.

use serde_json::{Value, json};

use super::support::{Fronted, Product};
use crate::support::Response;

mod access;
mod bad_input;
mod errors;
mod tokens;

const IMBOARD: Product =
    Product { name: "imboard", host: "app.imboard.ai", upstreams: &["IMBOARD_UPSTREAM"] };

/// Id and secret of a personal access token of `user_1`; `fields` are more of it, or others.
#[track_caller]
fn token(imboard: &Fronted, fields: &Value) -> (String, String) {
    let mut body = json!({ "scheme": "pat", "subject": "user_1", "lifetime": "30d" });
    for (name, value) in fields.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    imboard.create(&body)
}

/// A request with this token in the one field that there is for it.
#[track_caller]
fn ask(imboard: &Fronted, method: &str, target: &str, secret: &str) -> Response {
    imboard.send(method, target, &[("Authorization", &format!("Bearer {secret}"))], "")
}

#[track_caller]
fn get(imboard: &Fronted, target: &str, secret: &str) -> Response {
    ask(imboard, "GET", target, secret)
}

/// Holds a refusal to the table of [`errors::SPOKEN`].
#[track_caller]
fn refused(imboard: &Fronted, response: &Response, outcome: &str) {
    let (status, body) = errors::spoken(outcome);
    imboard.refused(response, outcome, status, &body);
}

/// IMB-1, IMB-2: the page's own command.
#[test]
fn a_personal_access_token_in_the_authorization_header_reaches_the_application() {
    let imboard = IMBOARD.echoing();
    let (_, secret) = token(&imboard, &json!({}));
    assert!(secret.starts_with("imb_pat_"));
    let command = "curl https://app.imboard.ai/api/v1/me \\\n  -H \"Authorization: Bearer $IMBOARD_API_TOKEN\"";
    let told = imboard.curl(command, &[("IMBOARD_API_TOKEN", &secret)]).echo();
    assert_eq!((told.method(), told.target()), ("GET", "/api/v1/me"));
    assert_eq!(told.field("x-user-id").as_deref(), Some("user_1"));
}
