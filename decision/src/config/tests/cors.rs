use super::{api, snapshot, table};
use crate::cors::Cors;

fn cors(text: &str) -> Vec<String> {
    api(&format!("schemes: [{{ name: k }}]\n    cors: {text}"))
}

fn read(text: &str) -> Cors {
    let text = format!(
        "{}apis:\n  - name: a\n    upstream: app\n    schemes: [{{ name: k }}]\n    cors: {text}\n",
        super::APP
    );
    snapshot(&text).apis.remove(0).cors.unwrap()
}

#[test]
fn origins_are_exact_or_any() {
    table(
        cors,
        &[
            ("{}", &["6:11: apis[0].cors: the key `origins` is missing"]),
            (
                "{ origins: [] }",
                &["6:22: apis[0].cors.origins: the list is empty; expected at least one item"],
            ),
            (
                "{ origins: [a.example] }",
                &[
                    "6:23: apis[0].cors.origins[0]: `a.example`: an origin is scheme://host, with a port where it is not the scheme's own",
                ],
            ),
            (
                "{ origins: ['https://a.example/'] }",
                &[
                    "6:23: apis[0].cors.origins[0]: `https://a.example/`: an origin ends with its host or port: no path, and no slash",
                ],
            ),
            (
                "{ origins: ['https://*.example'] }",
                &[
                    "6:23: apis[0].cors.origins[0]: `https://*.example`: an origin ends with its host or port: no path, and no slash",
                ],
            ),
            (
                "{ origins: ['https://A.example', 'HTTPS://a.example', 'https://a.example:443', 'null'] }",
                &[
                    "6:23: apis[0].cors.origins[0]: `https://A.example`: the host of an origin is written in small letters, as browsers send it",
                    "6:44: apis[0].cors.origins[1]: `HTTPS://a.example`: the scheme of an origin is written in small letters",
                    "6:65: apis[0].cors.origins[2]: `https://a.example:443`: browsers leave a scheme's own port out of an origin",
                    "6:90: apis[0].cors.origins[3]: `null`: an origin is scheme://host, with a port where it is not the scheme's own",
                ],
            ),
        ],
    );
    let read = read("{ origins: ['https://a.example', 'http://localhost:3000', 'app://x'] }");
    assert_eq!(read.origins.unwrap(), ["https://a.example", "http://localhost:3000", "app://x"]);
}

#[test]
fn any_origin_has_no_credentials() {
    assert_eq!(
        cors("{ origins: ['*'], credentials: true }"),
        [
            "6:42: apis[0].cors.credentials: `credentials` for any origin would let every site act in its visitors' names: name the origins"
        ]
    );
    let any = read("{ origins: ['*'], credentials: false }");
    assert!(any.origins.is_none() && !any.credentials);
    assert!(read("{ origins: ['https://a.example'], credentials: true }").credentials);
}

#[test]
fn the_rest_is_lists_and_an_age() {
    table(
        cors,
        &[
            (
                "{ origins: ['*'], methods: [get], headers: ['a b'], expose: ['*'], max_age: 2d }",
                &[
                    "6:39: apis[0].cors.methods[0]: `get`: a method must be written in capitals",
                    "6:55: apis[0].cors.headers[0]: `a b`: a field name is 1 to 128 letters, digits and `-`",
                    "6:72: apis[0].cors.expose[0]: `*`: a field name is 1 to 128 letters, digits and `-`",
                    "6:87: apis[0].cors.max_age: expected a duration from 0 to 1d, such as `250ms` or `5m`, found `2d`",
                ],
            ),
            (
                "{ origins: ['*'], max-age: 2d }",
                &["6:29: apis[0].cors.max-age: unknown key `max-age`, did you mean `max_age`?"],
            ),
            ("[]", &["6:11: apis[0].cors: expected a mapping, found a list"]),
        ],
    );
    let full = read(
        "{ origins: ['*'], methods: [GET, PUT], headers: [X-A, x-b], expose: [X-Total], max_age: 10m }",
    );
    assert_eq!(full.methods.unwrap(), "GET, PUT");
    assert_eq!(full.headers.unwrap(), "x-a, x-b");
    assert_eq!(full.expose, "x-total");
    assert_eq!(full.max_age.unwrap(), "600");
    let least = read("{ origins: ['*'] }");
    assert!(least.methods.is_none() && least.headers.is_none() && least.max_age.is_none());
    assert_eq!(least.expose, "retry-after, ratelimit, ratelimit-policy, x-request-id");
    assert!(read("{ origins: ['*'], headers: ['*'], methods: ['*'] }").headers.is_none());
}
