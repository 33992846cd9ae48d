use std::time::{Duration, Instant};

use super::Outage;
use crate::clock;

fn at(began: Instant, seconds: u64) -> Instant {
    began + Duration::from_secs(seconds)
}

#[test]
fn of_many_calls_without_an_answer_one_in_ten_seconds_is_told_with_how_many_more_there_were() {
    let (outage, began) = (Outage::default(), clock::now());
    assert_eq!(outage.unanswered(began), Some(0));
    for second in 1..=9 {
        assert_eq!(outage.unanswered(at(began, second)), None);
    }
    assert_eq!(outage.unanswered(at(began, 10)), Some(9));
    assert_eq!(outage.unanswered(at(began, 11)), None);
    assert_eq!(outage.unanswered(at(began, 20)), Some(1));
}

#[test]
fn that_the_store_answers_again_is_told_once_when_it_has_done_so_for_a_while() {
    let (outage, began) = (Outage::default(), clock::now());
    assert_eq!(outage.answered(began), None, "it never did not");
    outage.unanswered(began);
    outage.unanswered(at(began, 5));
    assert_eq!(outage.answered(at(began, 6)), None, "one answer is not all");
    assert_eq!(outage.unanswered(at(began, 7)), None, "nor is it another outage");
    assert_eq!(outage.answered(at(began, 17)), Some(3));
    assert_eq!(outage.answered(at(began, 40)), None);
    assert_eq!(outage.unanswered(at(began, 41)), Some(0), "the next one is told at once");
}
