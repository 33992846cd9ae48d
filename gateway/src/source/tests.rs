use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

fn names(files: &Files) -> Vec<String> {
    let name = |fragment: &Fragment<'_>| {
        Path::new(fragment.name).file_name().unwrap().to_string_lossy().into_owned()
    };
    files.fragments().iter().map(name).collect()
}

#[test]
fn a_folder_is_its_yaml_files_in_the_order_of_their_names() {
    let folder = TempDir::new().unwrap();
    for name in [
        "b.yaml",
        "a.yaml",
        "10.yaml",
        ".hidden.yaml",
        "..data.yaml",
        "c.yml",
        "d.yaml.bak",
        "yaml",
        ".yaml",
    ] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    fs::create_dir(folder.path().join("sub.yaml")).unwrap();
    fs::write(folder.path().join("sub.yaml/in.yaml"), "").unwrap();
    symlink("b.yaml", folder.path().join("link.yaml")).unwrap();
    let files = Files::read(folder.path());
    assert_eq!(names(&files), ["10.yaml", "a.yaml", "b.yaml", "link.yaml"]);
    assert_eq!(files.fragments()[3].text, Ok("b.yaml"));
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("empty")).unwrap();
    fs::write(path("binary.yaml"), [0xff, 0xfe]).unwrap();
    symlink("nowhere", path("broken.yaml")).unwrap();
    for name in ["missing.yaml", "empty", "binary.yaml", "broken.yaml"] {
        let files = Files::read(&path(name));
        assert_eq!(names(&files), [name]);
        let problem = files.fragments()[0].text.unwrap_err();
        assert!(problem.starts_with("cannot read it: "), "{problem}");
    }
    fs::write(path("good.yaml"), "good").unwrap();
    let files = Files::read(folder.path());
    assert_eq!(names(&files), ["binary.yaml", "broken.yaml", "good.yaml"]);
    let read = files.fragments().iter().map(|fragment| fragment.text.ok()).collect::<Vec<_>>();
    assert_eq!(read, [None, None, Some("good")]);
}

#[test]
fn more_than_is_allowed_is_not_read() {
    assert_eq!(bounded("12345".as_bytes(), 5).unwrap(), "12345");
    assert_eq!(bounded("123456".as_bytes(), 5).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert!(read(Path::new("/dev/zero"), 5).is_err());
}
