use super::*;

fn upstream(balance: Balance, ports: &[u16]) -> Arc<Upstream> {
    Upstream::new(&UpstreamSpec {
        name: "app".into(),
        endpoints: ports
            .iter()
            .map(|port| EndpointSpec { host: "127.0.0.1".to_owned(), port: *port })
            .collect(),
        balance,
        connect_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(1),
        retries: Retries { attempts: 2, connect: true, stale_connection: true, unavailable: false },
    })
}

fn ports(upstream: &Upstream, times: usize) -> Vec<u16> {
    (0..times).filter_map(|_| upstream.pick(&[])).map(|endpoint| endpoint.address.port()).collect()
}

#[test]
fn round_robin_takes_turns() {
    let upstream = upstream(Balance::RoundRobin, &[1, 2, 3]);
    assert_eq!(ports(&upstream, 6), [1, 2, 3, 1, 2, 3]);
}

#[test]
fn least_request_avoids_the_busy_and_spreads_ties() {
    let upstream = upstream(Balance::LeastRequest, &[1, 2]);
    assert_eq!(ports(&upstream, 4), [1, 2, 1, 2]);
    let busy = upstream.pick(&[]).unwrap().occupy();
    let idle = if busy.endpoint().address.port() == 1 { 2 } else { 1 };
    assert_eq!(ports(&upstream, 4), [idle; 4]);
    drop(busy);
    assert_ne!(ports(&upstream, 2), [idle; 2]);
}

#[test]
fn an_endpoint_that_was_tried_is_not_tried_again_while_another_is_left() {
    let upstream = upstream(Balance::Random, &[1, 2]);
    let first = upstream.pick(&[]).unwrap();
    for _ in 0..20 {
        assert_ne!(upstream.pick(std::slice::from_ref(&first)).unwrap().address, first.address);
    }
    let second = upstream.pick(std::slice::from_ref(&first)).unwrap();
    assert!(upstream.pick(&[first, second]).is_some());
}

#[test]
fn an_address_that_stays_keeps_its_endpoint_and_one_that_goes_is_marked() {
    let upstream = upstream(Balance::RoundRobin, &[1, 2]);
    let (one, two) = (upstream.pick(&[]).unwrap(), upstream.pick(&[]).unwrap());
    upstream.set(vec![two.address, "127.0.0.1:3".parse().unwrap()]);
    assert!(one.is_removed() && !two.is_removed());
    let now: Vec<_> = (0..2).map(|_| upstream.pick(&[]).unwrap().id).collect();
    assert!(now.contains(&two.id) && !now.contains(&one.id));
}
