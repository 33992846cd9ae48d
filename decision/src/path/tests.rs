use proptest::prelude::*;

use super::*;

fn sent(path: &str) -> String {
    normalise(path).unwrap_or_else(|error| panic!("{path:?}: {error}")).into_owned()
}

#[test]
fn a_path_without_escapes_passes_as_it_came_and_costs_no_allocation() {
    for path in [
        "/",
        "/a",
        "/a/",
        "/a/b.txt",
        "/a+b",
        "/x!*'()",
        "/~user",
        "/a;v=1/b",
        "/a:b@c,d&e=f$",
        "/.well-known/x",
        "/...",
    ] {
        assert!(matches!(normalise(path), Ok(Cow::Borrowed(same)) if same == path), "{path}");
    }
}

#[test]
fn an_escape_of_a_pchar_is_decoded_and_every_other_is_upper_cased() {
    for (came, goes) in [
        ("/%61.txt", "/a.txt"),
        ("/a%2bb", "/a+b"),
        ("/%7Euser", "/~user"),
        ("/%3a%40%3B%3D", "/:@;="),
        ("/a%20b", "/a%20b"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/%22%3c%5B%5e", "/%22%3C%5B%5E"),
        ("/%3f%23", "/%3F%23"),
        ("/%ED%A0%80%ff", "/%ED%A0%80%FF"),
        ("/%252F", "/%252F"),
        ("/%252e%252e/", "/%252e%252e/"),
    ] {
        assert_eq!(sent(came), goes);
    }
}

#[test]
fn a_path_that_two_servers_could_read_differently_is_refused() {
    use PathError::*;
    for (path, error) in [
        ("", NotAbsolute),
        ("*", NotAbsolute),
        ("a/b", NotAbsolute),
        ("http://host/a", NotAbsolute),
        ("//", EmptySegment),
        ("//host/x", EmptySegment),
        ("/a//b", EmptySegment),
        ("/a//", EmptySegment),
        ("/.", DotSegment),
        ("/..", DotSegment),
        ("/a/./b", DotSegment),
        ("/a/../b", DotSegment),
        ("/a/%2e%2E/b", DotSegment),
        ("/a/.%2e", DotSegment),
        ("/a/..;/b", DotSegment),
        ("/a/.;x=1", DotSegment),
        ("/a/%2e%2e%3bx/b", DotSegment),
        ("/a%2Fb", EncodedSlash),
        ("/a%2fb", EncodedSlash),
        ("/a\\b", Backslash),
        ("/a%5Cb", Backslash),
        ("/a%5cb", Backslash),
        ("/a%00", Control),
        ("/a\0", Control),
        ("/%0d%0aforged", Control),
        ("/a%7f", Control),
        ("/a\tb", Control),
        ("/a%", BadEscape),
        ("/a%4", BadEscape),
        ("/a%4/", BadEscape),
        ("/a%zz", BadEscape),
        ("/a%+1", BadEscape),
        ("/a%é", BadEscape),
        ("/a#b", Fragment),
        ("/a?b", NotPchar),
        ("/a b", NotPchar),
        ("/é", NotPchar),
        ("/a\"", NotPchar),
        ("/<a>", NotPchar),
        ("/[a]", NotPchar),
        ("/a^", NotPchar),
        ("/`a", NotPchar),
        ("/{a}", NotPchar),
        ("/a|b", NotPchar),
    ] {
        assert_eq!(normalise(path), Err(error), "{path:?}");
    }
}

#[test]
fn every_single_byte_is_kept_escaped_or_refused_whether_it_comes_raw_or_escaped() {
    for byte in 0..=u8::MAX {
        let pchar = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
        let escaped = normalise(&format!("/x%{byte:02x}")).map(Cow::into_owned);
        match byte {
            b'/' | b'\\' | 0..=0x1f | 0x7f => assert!(escaped.is_err(), "{byte}"),
            _ if pchar => assert_eq!(escaped, Ok(format!("/x{}", byte as char))),
            _ => assert_eq!(escaped, Ok(format!("/x%{byte:02X}"))),
        }
        let raw = format!("/x{}", char::from(byte));
        assert_eq!(normalise(&raw).is_ok(), pchar || byte == b'/', "{byte}");
    }
}

/// Paths of the pieces that matter, so that most of what can go wrong does.
fn paths() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z]{1,4}".boxed(),
        2 => Just("/".to_owned()).boxed(),
        2 => "%[0-9a-fA-F]{2}".boxed(),
        1 => "[!-~]".boxed(),
        1 => prop::sample::select(vec!["..", ".", ";", "%2e", "%2F", "%25", "%", "%0", "é", "\\", "\u{7}"])
            .prop_map(str::to_owned)
            .boxed(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// Every escape taken for its byte.
fn meaning(path: &str) -> Vec<u8> {
    let mut bytes = path.bytes();
    let mut meaning = Vec::new();
    while let Some(byte) = bytes.next() {
        meaning.push(if byte == b'%' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
        } else {
            byte
        });
    }
    meaning
}

proptest! {
    #[test]
    fn normalising_twice_is_normalising_once(path in paths()) {
        if let Ok(once) = normalise(&path) {
            prop_assert_eq!(normalise(&once), Ok(once.clone()));
        }
    }

    #[test]
    fn what_comes_out_means_what_came_in_and_holds_nothing_that_is_refused(path in paths()) {
        if let Ok(out) = normalise(&path) {
            prop_assert_eq!(meaning(&out), meaning(&path));
            prop_assert!(out.starts_with('/') && out.is_ascii() && !out.contains("//"));
            let refused = out.bytes().find(|byte| byte.is_ascii_control() || b"\\#? \"<>[]^`{|}".contains(byte));
            prop_assert_eq!(refused, None);
            for segment in out.split('/') {
                let name = segment.split(';').next().unwrap();
                prop_assert!(name != "." && name != "..");
            }
            for escape in out.split('%').skip(1) {
                let digits = escape.get(..2).unwrap();
                let byte = u8::from_str_radix(digits, 16).unwrap();
                prop_assert!(!is_plain(byte) && byte != b'\\' && !byte.is_ascii_control());
                prop_assert_eq!(digits.to_ascii_uppercase(), digits);
            }
        }
    }

    #[test]
    fn paths_of_one_meaning_have_one_form(path in "(/[a-z.~+]{1,6}){1,4}", escaped in prop::collection::vec(any::<bool>(), 32)) {
        let spelled: String = path
            .chars()
            .zip(escaped.into_iter().chain(std::iter::repeat(false)))
            .map(|(c, escape)| if escape && c != '/' { format!("%{:02x}", c as u32) } else { c.to_string() })
            .collect();
        prop_assert_eq!(normalise(&spelled), normalise(&path));
    }

    #[test]
    fn no_input_panics(path in any::<String>()) {
        drop(normalise(&path));
    }
}

#[test]
fn a_segment_stands_for_its_text_with_all_escapes_decoded_once() {
    for (path, position, text) in [
        ("/a/b", 0, Some("a")),
        ("/a/b", 1, Some("b")),
        ("/a/b", 2, None),
        ("/a/", 1, Some("")),
        ("/a%20b", 0, Some("a b")),
        ("/%2541", 0, Some("%41")),
        ("/%C3%A9", 0, Some("é")),
        ("/%FF", 0, None),
        ("/", 0, Some("")),
    ] {
        assert_eq!(segment(path, position).as_deref(), text, "{position} of {path}");
    }
}
