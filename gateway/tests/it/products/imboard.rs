//! I'mBoard, `config/imboard.yaml`: rows IMB-1 to IMB-22.

use serde_json::json;

use super::support::{Fronted, Product};

const IMBOARD: Product =
    Product { name: "imboard", host: "app.imboard.ai", upstreams: &["IMBOARD_UPSTREAM"] };

/// Id and secret of a personal access token of `user_1`.
#[track_caller]
fn token(imboard: &Fronted) -> (String, String) {
    imboard.create(&json!({ "scheme": "pat", "subject": "user_1", "lifetime": "30d" }))
}

/// IMB-1, IMB-2: the page's own command.
#[test]
fn a_personal_access_token_in_the_authorization_header_reaches_the_application() {
    let imboard = IMBOARD.echoing();
    let (_, secret) = token(&imboard);
    let command = "curl https://app.imboard.ai/api/v1/me \\\n  -H \"Authorization: Bearer $IMBOARD_API_TOKEN\"";
    let answer = imboard.curl(command, &[("IMBOARD_API_TOKEN", &secret)]);
    assert_eq!(answer.echo().target(), "/api/v1/me");
    assert_eq!(answer.echo().field("x-user-id").as_deref(), Some("user_1"));
}
