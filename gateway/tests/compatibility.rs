//! `docs/compatibility.md` names each row of the five products once, and what it says of tests is so.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// How the rows of a product begin, how many there are, and its configuration: where that is, the rows are, too.
const PRODUCTS: [(&str, usize, &str); 5] = [
    ("IMB", 22, "imboard.yaml"),
    ("CAL", 18, "calmboard.yaml"),
    ("PB", 16, "postboost.yaml"),
    ("AK", 14, "agentkanban.yaml"),
    ("IM", 15, "imbrace.yaml"),
];

type Rows = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The ids of every row there is to be.
fn expected() -> Vec<String> {
    let shipped = |file: &str| root().join("config").join(file).exists();
    let products = PRODUCTS.iter().filter(|(.., file)| shipped(file));
    products
        .flat_map(|(product, count, _)| (1..=*count).map(move |n| format!("{product}-{n}")))
        .collect()
}

/// The page's rows in their order: id and the last cell.
fn page() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("docs/compatibility.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = rows.map(|row| row.split(" | ").map(str::to_owned).collect::<Vec<_>>());
    cells
        .filter(|cells| cells.first().is_some_and(|id| is_id(id)))
        .map(|cells| match <[String; 3]>::try_from(cells) {
            Ok([id, _, proof]) => (id, proof),
            Err(cells) => panic!("no row of three cells: {cells:?}"),
        })
        .collect()
}

/// Whether it is a product, a hyphen and a number.
fn is_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(product, number)| {
        PRODUCTS.iter().any(|(known, ..)| *known == product) && number.parse::<usize>().is_ok()
    })
}

/// The tests of a module and those below it, by name, each with the rows that the beginning of its doc comment names.
fn tests_of(module: &str, file: &Path, found: &mut Rows) {
    let (mut doc, mut is_test) = (String::new(), false);
    for line in fs::read_to_string(file).unwrap().lines() {
        let line = line.trim_start();
        if let Some(text) = line.strip_prefix("///") {
            doc.push_str(text);
        } else if line == "#[test]" {
            is_test = true;
        } else if !line.starts_with("#[") {
            if let Some(name) = line.strip_prefix("fn ").filter(|_| is_test) {
                let name = name.split('(').next().unwrap();
                let rows = doc.split(':').next().unwrap().split(',').map(str::trim);
                let rows = rows.filter(|row| is_id(row)).map(str::to_owned).collect();
                assert!(found.insert(format!("{module}::{name}"), rows).is_none(), "{name} twice");
            }
            (doc, is_test) = (String::new(), false);
            let below = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'));
            if let Some(below) = below {
                let file = file.with_extension("").join(format!("{below}.rs"));
                tests_of(&format!("{module}::{below}"), &file, found);
            }
        }
    }
}

fn tests() -> Rows {
    let mut found = Rows::new();
    let file = root().join("gateway/tests/it/products.rs");
    tests_of("products", &file, &mut found);
    found
}

/// The tests that a cell names, each between backticks; a cell without any says why there is none.
fn named(id: &str, proof: &str) -> Vec<String> {
    let names = proof.split('`').skip(1).step_by(2);
    let names: Vec<_> = names.filter(|name| name.starts_with("products::")).collect();
    let excused = ["upstream: ", "later: "].iter().any(|word| proof.starts_with(word));
    assert!(excused || !names.is_empty(), "{id} names no test and not whose it is: {proof}");
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_row_stands_on_the_page_once_and_in_its_order() {
    let ids: Vec<_> = page().into_iter().map(|(id, _)| id).collect();
    let place = |id: &String| {
        let (product, number) = id.split_once('-').unwrap();
        let product = PRODUCTS.iter().position(|(known, ..)| *known == product);
        (product, number.parse::<usize>().unwrap())
    };
    let mut expected = expected();
    expected.sort_by_key(place);
    assert_eq!(ids, expected);
}

#[test]
fn the_page_and_the_tests_name_each_other() {
    let mut on_the_page = Rows::new();
    for (id, proof) in page() {
        for test in named(&id, &proof) {
            on_the_page.entry(test).or_default().insert(id.clone());
        }
    }
    let in_the_tests: Rows = tests().into_iter().filter(|(_, rows)| !rows.is_empty()).collect();
    let differ = |one: &Rows, other: &Rows| -> Vec<String> {
        let pairs = one.iter().flat_map(|(test, rows)| rows.iter().map(move |row| (test, row)));
        let lacking =
            pairs.filter(|(test, row)| !other.get(*test).is_some_and(|rows| rows.contains(*row)));
        lacking.map(|(test, row)| format!("{row}: {test}")).collect()
    };
    let nothing = Vec::<String>::new();
    assert_eq!(differ(&on_the_page, &in_the_tests), nothing, "on the page, and no test says so");
    assert_eq!(differ(&in_the_tests, &on_the_page), nothing, "in a test, and not on the page");
    assert!(in_the_tests.len() > 20, "the tests are not found: {in_the_tests:?}");
}
