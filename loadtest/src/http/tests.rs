use super::*;

#[test]
fn an_answers_head_says_its_status_and_how_many_bytes_belong_to_it() {
    let input = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 7\r\n\r\nrefused";
    let head = AnswerHead::parse(input).unwrap().unwrap();
    assert_eq!((head.status, head.length, head.head), (401, input.len(), input.len() - 7));
}

#[test]
fn half_a_head_is_no_answer_yet() {
    assert_eq!(AnswerHead::parse(b"HTTP/1.1 200 OK\r\nContent-Le").unwrap(), None);
    assert_eq!(RequestHead::parse(b"GET / HTTP/1.1\r\nHost: a\r\n").unwrap(), None);
}

#[test]
fn an_answer_of_unknown_length_is_an_error() {
    let unframed = AnswerHead::parse(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    assert!(unframed.is_err());
    let wrong = AnswerHead::parse(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n");
    assert!(wrong.is_err());
}

#[test]
fn a_request_without_a_declared_body_has_none() {
    let input = b"GET /echo?a=b HTTP/1.1\r\nHost: a\r\n\r\n";
    let head = RequestHead::parse(input).unwrap().unwrap();
    assert_eq!((head.path, head.length, head.raw), ("/echo?a=b", input.len(), &input[..]));
}

#[test]
fn a_request_counts_its_declared_body() {
    let input = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1024\r\n\r\n";
    assert_eq!(RequestHead::parse(input).unwrap().unwrap().length, input.len() + 1024);
}

#[test]
fn a_chunked_request_is_refused_because_the_stub_reads_none() {
    let input = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(RequestHead::parse(input).is_err());
}
