//! Contract 1, 2, 6 and issue-wide bad input: a start succeeds whole, or fails with a message and exit code 1.

use std::fs;
use std::net::TcpListener;

use crate::support::{Gateway, Setup, Upstream, one_api};

/// The start ends with code 1 and says each of these.
fn fails(setup: Setup, words: &[&str]) {
    let (status, said) = setup.fails_to_start();
    assert_eq!(status.code(), Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "no {word:?} in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn an_address_that_is_taken_is_an_exit_with_a_message() {
    let upstream = Upstream::echo();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let listener = format!("listeners: [{{ address: \"{address}\" }}]");
    fails(Setup::new(one_api(&upstream)).server(&listener), &[&address]);
}

#[test]
fn every_problem_of_a_configuration_is_named_with_its_place() {
    let yaml = "upstreams: { app: [127.0.0.1:9] }
apis:
  - name: app
    upstrem: app
    schemes: [{ name: key, prefix: ak_, form: [bearer] }]
    routes:
      - { path: /a/**/b }
      - { path: /c, auth: maybe }
";
    let setup = Setup::new(yaml);
    let before = setup.yaml().lines().position(|line| line.starts_with("upstreams")).unwrap();
    let places = [4, 5, 7, 8].map(|line| format!("portcullis.yaml:{}:", before + line));
    let (status, said) = setup.fails_to_start();
    assert_eq!(status.code(), Some(1));
    for place in &places {
        assert!(said.contains(place), "no {place} in: {said}");
    }
    assert!(said.contains("upstream") && said.contains("from"), "suggestions: {said}");
}

#[test]
fn a_missing_variable_or_file_is_refused() {
    let upstream = Upstream::echo();
    let yaml = one_api(&upstream).replace("name: key", "name: \"${NOT_SET_ANYWHERE}\"");
    fails(Setup::new(yaml), &["NOT_SET_ANYWHERE", "portcullis.yaml:"]);
    let yaml = one_api(&upstream).replace("name: key", "name: \"${file:not-there.txt}\"");
    fails(Setup::new(yaml), &["not-there.txt"]);
}

#[test]
fn a_short_pepper_is_refused_without_being_shown() {
    let upstream = Upstream::echo();
    let setup = Setup::new(one_api(&upstream))
        .store("pepper: \"${PORTCULLIS_PEPPER}\"")
        .environment("PORTCULLIS_PEPPER", "only-31-bytes-of-pepper-is-less");
    let (status, said) = setup.fails_to_start();
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("pepper") && said.contains("32"), "{said}");
    assert!(!said.contains("only-31-bytes"), "{said}");
}

#[test]
fn a_changed_pepper_is_recognised() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(one_api(&upstream)).start();
    gateway.mint("u_1", "org_1");
    let folder = gateway.stop();
    let other = Setup::new(one_api(&upstream))
        .environment("PORTCULLIS_PEPPER", "another pepper, 32 bytes and more");
    let (status, said) = other.fails_to_start_in(folder.path());
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("pepper"), "{said}");
}

#[test]
fn without_a_pepper_one_is_made_beside_the_file_for_its_owner_alone_and_used_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let upstream = Upstream::echo();
    let setup = || Setup::new(one_api(&upstream)).environment("PORTCULLIS_PEPPER", "");
    let gateway = setup().start();
    let secret = gateway.mint("u_1", "org_1");
    assert!(gateway.said().contains("pepper"), "{}", gateway.said());
    let folder = gateway.stop();
    let made: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().contains("pepper"))
        .collect();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let gateway = setup().start_in(folder);
    assert_eq!(gateway.get("/", &[("x-api-key", &secret)]).status, 200);
}

#[test]
fn a_store_that_another_process_holds_is_refused() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let (status, said) = Setup::new(one_api(&upstream)).fails_to_start_in(gateway.folder());
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("portcullis.db"), "{said}");
    gateway.mint("u_1", "org_1");
}

#[test]
fn a_store_that_is_corrupt_or_no_file_is_refused() {
    let upstream = Upstream::echo();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    fs::write(
        &path,
        "this is no database, but it is long enough to be taken for one. ".repeat(100),
    )
    .unwrap();
    let (status, said) = Setup::new(one_api(&upstream)).fails_to_start_in(folder.path());
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("portcullis.db"), "{said}");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let (status, said) = Setup::new(one_api(&upstream)).fails_to_start_in(folder.path());
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("portcullis.db"), "{said}");
}

#[test]
fn live_and_ready_answer_and_nothing_else_does() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    assert_eq!(gateway.health("/live").status, 200);
    assert_eq!(gateway.health("/ready").status, 200);
    assert_eq!(gateway.health("/nothing").status, 404);
    let metrics = gateway.metrics().0;
    for name in ["portcullis_build_info", "portcullis_draining", "process_cpu_seconds_total"] {
        assert!(metrics.contains(name), "{name}");
    }
}

#[test]
fn after_sigterm_it_is_not_ready_serves_on_while_the_delay_runs_and_ends_with_success() {
    let upstream = Upstream::echo();
    let mut gateway =
        Setup::new(one_api(&upstream)).server("drain: { delay: 60s, timeout: 5s }").start();
    gateway.sigterm();
    gateway.stderr.wait("word of the drain", |lines| {
        lines.iter().any(|line| line.contains("drain")).then_some(())
    });
    assert_eq!(gateway.health("/ready").status, 503);
    assert_eq!(gateway.health("/live").status, 200);
    assert_eq!(gateway.get("/", &[]).status, 401, "requests are still served while the delay runs");
    // A second signal ends the delay.
    gateway.sigterm();
    assert!(gateway.wait_exit().success());
}

#[test]
fn sigterm_without_a_delay_ends_at_once_when_nothing_is_under_way() {
    let upstream = Upstream::echo();
    let mut gateway = Gateway::start(one_api(&upstream));
    gateway.get("/", &[]);
    let mut idle = gateway.connect();
    gateway.sigterm();
    assert!(gateway.wait_exit().success());
    idle.closed();
}
