use std::time::Duration;

use super::*;

fn sample(answers: u64, user_ms: u64, system_ms: u64) -> Sample {
    let used =
        Cpu { user: Duration::from_millis(user_ms), system: Duration::from_millis(system_ms) };
    Sample::new(Tally { answers, elapsed: Duration::from_secs(1) }, used)
}

fn row(kind: Kind, samples: Vec<Sample>) -> Row {
    Row { kind, title: format!("{kind:?}"), samples }
}

#[test]
fn a_request_costs_what_the_process_used_over_what_it_answered() {
    let sample = sample(50_000, 400, 600);
    assert!((sample.user - 8.0).abs() < 1e-9);
    assert!((sample.system - 12.0).abs() < 1e-9);
    assert!((sample.load - 1.0).abs() < 1e-9);
}

#[test]
fn the_ratio_compares_within_a_round_so_that_a_slow_round_hurts_nobody() {
    let nginx = row(Kind::Nginx, vec![sample(1000, 10, 0), sample(1000, 30, 0)]);
    let ours = row(Kind::Portcullis, vec![sample(1000, 9, 0), sample(1000, 27, 0)]);
    let ratios = ours.ratios(&nginx);
    assert!(ratios.iter().all(|ratio| (ratio - 0.9).abs() < 1e-9), "{ratios:?}");
}

#[test]
fn without_nginx_there_is_no_ratio() {
    let rows = vec![row(Kind::Portcullis, vec![sample(1000, 10, 10)])];
    let text = Report { scenario: Scenario::Get, rows }.to_string();
    assert!(text.contains("| Portcullis | 1000 | 20.0 | 10.0 + 10.0 | – | 2 % |"), "{text}");
}
