//! What is asked of every gateway.

use std::fmt;

use clap::ValueEnum;

use crate::keys::Keys;

/// Bytes of a posted body.
const POSTED: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// GET with a known key, answered with about 600 bytes of JSON
    Get,
    /// POST of 1 KiB with a known key, answered likewise
    Post,
    /// GET with a known key, answered with 64 KiB
    Large,
    /// GET with a well-formed key that nobody has: refused by the gateway
    Refused,
}

impl Scenario {
    /// The status that every answer must have.
    pub(crate) const fn expected(self) -> u16 {
        match self {
            Self::Get | Self::Post | Self::Large => 200,
            Self::Refused => 401,
        }
    }

    /// The requests to send in turn, one a key.
    pub(crate) fn requests(self, keys: &Keys) -> Vec<Vec<u8>> {
        let known = keys.known.iter().map(|key| key.secret.as_str());
        match self {
            Self::Get => known.map(|key| get("/v1/boards?limit=20", key)).collect(),
            Self::Post => known.map(post).collect(),
            Self::Large => known.map(|key| get("/large", key)).collect(),
            Self::Refused => {
                keys.unknown.iter().map(|key| get("/v1/boards?limit=20", key)).collect()
            }
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET, answer of 600 bytes",
            Self::Post => "POST of 1 KiB, answer of 600 bytes",
            Self::Large => "GET, answer of 64 KiB",
            Self::Refused => "GET with an unknown key, refused with 401",
        })
    }
}

/// The fields that an HTTP library sends by itself, less the credential.
pub(crate) fn head(method: &str, target: &str, extra: &str) -> String {
    format!(
        "{method} {target} HTTP/1.1\r\nHost: api.example\r\nUser-Agent: loadtest/1.0\r\n\
         Accept: application/json\r\nAccept-Encoding: gzip, deflate\r\n{extra}\r\n"
    )
}

fn get(target: &str, key: &str) -> Vec<u8> {
    head("GET", target, &format!("Authorization: Bearer {key}\r\n")).into_bytes()
}

fn post(key: &str) -> Vec<u8> {
    let extra = format!(
        "Authorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {POSTED}\r\n"
    );
    let mut request = head("POST", "/v1/boards", &extra).into_bytes();
    request.resize(request.len() + POSTED, b' ');
    request
}
