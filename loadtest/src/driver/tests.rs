use std::sync::mpsc;
use std::thread;

use super::*;
use crate::http::Client;
use crate::scenario::head;
use crate::upstream;

/// A stub upstream of this process; its thread ends with the test's process.
fn stub() -> SocketAddr {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || upstream::serve(|address| tell.send(address).map_err(io::Error::other)));
    told.recv().unwrap()
}

fn requests(target: &str) -> Vec<Vec<u8>> {
    vec![head("GET", target, "").into_bytes()]
}

const MOMENT: Duration = Duration::from_millis(50);

#[test]
fn every_connection_is_answered_at_least_once_and_again_in_a_second_run() {
    let requests = requests("/v1/boards");
    let mut driver = Driver::connect(stub(), 8, &requests, 200).unwrap();
    assert_eq!(driver.run(Duration::ZERO).unwrap().answers, 8);
    assert!(driver.run(MOMENT).unwrap().answers >= 8);
}

#[test]
fn answers_longer_than_a_read_are_counted_once_each() {
    let requests = requests("/large");
    let mut driver = Driver::connect(stub(), 2, &requests, 200).unwrap();
    assert_eq!(driver.run(Duration::ZERO).unwrap().answers, 2);
}

#[test]
fn an_answer_of_another_status_ends_the_run() {
    let requests = requests("/v1/boards");
    let mut driver = Driver::connect(stub(), 1, &requests, 401).unwrap();
    let error = driver.run(MOMENT).unwrap_err();
    assert_eq!(error.to_string(), "an answer of 200 instead of 401");
}

#[test]
fn a_connection_that_is_closed_instead_of_answered_ends_the_run() {
    let chunked = head("POST", "/", "Transfer-Encoding: chunked\r\n").into_bytes();
    let requests = vec![chunked];
    let mut driver = Driver::connect(stub(), 1, &requests, 200).unwrap();
    assert!(driver.run(MOMENT).is_err());
}

#[test]
fn the_stub_echoes_the_head_it_was_sent_and_reads_bodies() {
    let mut client = Client::connect(stub()).unwrap();
    let mut post = head("POST", "/v1/boards", "Content-Length: 3\r\n").into_bytes();
    post.extend_from_slice(b"abc");
    let (status, body) = client.call(&post).unwrap();
    assert_eq!((status, body.len()), (200, 599));
    let echo = head("GET", "/echo", "X-Org-Id: org_1\r\n");
    assert_eq!(client.call(echo.as_bytes()).unwrap(), (200, echo.clone().into_bytes()));
}
