use std::fs;
use std::process::Command;

use tempfile::TempDir;

use super::*;

fn reading(root: &Path, named: &[&str]) -> (Reading, Vec<io::Result<String>>) {
    let reader = Reader::new(root);
    drop(reader.files());
    let read = named.iter().map(|name| reader.file(name)).collect();
    (reader.finish(), read)
}

#[test]
fn what_was_read_is_the_same_as_long_as_every_file_holds_the_same() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("c.yaml"), "c").unwrap();
    fs::write(path("token"), "t").unwrap();
    let root = Path::new(&path("c.yaml")).to_owned();
    let read = || reading(&root, &[&path("token"), &path("missing")]).0;
    let first = read();
    assert!(first.holds() && first.is_same(&read()));
    fs::write(path("token"), "u").unwrap();
    assert!(!first.holds() && !first.is_same(&read()));
    fs::write(path("token"), "t").unwrap();
    assert!(first.holds() && first.is_same(&read()));
    fs::write(path("missing"), "").unwrap();
    assert!(!first.holds() && !first.is_same(&read()));
    assert!(!first.is_same(&reading(&root, &[]).0), "fewer files were read");
}

#[test]
fn a_pipe_a_device_or_a_folder_is_not_waited_for() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe").display().to_string();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let inside = folder.path().display().to_string();
    let (all, read) = reading(&folder.path().join("none"), &[&pipe, "/dev/zero", &inside]);
    assert!(all.holds());
    for read in read {
        assert_eq!(read.unwrap_err().to_string(), "it is no regular file");
    }
    // A configuration that came through a pipe at start is not read from it again.
    let again = reading(&folder.path().join("none"), &[]).0.reader();
    let again = Reader { root: pipe.into(), ..again };
    let files = again.files();
    assert!(files.fragments()[0].text.unwrap_err().ends_with("it is no regular file"));
}

#[test]
fn more_files_than_anybody_names_are_refused() {
    let reader = Reader::new(Path::new("/none"));
    for number in 0..FILES_IN_ALL {
        drop(reader.file(&format!("/none/{number}")));
    }
    let error = reader.file("/none/more").unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
}

#[test]
fn a_file_that_is_too_large_or_no_text_is_refused_and_known() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("large"), "x".repeat(NAMED_MAX as usize + 1)).unwrap();
    fs::write(path("binary"), [0xff, 0xfe]).unwrap();
    let (reading, read) = reading(Path::new("/none"), &[&path("large"), &path("binary")]);
    assert!(read.iter().all(Result::is_err));
    assert!(reading.holds());
    fs::write(path("binary"), "text").unwrap();
    assert!(!reading.holds());
}
