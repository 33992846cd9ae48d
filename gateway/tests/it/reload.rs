//! Contract 2: the configuration is read anew when a file changes, on SIGHUP and when asked; it is put in force whole or not at all.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::support::{Gateway, Setup, Upstream, one_api, open_api};

/// An api of two routes; the second is at `/two` of anybody's, and not there yet.
fn routes(upstream: &Upstream) -> String {
    open_api(upstream, "name: one").replace("path: /**", "path: /one")
}

const MORE: (&str, &str) = ("routes: [", "routes: [{ path: /two, auth: none, name: two }, ");

fn status(gateway: &Gateway, target: &str) -> u16 {
    gateway.get(target, &[]).status
}

#[test]
fn a_file_that_is_renamed_into_place_is_put_in_force() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(routes(&upstream));
    assert_eq!((status(&gateway, "/one"), status(&gateway, "/two")), (200, 404));
    gateway.replace(MORE.0, MORE.1);
    gateway.told(
        "a new configuration is in force",
        &[("generation", json!(2)), ("cause", json!("file"))],
    );
    assert_eq!((status(&gateway, "/one"), status(&gateway, "/two")), (200, 200));
    assert_eq!(gateway.reloads("applied"), 1, "one change is one reload");
}

#[test]
fn a_file_that_is_written_in_place_is_put_in_force() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(routes(&upstream));
    let text = fs::read_to_string(gateway.config()).unwrap();
    fs::write(gateway.config(), text.replace(MORE.0, MORE.1)).unwrap();
    gateway.in_force(2);
    assert_eq!(status(&gateway, "/two"), 200);
}

#[test]
fn a_hangup_reads_the_configuration_anew_and_is_no_end() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(routes(&upstream));
    gateway.signal("HUP");
    gateway.told("the configuration has not changed", &[("cause", json!("signal"))]);
    gateway.replace(MORE.0, MORE.1);
    gateway.signal("HUP");
    gateway.in_force(2);
    assert_eq!(status(&gateway, "/two"), 200);
}

#[test]
fn an_admin_call_reads_it_anew_and_is_answered_when_it_is_in_force() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(routes(&upstream));
    assert_eq!(
        gateway.reload(),
        (200, json!({ "generation": 1, "changed": false, "warnings": [] }))
    );
    for round in 0..10 {
        gateway.replace(MORE.0, MORE.1);
        assert_eq!(gateway.reloaded(), 2 + 2 * round);
        assert_eq!(status(&gateway, "/two"), 200);
        gateway.replace(MORE.1, MORE.0);
        assert_eq!(gateway.reloaded(), 3 + 2 * round);
        assert_eq!(status(&gateway, "/two"), 404);
    }
    let metrics = gateway.metrics();
    assert_eq!(metrics.count("config_generation", &[]), 21);
    assert_eq!(metrics.count("config_info", &[]), 1, "one hash");
}

/// B064: what the kubelet does, three times.
#[test]
fn each_swap_of_a_configmaps_link_is_one_reload_and_the_old_folder_may_go() {
    let upstream = Upstream::echo();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let publish = |version: &str, text: &str| {
        fs::create_dir(path(version)).unwrap();
        fs::write(path(version).join("portcullis.yaml"), text).unwrap();
        symlink(version, path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
    };
    publish("..v1", "");
    symlink("..data/portcullis.yaml", path("portcullis.yaml")).unwrap();
    let (root, mut before) = (folder.path().to_owned(), root_version(1));
    let gateway = Setup::new(routes(&upstream)).start_in(folder);
    let text = fs::read_to_string(gateway.config()).unwrap();
    for generation in 2..=4 {
        let version = root_version(generation);
        let text = text.replace("/one", &format!("/v{generation}"));
        let path = |name: &str| root.join(name);
        fs::create_dir(path(&version)).unwrap();
        fs::write(path(&version).join("portcullis.yaml"), text).unwrap();
        symlink(&version, path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
        fs::remove_dir_all(path(&before)).unwrap();
        gateway.in_force(generation);
        assert_eq!(status(&gateway, &format!("/v{generation}")), 200);
        before = version;
    }
    assert_eq!((gateway.reloads("applied"), gateway.reloads("invalid")), (3, 0));
}

fn root_version(generation: u64) -> String {
    format!("..v{generation}")
}

#[test]
fn a_file_that_the_configuration_names_is_watched_too() {
    let upstream = Upstream::echo();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("path.txt");
    fs::write(&path, "/named\n").unwrap();
    let yaml = routes(&upstream).replace("/one", "\"${file:path.txt}\"");
    let gateway = Setup::new(yaml).start_in(folder);
    assert_eq!((status(&gateway, "/named"), status(&gateway, "/renamed")), (200, 404));
    fs::write(&path, "/renamed\n").unwrap();
    gateway.in_force(2);
    assert_eq!((status(&gateway, "/named"), status(&gateway, "/renamed")), (404, 200));
    // While it is away nothing changes; when it is back it is read.
    fs::remove_file(&path).unwrap();
    gateway.refuses("cannot read the file `path.txt`");
    assert_eq!(status(&gateway, "/renamed"), 200);
    fs::write(&path, "/back\n").unwrap();
    gateway.in_force(3);
    assert_eq!(status(&gateway, "/back"), 200);
}

#[test]
fn a_bad_change_is_refused_with_every_problem_named_and_the_last_good_one_stays() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(routes(&upstream));
    gateway.rewrite(|text| {
        text.replace(MORE.0, MORE.1)
            .replace("name: app\n", "name: app\n    uspstream: app\n    hots: [a]\n")
    });
    let first = gateway.refuses("unknown key `uspstream`, did you mean `upstream`?");
    gateway.refuses("unknown key `hots`, did you mean `hosts`?");
    assert!(first.contains("portcullis.yaml:"), "{first}");
    assert_eq!((status(&gateway, "/one"), status(&gateway, "/two")), (200, 404));
    assert_eq!(
        gateway.reloads("invalid"),
        1,
        "one change is one refusal, whatever the number of its problems"
    );
    let (code, answer) = gateway.reload();
    assert_eq!((code, &answer["code"]), (422, &json!("config_invalid")));
    let paths: Vec<_> =
        answer["problems"].as_array().unwrap().iter().map(|problem| &problem["path"]).collect();
    assert_eq!(paths, ["apis[0].uspstream", "apis[0].hots"], "{answer}");
    assert_eq!(answer["problems"][0]["column"], 5);
    assert_eq!(gateway.reloads("invalid"), 2);
    assert_eq!(gateway.metrics().count("config_generation", &[]), 1);
}

/// B065.
#[test]
fn a_change_of_server_or_store_is_refused_with_all_that_comes_with_it() {
    let upstream = Upstream::echo();
    let gateway = Setup::new(routes(&upstream)).server("threads: 2").start();
    gateway.rewrite(|text| text.replace("threads: 2", "threads: 3").replace(MORE.0, MORE.1));
    let problem = gateway.refuses("server.threads: the change needs a restart");
    assert!(!problem.contains('3') || problem.contains("portcullis.yaml:"), "{problem}");
    gateway.told("a new configuration is refused", &[("reason", json!("restart_required"))]);
    assert_eq!((status(&gateway, "/two"), gateway.reloads("restart_required")), (404, 1));
    let (code, answer) = gateway.reload();
    assert_eq!((code, &answer["code"]), (422, &json!("restart_required")), "{answer}");
    assert_eq!(answer["problems"][0]["path"], "server.threads");
    let shown = gateway.admin("GET", "/v1/config", &Value::Null).1;
    assert_eq!(shown["configuration"]["server"]["threads"], 2, "what is in force");
    gateway.replace("threads: 3", "threads: 2");
    assert_eq!(gateway.reloaded(), 2);
    assert_eq!(status(&gateway, "/two"), 200);
    gateway.replace("path: portcullis.db", "path: other.db");
    assert_eq!(gateway.reload().1["problems"][0]["path"], "store.path");
}

#[test]
fn a_secret_that_changes_needs_a_restart_and_is_not_shown() {
    let upstream = Upstream::echo();
    let folder = tempfile::tempdir().unwrap();
    let pepper = folder.path().join("pepper.txt");
    let (old, new) =
        ("an old pepper that is 32 bytes or more", "a new pepper that is 32 bytes or more");
    fs::write(&pepper, old).unwrap();
    let gateway =
        Setup::new(routes(&upstream)).store("pepper: \"${file:pepper.txt}\"").start_in(folder);
    fs::write(&pepper, new).unwrap();
    gateway.refuses("store.pepper: the change needs a restart");
    let answer = gateway.reload().1.to_string();
    for said in
        [answer, gateway.said(), gateway.admin("GET", "/v1/config", &Value::Null).1.to_string()]
    {
        assert!(!said.contains(old) && !said.contains(new), "{said}");
    }
    fs::write(&pepper, old).unwrap();
    assert_eq!(gateway.reload().1["changed"], false);
}

#[test]
fn the_same_again_is_no_new_generation() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(routes(&upstream));
    gateway.rewrite(str::to_owned);
    assert_eq!(gateway.reload().1, json!({ "generation": 1, "changed": false, "warnings": [] }));
    gateway.rewrite(|text| text.replace("/one", "/other"));
    assert_eq!(gateway.reloaded(), 2);
}

#[test]
fn what_is_written_down_changes_without_a_restart() {
    let upstream = Upstream::echo();
    let yaml = format!(
        "telemetry: {{ log: {{ access: {{ sample: 0.0, always: [refused] }} }} }}\n{}",
        routes(&upstream)
    );
    let gateway = Gateway::start(yaml);
    status(&gateway, "/one");
    let refused = gateway.get("/two", &[]).request_id();
    gateway.line(&refused);
    assert_eq!(gateway.stdout.so_far().len(), 1, "the answered one is not kept");
    gateway.replace("sample: 0.0", "sample: 1.0");
    gateway.reloaded();
    let kept = gateway.get("/one", &[]).request_id();
    gateway.line(&kept);
    // The level of the log.
    gateway.replace("log: { access", "log: { level: error, access");
    gateway.reloaded();
    gateway.replace("sample: 1.0", "sample: 0.5");
    gateway.reloaded();
    gateway.in_force(2);
    let said = gateway.stderr.so_far().join("\n");
    assert!(said.contains("\"generation\":2") && !said.contains("\"generation\":4"), "{said}");
}

#[test]
fn metrics_tell_since_when_and_which_configuration_is_in_force() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(routes(&upstream));
    let hash = |gateway: &Gateway| {
        gateway.admin("GET", "/v1/config", &Value::Null).1["hash"].as_str().unwrap().to_owned()
    };
    let first = hash(&gateway);
    let metrics = gateway.metrics();
    assert_eq!(metrics.count("config_info", &[("hash", &first)]), 1);
    let started = metrics.sum("config_last_reload_success_timestamp_seconds", &[]);
    assert!(started > 1.6e9, "{started}");
    gateway.rewrite(|text| text.replace("/one", "/other"));
    gateway.reloaded();
    let metrics = gateway.metrics();
    let second = hash(&gateway);
    assert_ne!(first, second);
    assert_eq!(metrics.count("config_info", &[("hash", &second)]), 1);
    assert_eq!(metrics.count("config_info", &[]), 1, "the hash before is gone");
    assert!(metrics.sum("config_last_reload_success_timestamp_seconds", &[]) >= started);
    for result in ["applied", "unchanged", "invalid", "restart_required"] {
        assert!(
            metrics.0.contains(&format!("config_reloads_total{{result=\"{result}\"}}")),
            "{result}"
        );
    }
}

#[test]
fn credentials_stay_good_over_a_reload() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(one_api(&upstream));
    let secret = gateway.mint("u_1", "org_1");
    for prefix in ["name: app\n    realm: app", "name: app"] {
        assert_eq!(gateway.get("/", &[("x-api-key", &secret)]).status, 200);
        gateway.rewrite(|text| {
            text.replace("name: app\n    realm: app", "name: app").replace("name: app", prefix)
        });
        gateway.reload();
    }
    assert_eq!(gateway.get("/", &[("x-api-key", &secret)]).status, 200);
    let misses = gateway.metrics().count("credential_lookups_total", &[("result", "miss")]);
    assert_eq!(misses, 1, "facts live on");
}
