use super::{QUIET, SPOKEN_MAX, Spoken};
use crate::clock;

#[test]
fn of_each_record_a_line_tells_again_after_a_while_and_of_so_many_at_once_and_no_more() {
    let (mut spoken, now) = (Spoken::default(), clock::now());
    assert!(spoken.is_due("credential:crd_1", now));
    assert!(!spoken.is_due("credential:crd_1", now));
    assert!(spoken.is_due("credential:crd_2", now), "another is told of at once");
    let names: Vec<_> = (0..2 * SPOKEN_MAX).map(|number| format!("entry:{number}")).collect();
    let told = names.iter().filter(|name| spoken.is_due(name, now)).count();
    assert_eq!(told, SPOKEN_MAX - 2);
    assert!(spoken.is_due("credential:crd_1", now + QUIET));
    assert!(spoken.is_due(&names[2 * SPOKEN_MAX - 1], now + QUIET));
}
