//! Fields that belong to one connection and never cross the gateway (RFC 9110, section 7.6.1).

/// `te` and `trailer` among them: trailers do not cross HTTP/1.
const NAMES: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Whether the field of this name, in any case, ends at this hop.
pub fn is_hop_by_hop(name: &[u8]) -> bool {
    matches!(name.len(), 2 | 7 | 10 | 14 | 16..=19)
        && NAMES.iter().any(|hop| name.eq_ignore_ascii_case(hop.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_and_no_other_is() {
        for name in NAMES {
            assert!(is_hop_by_hop(name.as_bytes()), "{name}");
            assert!(is_hop_by_hop(name.to_ascii_uppercase().as_bytes()), "{name}");
            assert!(!is_hop_by_hop(format!("{name}x").as_bytes()), "{name}");
        }
        assert!(!is_hop_by_hop(b"content-length") && !is_hop_by_hop(b""));
    }
}
