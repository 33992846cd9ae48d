//! No answer but the one that makes or reveals a secret has it.

use super::*;

#[tokio::test]
async fn no_secret_reappears_in_any_answer() {
    let house = House::new();
    let made = house.create(json!({ "name": "a" })).await.body;
    let shown = house.create(json!({ "scheme": "shown" })).await.body;
    let brought = "ak_of-another-system-0123456789";
    house.created(json!({ "secret": brought })).await;
    let id = text(&made["credential"]["id"]);
    let path = format!("/v1/credentials/{id}");
    let rotated = house.post(&format!("{path}/rotate"), json!({ "overlap": "1h" })).await.body;
    let secrets = [
        text(&made["secret"]),
        text(&shown["secret"]),
        text(&rotated["secret"]),
        brought.to_owned(),
    ];
    let mut answers = vec![
        house.get("/v1/credentials").await.body,
        house.get(&path).await.body,
        house.get("/v1/audit").await.body,
        house.get("/v1/replicas").await.body,
        house.patch(&path, json!({ "name": "b" })).await.body,
    ];
    for secret in &secrets {
        let asked = [
            json!({ "secret": secret }),
            json!({ "secret": secret, "name": 7 }),
            json!({ "secret": format!("{secret} ") }),
            json!({ "secret": [secret], "x": secret }),
            json!({ "name": secret, "secret": secret, "secret_sha256": secret, "org": format!("{secret},") }),
        ];
        for asked in asked {
            answers.push(house.create(asked).await.body);
        }
        answers.push(
            house.post("/v1/revocations", json!({ "api": secret, "secret": secret })).await.body,
        );
        answers.push(house.patch(&path, json!({ "secret": secret })).await.body);
        answers.push(house.get(&format!("/v1/credentials?cursor={secret}")).await.body);
        answers.push(house.get(&format!("/v1/credentials/{secret}")).await.body);
        let asked = json!({ "api": "app", "secret": secret });
        answers.push(house.post("/v1/revocations", asked).await.body);
    }
    answers.push(house.post(&format!("{path}/revoke"), json!({})).await.body);
    for answer in answers {
        for secret in &secrets {
            assert!(!answer.to_string().contains(secret.as_str()), "{answer}");
        }
    }
}
