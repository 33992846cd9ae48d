use super::*;

/// Endpoints by port, with their weights; they are left out after two failures.
fn spec(balance: Balance, endpoints: &[(u16, u32)]) -> UpstreamSpec {
    let host = || "127.0.0.1".to_owned();
    UpstreamSpec {
        name: "app".into(),
        endpoints: endpoints
            .iter()
            .map(|(port, weight)| EndpointSpec { host: host(), port: *port, weight: *weight })
            .collect(),
        balance,
        outlier: Some(Outlier { consecutive_failures: 2, eject_for: Duration::from_mins(10) }),
        connect_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(1),
        retries: Retries { attempts: 2, connect: true, stale_connection: true, unavailable: false },
    }
}

/// Endpoints of equal weight.
fn even(ports: &[u16]) -> Vec<(u16, u32)> {
    ports.iter().map(|port| (*port, 1)).collect()
}

fn upstream(balance: Balance, ports: &[u16]) -> Arc<Upstream> {
    weighing(balance, &even(ports))
}

fn weighing(balance: Balance, endpoints: &[(u16, u32)]) -> Arc<Upstream> {
    Upstream::new(&spec(balance, endpoints), None)
}

fn ports(upstream: &Upstream, times: usize) -> Vec<u16> {
    (0..times)
        .filter_map(|_| upstream.pick(&[], None))
        .map(|endpoint| endpoint.address.port())
        .collect()
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
    let busy = upstream.pick(&[], None).unwrap().occupy();
    let idle = if busy.endpoint().address.port() == 1 { 2 } else { 1 };
    assert_eq!(ports(&upstream, 4), [idle; 4]);
    drop(busy);
    assert_ne!(ports(&upstream, 2), [idle; 2]);
}

#[test]
fn an_endpoint_that_was_tried_is_not_tried_again_while_another_is_left() {
    let upstream = upstream(Balance::Random, &[1, 2]);
    let first = upstream.pick(&[], None).unwrap();
    for _ in 0..20 {
        assert_ne!(
            upstream.pick(std::slice::from_ref(&first), None).unwrap().address,
            first.address
        );
    }
    let second = upstream.pick(std::slice::from_ref(&first), None).unwrap();
    assert!(upstream.pick(&[first, second], None).is_some());
}

fn name(host: &str) -> EndpointSpec {
    EndpointSpec { host: host.to_owned(), port: 1, weight: 1 }
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// An upstream of two names.
fn named(before: Option<&Upstream>) -> Arc<Upstream> {
    let endpoints = vec![name("one.test"), name("two.test")];
    Upstream::new(&UpstreamSpec { endpoints, ..spec(Balance::RoundRobin, &[]) }, before)
}

fn addresses(upstream: &Upstream) -> Vec<String> {
    upstream.endpoints.load().iter().map(|endpoint| endpoint.address.to_string()).collect()
}

#[test]
fn an_address_that_a_name_keeps_keeps_its_endpoint_and_one_that_goes_is_marked() {
    let upstream = named(None);
    upstream.learn(&name("one.test"), vec![address("10.0.0.2:1"), address("10.0.0.1:1")]);
    let before = upstream.endpoints.load_full();
    upstream.learn(&name("one.test"), vec![address("10.0.0.3:1"), address("10.0.0.2:1")]);
    assert!(before[0].is_removed() && !before[1].is_removed());
    let after = upstream.endpoints.load_full();
    assert_eq!(addresses(&upstream), ["10.0.0.2:1", "10.0.0.3:1"]);
    assert_eq!(after[0].id, before[1].id);
}

#[test]
fn each_name_has_its_own_answer_and_an_address_of_two_names_is_one_endpoint() {
    let upstream = named(None);
    upstream.learn(&name("two.test"), vec![address("10.0.0.2:1"), address("10.0.0.9:1")]);
    upstream.learn(&name("one.test"), vec![address("10.0.0.1:1"), address("10.0.0.9:1")]);
    assert_eq!(addresses(&upstream), ["10.0.0.1:1", "10.0.0.9:1", "10.0.0.2:1"]);
    upstream.learn(&name("one.test"), vec![address("10.0.0.1:1")]);
    assert_eq!(addresses(&upstream), ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.9:1"]);
}

#[test]
fn the_next_generation_keeps_endpoints_that_stay_with_their_counts_whatever_else_changes() {
    let first = upstream(Balance::RoundRobin, &[1, 2]);
    let (one, two) = (first.pick(&[], None).unwrap(), first.pick(&[], None).unwrap());
    let busy = two.clone().occupy();
    let next = Upstream::new(&spec(Balance::LeastRequest, &even(&[3, 2])), Some(&first));
    assert_eq!(next.endpoint_ids()[1], two.id);
    assert_eq!(ports(&next, 3), [3, 3, 3], "2 is busy still");
    assert!(!one.is_removed(), "not before the swap");
    first.leave(&next.endpoint_ids().into_iter().collect());
    assert!(one.is_removed() && !two.is_removed());
    drop(busy);
}

#[test]
fn a_request_of_the_generation_before_chooses_among_what_stays_while_something_does() {
    let first = upstream(Balance::RoundRobin, &[1, 2]);
    let next = Upstream::new(&spec(Balance::RoundRobin, &even(&[2])), Some(&first));
    first.leave(&next.endpoint_ids().into_iter().collect());
    assert_eq!(ports(&first, 3), [2, 2, 2]);
    first.leave(&HashSet::new());
    assert_eq!(ports(&first, 2).len(), 2, "it finishes on what it has");
}

#[test]
fn answers_of_dns_pass_to_the_next_generation_and_the_one_before_learns_no_more() {
    let first = named(None);
    first.learn(&name("one.test"), vec![address("10.0.0.1:1")]);
    let next = named(Some(&first));
    assert_eq!(addresses(&next), ["10.0.0.1:1"]);
    assert_eq!(next.endpoint_ids(), first.endpoint_ids());
    // An answer that was under way.
    first.learn(&name("one.test"), vec![address("10.0.0.2:1")]);
    assert_eq!(addresses(&first), ["10.0.0.1:1"]);
    assert!(!next.pick(&[], None).unwrap().is_removed());
    let other = UpstreamSpec { endpoints: vec![name("two.test")], ..spec(Balance::Random, &[]) };
    assert_eq!(addresses(&Upstream::new(&other, Some(&next))), [""; 0], "of a name that went");
}

fn share(upstream: &Upstream, port: u16, times: usize) -> usize {
    ports(upstream, times).into_iter().filter(|picked| *picked == port).count()
}

#[test]
fn weights_are_shares_of_turns_of_draws_and_of_idle_ties() {
    for balance in [Balance::RoundRobin, Balance::LeastRequest] {
        let upstream = weighing(balance.clone(), &[(1, 3), (2, 1)]);
        for window in 0..10 {
            let share = share(&upstream, 1, 100);
            assert!((74..=76).contains(&share), "{balance:?}, window {window}: {share}");
        }
    }
    let share = share(&weighing(Balance::Random, &[(1, 3), (2, 1)]), 1, 10_000);
    assert!((7000..=8000).contains(&share), "{share}");
}

#[test]
fn least_request_holds_what_is_busy_against_the_weight() {
    let upstream = weighing(Balance::LeastRequest, &[(1, 3), (2, 1)]);
    let mut busy = Vec::new();
    for _ in 0..40 {
        busy.push(upstream.pick(&[], None).unwrap().occupy());
    }
    let heavy = busy.iter().filter(|busy| busy.endpoint().address.port() == 1).count();
    assert_eq!(heavy, 30);
}

#[test]
fn a_hash_chooses_the_same_endpoint_each_time_and_one_that_goes_moves_only_its_own() {
    let all = weighing(Balance::Hash(HeaderName::from_static("x-a")), &[(1, 1), (2, 1), (3, 2)]);
    let fewer = weighing(Balance::Hash(HeaderName::from_static("x-a")), &[(1, 1), (3, 2)]);
    let mut counts = [0; 4];
    for hash in (0..4000_u64).map(|number| number.wrapping_mul(0x1234_5678_9abc_def1)) {
        let port = |upstream: &Upstream| upstream.pick(&[], Some(hash)).unwrap().address.port();
        let chosen = port(&all);
        assert_eq!(chosen, port(&all));
        assert!(chosen == 2 || chosen == port(&fewer), "{hash} moved from {chosen}");
        counts[usize::from(chosen)] += 1;
    }
    assert!(counts[1] > 800 && counts[2] > 800 && counts[3] > 1700, "{counts:?}");
}

#[test]
fn an_endpoint_that_fails_in_a_row_is_left_out_and_good_service_begins_the_count_anew() {
    let upstream = upstream(Balance::RoundRobin, &[1, 2]);
    let endpoint = upstream.pick(&[], None).unwrap();
    for (good, ejected) in [(false, false), (true, false), (false, false), (false, true)] {
        assert_eq!(upstream.note(&endpoint, good), ejected);
    }
    assert_eq!(share(&upstream, endpoint.address.port(), 10), 0);
    // All of them out is as good as none.
    let other = upstream.pick(&[], None).unwrap();
    upstream.note(&other, false);
    upstream.note(&other, false);
    assert_eq!(share(&upstream, endpoint.address.port(), 10), 5);
}
