use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use decision::config::Variables as _;
use tempfile::TempDir;

use super::super::reading::Reader;
use super::*;
use crate::clock;

/// A watch over a configuration, with the time in the test's hands.
struct Watched {
    watch: Watch,
    root: PathBuf,
    named: Vec<PathBuf>,
    now: Instant,
}

impl Watched {
    fn new(root: &Path, named: &[&Path]) -> Self {
        let now = clock::now();
        let named: Vec<_> = named.iter().map(|path| (*path).to_owned()).collect();
        let reading = read(root, &named);
        Self { watch: Watch::new(reading, now), root: root.to_owned(), named, now }
    }

    fn after(&mut self, time: Duration) -> bool {
        self.now += time;
        self.watch.look(self.now)
    }

    /// Whether there is something to read, once everything has been quiet.
    fn notices(&mut self) -> bool {
        let noticed = [POLL, QUIET, COARSE].into_iter().filter(|time| self.after(*time)).count();
        assert!(noticed <= 1, "one change was noticed {noticed} times");
        noticed == 1
    }

    fn read(&mut self) {
        let reading = read(&self.root, &self.named);
        self.watch.follow(reading, self.now);
    }
}

fn read(root: &Path, named: &[PathBuf]) -> Reading {
    let reader = Reader::new(root).finish().reader();
    // One that is missing is part of the reading, too.
    drop(reader.files());
    for path in named {
        drop(reader.file(path.to_str().unwrap()));
    }
    reader.finish()
}

#[test]
fn without_a_change_there_is_nothing_to_read() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("c.yaml");
    fs::write(&file, "one").unwrap();
    let mut watched = Watched::new(&file, &[]);
    assert!(!watched.notices());
    assert!(!watched.notices());
}

#[test]
fn a_file_that_is_written_in_place_is_noticed_once_it_has_been_quiet() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("c.yaml");
    fs::write(&file, "one").unwrap();
    let mut watched = Watched::new(&file, &[]);
    fs::write(&file, "half").unwrap();
    assert!(!watched.after(POLL));
    assert!(!watched.after(QUIET / 2));
    fs::write(&file, "the whole").unwrap();
    assert!(!watched.after(QUIET / 2), "it is being written");
    assert!(!watched.after(QUIET / 2));
    assert!(watched.after(QUIET / 2));
    assert!(!watched.after(QUIET), "it is due no more");
    watched.read();
    assert!(!watched.notices());
}

#[test]
fn a_file_that_is_renamed_into_place_is_noticed() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("c.yaml");
    fs::write(&file, "one").unwrap();
    let mut watched = Watched::new(&file, &[]);
    for text in ["two", "six", "ten"] {
        fs::write(folder.path().join("new"), text).unwrap();
        fs::rename(folder.path().join("new"), &file).unwrap();
        assert!(watched.notices(), "{text}");
        watched.read();
    }
}

/// What the kubelet does, three times, and it deletes the old folder.
#[test]
fn the_swap_of_a_link_on_the_way_is_noticed_each_time() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let publish = |version: &str, text: &str| {
        fs::create_dir(path(version)).unwrap();
        fs::write(path(version).join("c.yaml"), text).unwrap();
        fs::write(path(version).join("token"), text).unwrap();
        symlink(version, path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
    };
    publish("..1", "one");
    symlink("..data/c.yaml", path("c.yaml")).unwrap();
    symlink("..data/token", path("token")).unwrap();
    let mut file = Watched::new(&path("c.yaml"), &[&path("token")]);
    let mut whole = Watched::new(folder.path(), &[]);
    for (before, version, text) in
        [("..1", "..2", "two"), ("..2", "..3", "six"), ("..3", "..4", "ten")]
    {
        publish(version, text);
        fs::remove_dir_all(path(before)).unwrap();
        assert!(file.notices() && whole.notices(), "{version}");
        file.read();
        whole.read();
    }
    // The same content in another folder is no change.
    publish("..5", "ten");
    assert!(!file.notices() && !whole.notices());
}

#[test]
fn a_change_that_no_time_and_no_size_shows_is_found_by_its_content() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("c.yaml");
    for _ in 0..20 {
        fs::write(&file, "one").unwrap();
        let mut watched = Watched::new(&file, &[]);
        fs::write(&file, "two").unwrap();
        assert!(watched.notices());
    }
}

#[test]
fn a_touch_is_no_change() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("c.yaml");
    fs::write(&file, "one").unwrap();
    let mut watched = Watched::new(&file, &[]);
    fs::write(&file, "two").unwrap();
    assert!(!watched.after(POLL));
    fs::write(&file, "one").unwrap();
    assert!(!watched.notices());
}

#[test]
fn files_that_are_named_are_noticed_also_when_they_come_and_go() {
    let folder = TempDir::new().unwrap();
    let (file, token) = (folder.path().join("c.yaml"), folder.path().join("token"));
    fs::write(&file, "one").unwrap();
    let mut watched = Watched::new(&file, &[&token]);
    for text in [Some("secret"), Some("another"), None, Some("back")] {
        match text {
            Some(text) => fs::write(&token, text).unwrap(),
            None => fs::remove_file(&token).unwrap(),
        }
        assert!(watched.notices(), "{text:?}");
        watched.read();
    }
    fs::write(folder.path().join("stranger"), "nobody names it").unwrap();
    assert!(!watched.notices());
}

#[test]
fn files_of_a_folder_are_noticed_when_they_come_change_and_go() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.yaml"), "a").unwrap();
    let mut watched = Watched::new(folder.path(), &[]);
    fs::write(path("b.yaml"), "b").unwrap();
    assert!(watched.notices());
    watched.read();
    fs::write(path("b.yaml"), "changed").unwrap();
    assert!(watched.notices());
    watched.read();
    fs::rename(path("b.yaml"), path("c.yaml")).unwrap();
    assert!(watched.notices());
    watched.read();
    fs::remove_file(path("c.yaml")).unwrap();
    assert!(watched.notices());
    watched.read();
    for other in [".hidden.yaml", "notes.txt"] {
        fs::write(path(other), "other").unwrap();
        assert!(!watched.notices(), "{other}");
    }
}

#[test]
fn what_vanishes_and_comes_back_is_noticed() {
    let folder = TempDir::new().unwrap();
    let inner = folder.path().join("conf");
    let away = folder.path().join("away");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("a.yaml"), "a").unwrap();
    let mut watched = Watched::new(&inner, &[]);
    fs::rename(&inner, &away).unwrap();
    assert!(watched.notices());
    watched.read();
    assert!(!watched.notices(), "it is still gone");
    fs::rename(&away, &inner).unwrap();
    assert!(watched.notices());
}

#[test]
fn a_circle_of_links_is_a_file_that_cannot_be_read_until_it_is_mended() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    symlink("b.yaml", path("a.yaml")).unwrap();
    symlink("a.yaml", path("b.yaml")).unwrap();
    let mut watched = Watched::new(&path("a.yaml"), &[]);
    assert!(!watched.notices());
    fs::remove_file(path("b.yaml")).unwrap();
    fs::write(path("b.yaml"), "good").unwrap();
    assert!(watched.notices());
}

#[test]
fn while_changes_do_not_end_nothing_is_read_and_the_last_is() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("c.yaml");
    fs::write(&file, "").unwrap();
    let mut watched = Watched::new(&file, &[]);
    for number in 0..300 {
        fs::write(&file, "x".repeat(number + 1)).unwrap();
        assert!(!watched.after(Duration::from_millis(1)), "{number}");
    }
    assert!(watched.notices());
    watched.read();
    assert!(!watched.notices());
}
