//! The house stands as ARCHITECTURE.md draws it: a file uses only its own floor and those below.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Room (`serve`, `accept/listener`) to floor, from the table.
fn floors() -> BTreeMap<String, u8> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md"))
        .unwrap();
    let rows = page.lines().skip_while(|line| !line.starts_with("| floor |")).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .flat_map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let floor: u8 = cells.next().unwrap().parse().unwrap();
            let rooms =
                cells.next().unwrap().split(", ").map(|room| room.trim_matches('`').to_owned());
            rooms.map(move |room| (room, floor)).collect::<Vec<_>>()
        })
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The most exact room of the table that `path`, in slashes, lies in.
fn floor_of(floors: &BTreeMap<String, u8>, path: &str) -> Option<u8> {
    let inside = |room: &str| path == room || path.starts_with(&format!("{room}/"));
    floors
        .iter()
        .filter(|(room, _)| inside(room))
        .max_by_key(|(room, _)| room.len())
        .map(|(_, floor)| *floor)
}

#[test]
fn a_file_uses_only_its_own_floor_and_those_below() {
    let floors = floors();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    let mut uses = 0;
    for file in files {
        let name = file.strip_prefix(&root).unwrap().with_extension("").display().to_string();
        let is_test = ["tests", "conformance", "house"]
            .iter()
            .any(|word| name.split('/').any(|part| part == *word));
        if is_test || name == "lib" {
            continue;
        }
        let Some(own) = floor_of(&floors, &name) else { panic!("{name} is on no floor") };
        let text = fs::read_to_string(&file).unwrap();
        let code: Vec<&str> =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for path in code.join("\n").split("crate::").skip(1) {
            let path: String = path
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
                .collect();
            let path = path.replace("::", "/");
            let Some(used) = floor_of(&floors, path.trim_end_matches('/')) else { continue };
            uses += 1;
            if used > own {
                wrong.push(format!("{name} (floor {own}) uses {path} (floor {used})"));
            }
        }
    }
    assert!(uses > 50, "the table names rooms that nobody uses: {uses}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
