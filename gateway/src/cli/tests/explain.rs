//! `portcullis explain`.

use super::*;

#[test]
fn explain_shows_each_stage_and_takes_headers_from_a_file() {
    let shell = Shell::new();
    let made = read_json(&shell.create(&["--output", "json"]).out);
    let secret = made["secret"].as_str().unwrap();
    let header = shell.file("header", &format!("x-api-key: {secret}\nAccept: */*\n"));
    let header = format!("@{header}");
    let ask = ["--method", "GET", "--url", "http://any.test/x", "--header", "accept-language: de"];
    let shown = shell.run("explain", &[&ask[..], &["--header", &header]].concat());
    assert_eq!(shown.code, 0, "{}", shown.err);
    for part in ["authenticate", "authorize", "forwarded", "user_1"] {
        assert!(shown.out.contains(part), "{}", shown.out);
    }
    assert!(!shown.out.contains(secret));
    let id = made["credential"]["id"].as_str().unwrap();
    let json =
        shell.run("explain", &[&ask[..], &["--credential", id, "--output", "json"]].concat());
    assert_eq!(read_json(&json.out)["allowed"], true, "{}", json.out);
    let refused = shell.run("explain", &ask);
    assert_eq!(refused.code, 0, "a refusal is an answer");
    assert!(refused.out.contains("credential_missing"), "{}", refused.out);
    assert_eq!(shell.run("explain", &[&ask[..], &["--header", "nonsense"]].concat()).code, 2);
    assert_eq!(shell.run("explain", &["--method", "GET"]).code, 2);
}

#[test]
fn explain_takes_no_secret_as_an_argument() {
    let shell = Shell::new();
    let ask = ["--method", "GET", "--url", "http://any.test/x", "--header"];
    for header in ["authorization: Bearer ak_s3cret", "Cookie:sid=s3cret", "X-API-Key : s3cret"] {
        let refused = shell.run("explain", &[&ask[..], &[header]].concat());
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{header}");
        assert!(refused.err.contains("@FILE"), "{}", refused.err);
        assert!(!refused.err.contains("s3cret"), "{}", refused.err);
        let file = format!("@{}", shell.file("header", header));
        assert_eq!(shell.run("explain", &[&ask[..], &[&file]].concat()).code, 0, "{header}");
    }
}
