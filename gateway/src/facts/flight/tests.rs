use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use decision::facts::FactKey;
use decision::secret::Digest;

use super::{Flights, Landing};

fn key() -> FactKey {
    FactKey::new(&[0; 32], &Digest([1; 32]))
}

/// Boards a flight that must begin, and takes its landing.
fn begin(flights: &Arc<Flights<u8>>) -> (super::Flight<u8>, Landing<u8>) {
    let begun = Mutex::new(None);
    let start = |landing| *begun.lock().unwrap() = Some(landing);
    let flight = Flights::board(flights, key(), || None, start).unwrap();
    (flight, begun.into_inner().unwrap().unwrap())
}

fn never(_: Landing<u8>) {
    panic!("a second flight began");
}

fn poll(future: impl Future<Output = Option<u8>>) -> Poll<Option<u8>> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn all_who_board_share_what_one_flight_brings() {
    let flights = Arc::default();
    let (first, landing) = begin(&flights);
    let second = Flights::board(&flights, key(), || None, never).unwrap();
    assert_eq!(flights.under_way(), 1);
    landing.land(7);
    assert_eq!(poll(first.landed()), Poll::Ready(Some(7)));
    assert_eq!(poll(second.landed()), Poll::Ready(Some(7)), "also who asks after the landing");
    assert_eq!(flights.under_way(), 0);
}

#[test]
fn a_flight_that_is_given_up_brings_nothing_and_frees_its_key() {
    let flights = Arc::default();
    let (flight, landing) = begin(&flights);
    drop(landing);
    assert_eq!(poll(flight.landed()), Poll::Ready(None));
    let (flight, landing) = begin(&flights);
    landing.land(1);
    assert_eq!(poll(flight.landed()), Poll::Ready(Some(1)));
}

#[test]
fn what_is_known_meanwhile_needs_no_flight() {
    let flights = Arc::default();
    let flight = Flights::board(&flights, key(), || Some(3), never).unwrap();
    assert_eq!(poll(flight.landed()), Poll::Ready(Some(3)));
    assert_eq!(flights.under_way(), 0);
}

/// Counts the flights under way whenever it is woken.
struct Counter {
    flights: Arc<Flights<u8>>,
    seen: AtomicUsize,
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.seen.store(self.flights.under_way(), Ordering::SeqCst);
    }
}

#[test]
fn whoever_hears_of_a_landing_can_begin_the_next_flight() {
    let flights = Arc::default();
    for brings in [Some(1), None] {
        let (flight, landing) = begin(&flights);
        let counter =
            Arc::new(Counter { flights: Arc::clone(&flights), seen: AtomicUsize::new(9) });
        let waker = Waker::from(Arc::clone(&counter));
        let mut landed = pin!(flight.landed());
        assert!(landed.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        match brings {
            Some(value) => landing.land(value),
            None => drop(landing),
        }
        assert_eq!(counter.seen.load(Ordering::SeqCst), 0);
    }
}
