use super::*;

fn reads(body: &str) -> bool {
    // In one piece and byte by byte: where the bytes are cut says nothing.
    let mut whole = Chunks::default();
    let mut pieces = Chunks::default();
    let at_once = whole.see(body.as_bytes());
    let one_by_one = body.as_bytes().chunks(1).take_while(|byte| pieces.see(byte) == 1).count();
    assert_eq!(at_once, one_by_one, "{body:?}");
    at_once == body.len()
}

#[test]
fn what_comes_before_a_fault_is_counted() {
    assert_eq!(Chunks::default().see(b"5\r\nhello\r\nx\r\n"), 10);
    assert_eq!(Chunks::default().see(b"x\r\n"), 0);
}

#[test]
fn a_chunked_body_with_one_meaning_is_read() {
    for body in [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "A;name=value\r\n0123456789\r\n000\r\n\r\nGET / HTTP/1.1\r\n",
        "5 \r\nhello\r\n0;x\r\nTrailer: a\r\nOther: b\r\n\r\n",
        "5\r\nhe",
        "",
    ] {
        assert!(reads(body), "{body:?}");
    }
}

#[test]
fn a_line_without_a_single_meaning_is_refused() {
    for body in [
        "\r\nhello\r\n0\r\n\r\n",
        ";x\r\n",
        "5\nhello\r\n",
        "5;a\nb\r\n",
        "5\r\nhelloX\r\n",
        "5\r\nhello\n0\r\n",
        "x\r\n",
        "-1\r\n",
        "0x5\r\n",
        "fffffffffffffffff\r\n",
        "0\r\n\n",
    ] {
        assert!(!reads(body), "{body:?}");
    }
}
