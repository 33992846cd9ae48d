use proptest::prelude::*;

use super::normalise;

#[test]
fn what_is_one_audience_is_one_text() {
    for (same, as_this) in [
        ("https://calmboard.ai/mcp", "https://calmboard.ai/mcp"),
        ("HTTPS://CalmBoard.ai:443/mcp", "https://calmboard.ai/mcp"),
        ("https://calmboard.ai:/%6Dcp", "https://calmboard.ai/mcp"),
        ("https://calmboard.ai/a/../b/./../mcp", "https://calmboard.ai/mcp"),
        ("https://calmboard.ai/%2e%2E/mcp", "https://calmboard.ai/mcp"),
        ("https://calmboard.ai", "https://calmboard.ai/"),
        ("https://calmboard.ai?a=%7e%2f", "https://calmboard.ai/?a=~%2F"),
        ("http://a.example:8080/x/..", "http://a.example:8080/"),
        ("http://u%7e:P@A.example:80/x/.", "http://u~:P@a.example/x/"),
        ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]/"),
        ("https://%41.example/", "https://a.example/"),
        ("https://a%c3%A9.example/", "https://a%C3%A9.example/"),
        ("URN:Example:A/../b", "urn:Example:A/../b"),
        ("https://a.example/100%", "https://a.example/100%"),
        ("my-api", "my-api"),
        ("My_Api:x/../y", "My_Api:x/../y"),
        ("", ""),
    ] {
        assert_eq!(normalise(same), as_this, "{same}");
    }
}

#[test]
fn what_is_another_audience_is_another_text() {
    let base = normalise("https://calmboard.ai/mcp");
    for other in [
        "http://calmboard.ai/mcp",
        "https://calmboard.ai/mcp/",
        "https://calmboard.ai/MCP",
        "https://calmboard.ai/mcp?",
        "https://calmboard.ai/mcp#",
        "https://calmboard.ai:444/mcp",
        "https://x@calmboard.ai/mcp",
        "https://calmboard.ai/a%2F../mcp",
        "https://calmboard.ai.evil.example/mcp",
    ] {
        assert_ne!(normalise(other), base, "{other}");
    }
}

proptest! {
    #[test]
    fn a_normal_form_is_its_own(text in r"[a-zA-Z]{0,4}:?(//)?[a-zA-Z%0-9.:/?#@\[\]-]{0,24}") {
        let normal = normalise(&text);
        prop_assert_eq!(normalise(&normal), normal);
    }

    #[test]
    fn any_text_has_a_normal_form(text in any::<String>()) {
        normalise(&text);
    }
}
