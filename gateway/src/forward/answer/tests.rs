use proptest::prelude::*;

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\n";

fn parse(raw: &str) -> Result<Answer<'_>, &'static str> {
    Answer::parse(raw.as_bytes())
}

fn with(fields: &str) -> String {
    format!("{OK}{fields}\r\n\r\n")
}

fn names<'a>(answer: &Answer<'a>) -> Vec<&'a str> {
    answer.fields.iter().map(|field| field.name).collect()
}

#[test]
fn the_end_of_a_head_is_found_wherever_the_bytes_are_split() {
    for head in ["HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "HTTP/1.1 200\n\n", "HTTP/1.0 204 x\r\n\n"] {
        let bytes = [head.as_bytes(), b"HTTP/1.1 \n\n"].concat();
        for scanned in 0..head.len() {
            assert_eq!(scan(&bytes[..scanned], 0), Ok(None), "{head:?} {scanned}");
            assert_eq!(scan(&bytes, scanned), Ok(Some(head.len())), "{head:?} {scanned}");
        }
    }
}

#[test]
fn what_begins_no_status_line_is_refused_at_its_first_byte() {
    for bytes in ["h", "\r\n", " ", "HTTP/2", "HTTX", "\0", "SSH-2.0"] {
        assert!(scan(bytes.as_bytes(), 0).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_head_has_a_bound() {
    let head = format!("{OK}a: {}", "x".repeat(HEAD_MAX));
    assert_eq!(scan(&head.as_bytes()[..HEAD_MAX - 1], 0), Ok(None));
    assert!(scan(&head.as_bytes()[..HEAD_MAX], 0).is_err());
    let many = |count| with(&vec!["a: b"; count].join("\r\n"));
    assert_eq!(parse(&many(FIELDS_MAX)).unwrap().fields.len(), FIELDS_MAX);
    assert!(parse(&many(FIELDS_MAX + 1)).is_err());
}

#[test]
fn fields_keep_their_order_their_case_and_their_bytes() {
    let head = with("X-oDD: 1\r\nSet-Cookie:a=1 \r\nx-odd:\t2\r\nEmpty:\r\nSpaced : v");
    let answer = parse(&head).unwrap();
    let fields: Vec<_> = answer.fields.iter().map(|field| (field.name, field.value)).collect();
    let expected: [(&str, &[u8]); 5] = [
        ("X-oDD", b"1"),
        ("Set-Cookie", b"a=1"),
        ("x-odd", b"2"),
        ("Empty", b""),
        ("Spaced", b"v"),
    ];
    assert_eq!(fields, expected);
    let latin = Answer::parse(b"HTTP/1.1 200 OK\r\nx: caf\xe9\r\n\r\n").unwrap();
    assert_eq!(latin.fields[0].value, b"caf\xe9");
}

#[test]
fn status_and_reason_come_as_they_are() {
    for (line, status, reason) in [
        ("HTTP/1.1 200 OK", 200, "OK"),
        ("HTTP/1.0 299 Fine By Me", 299, "Fine By Me"),
        ("HTTP/1.1 404 ", 404, ""),
        ("HTTP/1.1 999", 999, ""),
    ] {
        let head = format!("{line}\r\n\r\n");
        let answer = parse(&head).unwrap();
        assert_eq!((answer.status.as_u16(), answer.reason), (status, reason));
        assert_eq!(answer.is_http11, line.contains("1.1"));
    }
    for line in ["HTTP/1.1 20 OK", "HTTP/1.1 099 x", "HTTP/1.1", "HTTP/1.2 200 OK", "HTTP/1.1  200"]
    {
        assert!(parse(&format!("{line}\r\n\r\n")).is_err(), "{line}");
    }
}

#[test]
fn framing_has_one_meaning_or_none() {
    for (fields, framing) in [
        ("a: b", Framing::Streamed),
        ("Content-Length: 3", Framing::Sized(3)),
        ("Content-Length: 3, 3\r\ncontent-length: 03", Framing::Sized(3)),
        ("Transfer-Encoding: Chunked", Framing::Streamed),
    ] {
        let head = with(fields);
        let answer = parse(&head).unwrap();
        assert_eq!(answer.framing(false), framing, "{fields}");
        assert_eq!(answer.framing(true), Framing::None);
        assert_eq!(answer.is_chunked, fields.starts_with('T'));
    }
    for fields in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3, 4",
        "Content-Length: 3,",
        "Content-Length:",
        "Content-Length: +3",
        "Content-Length: 9223372036854775808",
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding:",
    ] {
        assert!(parse(&with(fields)).is_err(), "{fields}");
    }
    assert!(parse("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    for status in [204, 304] {
        let head = format!("HTTP/1.1 {status} x\r\nContent-Length: 3\r\n\r\n");
        let answer = parse(&head).unwrap();
        assert_eq!((answer.framing(false), answer.length), (Framing::None, Some(3)));
    }
}

#[test]
fn what_ends_at_this_hop_or_is_nominated_does_not_cross() {
    let head = with(
        "Connection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: max=9, timeout=5\r\nx-second: 2\r\n\
         X-Stays: 3\r\nTE: x\r\nTrailer: x\r\nUpgrade: h2c\r\nconnection: x-SECOND\r\nContent-Length: 0",
    );
    let answer = parse(&head).unwrap();
    assert_eq!(names(&answer), ["X-Stays"]);
    assert_eq!((answer.keep_alive, answer.is_websocket, answer.stays), (Some(5), false, true));
}

#[test]
fn whether_the_connection_stays_is_what_all_connection_lines_and_the_version_say() {
    for (version, fields, stays) in [
        (1, "a: b", true),
        (0, "a: b", false),
        (0, "Connection: Keep-Alive", true),
        (1, "Connection: x, close", false),
        (1, "Connection: keep-alive\r\nconnection: CLOSE", false),
        (1, "Connection: close\r\nconnection: keep-alive", false),
    ] {
        let head = format!("HTTP/1.{version} 200 OK\r\n{fields}\r\n\r\n");
        assert_eq!(parse(&head).unwrap().stays, stays, "{head}");
    }
}

#[test]
fn folded_lines_are_joined_and_nothing_else_is() {
    let folded = with("a: b\r\n c\n\td\r\ne: f");
    assert!(parse(&folded).is_err());
    let joined = unfolded(folded.as_bytes());
    let answer = Answer::parse(&joined).unwrap();
    assert_eq!(names(&answer), ["a", "e"]);
    assert_eq!(answer.fields[0].value, b"b   c \td");
    let behind_status = format!("{OK} a: b\r\n\r\n");
    assert!(Answer::parse(&unfolded(behind_status.as_bytes())).is_err());
}

#[test]
fn control_bytes_are_in_no_value() {
    for byte in (0..=31u8).chain([127]).filter(|byte| !b"\t\n".contains(byte)) {
        let head = [OK.as_bytes(), b"a: x", &[byte], b"y\r\n\r\n"].concat();
        assert!(Answer::parse(&head).is_err(), "{byte}");
    }
}

proptest! {
    /// Nothing that a head yields can end a line of the head that is made of it.
    #[test]
    fn no_bytes_are_too_odd(text in "(HTTP/1\\.1 200 )?[ -~\r\n\t:]{0,80}(\r\n\r\n)?") {
        let raw = text.as_bytes();
        if let Ok(Some(length)) = scan(raw, 0) {
            let joined = unfolded(&raw[..length]);
            prop_assert_eq!(joined.len(), length);
            if let Ok(answer) = Answer::parse(&joined) {
                let lines = answer.fields.iter().flat_map(|field| [field.name.as_bytes(), field.value]);
                let mut bytes = lines.chain([answer.reason.as_bytes()]).flatten();
                prop_assert!(!bytes.any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
            }
        }
    }
}
