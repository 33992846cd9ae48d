//! Whatever becomes of the files, what was in force stays in force, and the reason is told.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use crate::support::{Gateway, Setup, Upstream, open_api};

#[test]
fn files_that_cannot_be_read_are_refused_and_when_they_are_good_again_they_are_taken() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(open_api(&upstream, ""));
    let path = gateway.config();
    let good = fs::read_to_string(&path).unwrap();
    let remove = || drop(fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)));
    let cases: [(&str, &dyn Fn()); 9] = [
        ("cannot read it: No such file", &|| {}),
        ("cannot read it: the folder has no *.yaml", &|| fs::create_dir(&path).unwrap()),
        ("cannot read it: stream did not contain valid UTF-8", &|| {
            fs::write(&path, [0xff, 0xfe, 0]).unwrap();
        }),
        ("the file is empty", &|| fs::write(&path, "").unwrap()),
        ("the file is larger than 4 MiB", &|| {
            fs::write(&path, format!("{good}{}", "# much\n".repeat(700_000))).unwrap();
        }),
        ("cannot read it: it has more than 16777216 bytes", &|| {
            fs::write(&path, vec![b'#'; 17 << 20]).unwrap();
        }),
        ("cannot read it: it is no regular file", &|| {
            assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        }),
        ("symbolic links", &|| symlink("portcullis.yaml", &path).unwrap()),
        ("portcullis.yaml:", &|| {
            let half = &good.as_bytes()[..good.len() * 2 / 3];
            fs::write(&path, [half, b"\n  : ["].concat()).unwrap();
        }),
    ];
    for (expected, make) in cases {
        remove();
        make();
        let (status, answer) = gateway.reload();
        assert_eq!(
            (status, &answer["code"]),
            (422, &json!("config_invalid")),
            "{expected}: {answer}"
        );
        let problem = gateway.refuses(expected);
        assert!(problem.len() < 1000, "{problem}");
        assert_eq!(gateway.get("/", &[]).status, 200, "{expected}");
        remove();
        fs::write(&path, &good).unwrap();
        assert_eq!(gateway.reload().1["generation"], 1, "{expected}");
    }
    gateway.replace("path: /**", "path: /other");
    assert_eq!(gateway.reloaded(), 2);
}

#[test]
fn a_folder_that_vanishes_and_comes_back_is_read_again() {
    let upstream = Upstream::echo();
    let outer = tempfile::tempdir().unwrap();
    let conf = outer.path().join("conf");
    fs::create_dir(&conf).unwrap();
    fs::write(conf.join("path"), "/one").unwrap();
    let yaml = open_api(&upstream, "").replace("/**", "\"${file:conf/path}\"");
    let away = outer.path().join("away");
    let gateway = Setup::new(yaml).start_in(outer);
    fs::rename(&conf, &away).unwrap();
    gateway.refuses("cannot read the file `conf/path`");
    assert_eq!(gateway.get("/one", &[]).status, 200);
    fs::write(away.join("path"), "/two").unwrap();
    fs::rename(&away, &conf).unwrap();
    gateway.in_force(2);
    assert_eq!(gateway.get("/two", &[]).status, 200);
}

/// What is put in place whole is never read in half, and the last one counts.
#[test]
fn a_file_that_is_replaced_without_end_while_it_is_read_is_never_taken_for_a_bad_one() {
    let upstream = Upstream::echo();
    let gateway = Gateway::start(open_api(&upstream, ""));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Within the bound of the key, however often there is time for it.
            for number in (1..10_000).cycle() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                gateway.rewrite(|text| {
                    let own = text.lines().filter(|line| !line.starts_with("telemetry"));
                    let own: Vec<_> = own.collect();
                    format!(
                        "{}\ntelemetry: {{ metrics: {{ routes: {number} }} }}\n",
                        own.join("\n")
                    )
                });
            }
        });
        for _ in 0..20 {
            let (status, answer) = gateway.reload();
            assert_eq!(status, 200, "{answer}");
            assert_eq!(gateway.get("/", &[]).status, 200);
        }
        over.store(true, Ordering::Relaxed);
    });
    gateway.replace("path: /**", "path: /last");
    gateway
        .stderr
        .wait("the last one in force", |_| (gateway.get("/last", &[]).status == 200).then_some(()));
    assert_eq!(gateway.reloads("invalid"), 0);
}
