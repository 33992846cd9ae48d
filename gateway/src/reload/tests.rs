use std::fs;

use prometheus::IntCounter;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::*;

const GOOD: &str = "server: { threads: 1 }\nupstreams: { app: [127.0.0.1:9], other: [127.0.0.1:10] }\napis:\n  - { name: app, upstream: app, schemes: [{ name: key, prefix: ak_ }] }\n  - { name: other, hosts: [other.test], upstream: other, schemes: [{ name: key, prefix: ak_ }] }\n";

/// A thread's state without the thread.
struct House {
    life: Life,
    folder: TempDir,
    _runtime: Runtime,
}

impl House {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("c.yaml");
        fs::write(&path, GOOD).unwrap();
        let reader = Reader::new(&path);
        let compiled = load(&reader.files().fragments(), &reader).unwrap();
        let (runtime, metrics) = (Runtime::new().unwrap(), Arc::new(Metrics::new().unwrap()));
        let first = Generation::first(compiled.configuration.snapshot, compiled.written, &metrics);
        metrics.configuration.in_force(1, first.written.hash());
        let in_force = reader.finish();
        let watch = Watch::new(in_force.clone(), clock::now());
        let generations = Arc::new(Generations::new(first));
        let life =
            Life { in_force, watch, generations, metrics, runtime: runtime.handle().clone() };
        Self { life, folder, _runtime: runtime }
    }

    fn write(&self, text: &str) {
        fs::write(self.folder.path().join("c.yaml"), text).unwrap();
    }

    fn reload(&mut self, text: &str) -> Reloaded {
        self.write(text);
        self.life.reload(Cause::Admin)
    }

    fn counts(&self) -> [u64; 4] {
        let reloads = &self.life.metrics.configuration.reloads;
        [&reloads.applied, &reloads.unchanged, &reloads.invalid, &reloads.restart_required]
            .map(IntCounter::get)
    }

    fn hash(&self) -> String {
        self.life.generations.current().written.hash().to_owned()
    }
}

fn refused(outcome: Reloaded) -> (Reason, Vec<String>) {
    let refused = outcome.unwrap_err();
    let problems = refused.problems.iter().chain(&refused.restart);
    (refused.reason(), problems.map(|problem| problem.path.clone()).collect())
}

#[test]
fn a_good_change_is_put_in_force_and_the_same_again_is_none() {
    let mut house = House::new();
    let changed = GOOD.replace("other.test", "more.test");
    let applied = house.reload(&changed).unwrap();
    assert_eq!((applied.generation, applied.changed), (2, true));
    assert_eq!(house.life.generations.current().number, 2);
    let again = house.reload(&changed).unwrap();
    assert_eq!((again.generation, again.changed), (2, false));
    assert_eq!(house.counts(), [1, 1, 0, 0]);
}

#[test]
fn a_bad_change_is_refused_whole_and_what_was_in_force_stays() {
    let mut house = House::new();
    let before = house.hash();
    let bad = GOOD.replace("other.test", "more.test").replace("upstream: app", "upstream: ap");
    assert_eq!(refused(house.reload(&bad)), (Reason::Invalid, vec!["apis[0].upstream".to_owned()]));
    assert_eq!((house.life.generations.current().number, house.hash()), (1, before));
    // Back to what is in force.
    assert!(!house.reload(GOOD).unwrap().changed);
    assert_eq!(house.counts(), [0, 1, 1, 0]);
}

#[test]
fn what_cannot_be_read_is_refused_and_what_was_in_force_stays() {
    let mut house = House::new();
    let path = house.folder.path().join("c.yaml");
    fs::remove_file(&path).unwrap();
    assert_eq!(refused(house.life.reload(Cause::Admin)).0, Reason::Invalid);
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert_eq!(refused(house.life.reload(Cause::Admin)).0, Reason::Invalid);
    fs::write(&path, "").unwrap();
    assert_eq!(refused(house.life.reload(Cause::Admin)).0, Reason::Invalid);
    fs::write(&path, "# x\n".repeat(2 << 20)).unwrap();
    assert_eq!(refused(house.life.reload(Cause::Admin)).0, Reason::Invalid);
    assert!(!house.reload(GOOD).unwrap().changed);
    assert_eq!(house.counts(), [0, 1, 4, 0]);
}

#[test]
fn a_change_of_what_is_read_once_is_refused_with_all_that_goes_with_it() {
    let mut house = House::new();
    let both = GOOD.replace("threads: 1", "threads: 2").replace("other.test", "more.test");
    let expected = (Reason::RestartRequired, vec!["server.threads".to_owned()]);
    assert_eq!(refused(house.reload(&both)), expected);
    assert_eq!(house.life.generations.current().number, 1);
    assert_eq!(house.reload(&both.replace("threads: 2", "threads: 1")).unwrap().generation, 2);
    assert_eq!(house.counts(), [1, 0, 0, 1]);
}

#[test]
fn what_needs_a_restart_is_named_beside_what_is_wrong() {
    let mut house = House::new();
    let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
    let both = GOOD.replace("threads: 1", "threads: 2").replace("upstream: app", "upstream: ap");
    let expected = (Reason::Invalid, paths(&["apis[0].upstream", "server.threads"]));
    assert_eq!(refused(house.reload(&both)), expected);
    let checked = house.life.check(None).verdict.unwrap_err();
    assert_eq!((checked.problems.len(), checked.restart.len()), (1, 1));
    // What is wrong itself is said once.
    let wrong = GOOD.replace("threads: 1", "threads: none");
    assert_eq!(refused(house.reload(&wrong)), (Reason::Invalid, paths(&["server.threads"])));
    // What is in a file that cannot be read has not been taken away.
    fs::remove_file(house.folder.path().join("c.yaml")).unwrap();
    assert_eq!(refused(house.life.reload(Cause::Admin)), (Reason::Invalid, paths(&[""])));
    assert_eq!(house.counts(), [0, 0, 3, 0]);
}

#[test]
fn endpoints_that_stay_are_the_same_in_the_next_generation_and_those_of_other_names_are_not() {
    let mut house = House::new();
    let ids = |house: &House| -> Vec<Vec<u64>> {
        let current = house.life.generations.current();
        current.upstreams.iter().map(|upstream| upstream.endpoint_ids()).collect()
    };
    let before = ids(&house);
    let moved = GOOD.replace("other: [127.0.0.1:10]", "other: [127.0.0.1:9, 127.0.0.1:10]");
    house.reload(&moved).unwrap();
    let after = ids(&house);
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1][1], before[1][0]);
    assert_ne!(after[1][0], before[0][0], "another upstream's connections are not shared");
}

#[test]
fn a_check_changes_nothing_and_names_files_as_they_were_sent() {
    let mut house = House::new();
    let sent = |name: &str, text: &str| Some(vec![(name.to_owned(), text.to_owned())]);
    let checked = house.life.check(sent("mine/c.yaml", &GOOD.replace("ak_", "a,_")));
    let refused = checked.verdict.unwrap_err();
    assert_eq!(refused.reason(), Reason::Invalid);
    assert!(refused.problems.iter().all(|problem| problem.source == "mine/c.yaml"));
    let checked = house.life.check(sent("c.yaml", &GOOD.replace("threads: 1", "threads: 9")));
    assert_eq!(checked.verdict.unwrap_err().reason(), Reason::RestartRequired);
    let checked = house.life.check(sent("c.yaml", &GOOD.replace("ak_", "bk_")));
    assert!(checked.verdict.is_ok() && checked.changed && checked.generation == 1);
    let checked = house.life.check(sent("c.yaml", GOOD));
    assert!(checked.verdict.is_ok() && !checked.changed);
    assert!(!house.life.check(None).changed);
    house.write(&GOOD.replace("ak_", "bk_"));
    let checked = house.life.check(None);
    assert!(checked.verdict.is_ok() && checked.changed);
    assert_eq!((house.life.generations.current().number, house.counts()), (1, [0; 4]));
    assert!(house.life.reload(Cause::Signal).unwrap().changed);
}

#[test]
fn a_check_tells_a_change_of_what_no_dump_shows() {
    let mut house = House::new();
    let with = |secret: &str| {
        let routes = format!(
            "upstream: app, routes: [{{ path: /**, headers: {{ request: {{ set: {{ x-a: {secret} }} }} }} }}]"
        );
        GOOD.replacen("upstream: app", &routes, 1)
    };
    house.reload(&with("one")).unwrap();
    let changed = |text: String| house.life.check(Some(vec![("c.yaml".to_owned(), text)])).changed;
    assert!(changed(with("two")) && !changed(with("one")));
}

#[test]
fn files_that_are_sent_under_one_name_of_several_folders_are_each_named_as_they_were_sent() {
    let house = House::new();
    fs::write(house.folder.path().join("prefix"), "a,_").unwrap();
    let sent = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let (first, rest) = GOOD.split_at(GOOD.find("apis:").unwrap());
    let rest = rest.replacen("ak_", "\"${file:prefix}\"", 1);
    let files = vec![
        sent("a.yaml", &first.replace("threads", "thread")),
        sent("x/a.yaml", &format!("server: {{}}\n{rest}")),
    ];
    let refused = house.life.check(Some(files)).verdict.unwrap_err();
    let said: Vec<_> = refused.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "a.yaml:1:11: server.thread: unknown key `thread`, did you mean `threads`?",
            "x/a.yaml:1:1: server: the key `server` is given twice, first at a.yaml:1",
            "x/a.yaml:3:64: apis[0].schemes[0].prefix: expected a prefix of 1 to 32 visible ASCII characters without `,`, found `${file:prefix}`",
        ]
    );
}
