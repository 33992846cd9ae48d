use super::*;

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

#[test]
fn beyond_the_bound_nobody_is_let_in_until_somebody_leaves() {
    let crowd = Crowd::new(2, 10);
    let first = crowd.admit(Some(ip("192.0.2.1"))).unwrap();
    let _second = crowd.admit(None).unwrap();
    assert_eq!(crowd.admit(None).unwrap_err(), Crowded::Connections);
    assert_eq!(crowd.admit(Some(ip("192.0.2.2"))).unwrap_err(), Crowded::Connections);
    drop(first);
    assert!(crowd.admit(None).is_ok());
}

#[test]
fn an_address_is_bounded_by_itself_and_forgotten_when_it_has_left() {
    let crowd = Crowd::new(100, 1);
    let first = crowd.admit(Some(ip("192.0.2.1"))).unwrap();
    assert_eq!(crowd.admit(Some(ip("::ffff:192.0.2.1"))).unwrap_err(), Crowded::PerAddress);
    assert!(crowd.admit(Some(ip("192.0.2.2"))).is_ok());
    let _unbounded: Vec<_> = (0..5).map(|_| crowd.admit(None).unwrap()).collect();
    drop(first);
    assert!(crowd.by_address().is_empty());
    assert!(crowd.admit(Some(ip("192.0.2.1"))).is_ok());
    assert_eq!(crowd.open.load(Ordering::Relaxed), 5);
}

#[test]
fn an_ipv6_network_of_64_bits_is_one_address() {
    let crowd = Crowd::new(100, 1);
    let _first = crowd.admit(Some(ip("2001:db8:0:1::1"))).unwrap();
    assert!(crowd.admit(Some(ip("2001:db8:0:1:ffff::2"))).is_err());
    assert!(crowd.admit(Some(ip("2001:db8:0:2::1"))).is_ok());
}
