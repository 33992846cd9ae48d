//! Before anything is measured, every gateway shows that it does the same work.

use std::io;

use crate::http::Client;
use crate::keys::{Key, Keys};
use crate::peers::Peer;
use crate::scenario::head;

/// A known key is let through with its identity and without itself; an unknown one and none at all are refused.
pub(crate) fn check(peer: &Peer, keys: &Keys) -> io::Result<()> {
    let first = keys.known.first().zip(keys.known.last()).zip(keys.unknown.first());
    let Some(((first, last), unknown)) = first else { return Err(io::Error::other("no keys")) };
    let mut client = Client::connect(peer.address)?;
    for key in [first, last] {
        let spoofed = format!("Authorization: Bearer {}\r\nX-Org-Id: org_spoofed\r\n", key.secret);
        let (status, seen) = client.call(head("GET", "/echo", &spoofed).as_bytes())?;
        let seen = String::from_utf8_lossy(&seen).to_ascii_lowercase();
        if let Some(fault) = fault(status, &seen, key) {
            let title = &peer.title;
            return Err(io::Error::other(format!("{title}: {fault}; the upstream saw\n{seen}")));
        }
    }
    for credential in [format!("Authorization: Bearer {unknown}\r\n"), String::new()] {
        let (status, _) = client.call(head("GET", "/echo", &credential).as_bytes())?;
        if status != 401 {
            let title = &peer.title;
            return Err(io::Error::other(format!("{title}: a bad key is answered with {status}")));
        }
    }
    Ok(())
}

/// What is wrong with an answer to a known key, if anything. `seen` is the upstream's request head in lower case.
fn fault(status: u16, seen: &str, key: &Key) -> Option<String> {
    let values = |name: &str| -> Vec<&str> {
        seen.lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(field, _)| *field == name)
            .map(|(_, value)| value.trim())
            .collect()
    };
    if status != 200 {
        return Some(format!("a known key is answered with {status}"));
    }
    let owned = [("x-org-id", &key.org), ("x-credential-id", &key.credential)];
    let wrong = owned.iter().find(|(name, value)| values(name) != [value.to_ascii_lowercase()]);
    if let Some((name, value)) = wrong {
        return Some(format!("{name} is not {value}"));
    }
    if values("x-forwarded-for") != ["127.0.0.1"] {
        return Some("x-forwarded-for is not the client's address".to_owned());
    }
    if values("x-request-id").len() != 1 {
        return Some("there is no request id".to_owned());
    }
    (!values("authorization").is_empty())
        .then(|| "the credential has reached the upstream".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "get /echo http/1.1\r\nx-org-id: org_1\r\nx-credential-id: crd_1\r\nx-request-id: r\r\n\
                        x-forwarded-for: 127.0.0.1\r\n\r\n";

    fn key() -> Key {
        Key { secret: "lt_1".into(), org: "org_1".into(), credential: "crd_1".into() }
    }

    #[test]
    fn a_head_with_our_identity_alone_passes() {
        assert_eq!(fault(200, GOOD, &key()), None);
    }

    #[test]
    fn a_second_organisation_beside_ours_is_a_fault() {
        let seen = format!("x-org-id: org_spoofed\r\n{GOOD}");
        assert!(fault(200, &seen, &key()).is_some());
    }

    #[test]
    fn a_credential_that_travels_on_is_a_fault() {
        let seen = format!("authorization: bearer lt_1\r\n{GOOD}");
        assert!(fault(200, &seen, &key()).is_some());
    }

    #[test]
    fn a_refusal_of_a_known_key_is_a_fault() {
        assert!(fault(401, "", &key()).is_some());
    }
}
