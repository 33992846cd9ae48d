use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn window(seconds: u32) -> Window {
    Window::new(seconds).unwrap()
}

/// The oracle: every admission, and nothing forgotten.
struct Log {
    window: u64,
    admitted: Vec<u64>,
}

impl Log {
    fn ask(&mut self, max: u64, now: u64) -> Result<(), u64> {
        let counting: Vec<_> =
            self.admitted.iter().copied().filter(|at| now - at < self.window).collect();
        if (counting.len() as u64) < max {
            self.admitted.push(now);
            return Ok(());
        }
        let leaves = counting[counting.len() - max as usize] + self.window;
        Err((leaves - now).div_ceil(SECOND).max(1))
    }
}

/// Whether some window that begins with an admission has more than `max`. `admitted` is in order.
fn exceeds(admitted: &[u64], window: u64, max: u64) -> bool {
    admitted.iter().zip(admitted.iter().skip(max as usize)).any(|(from, to)| to - from < window)
}

fn ask(sliding: &mut Sliding, max: u64, now: u64) -> Result<(), u64> {
    sliding.look(max, now)?;
    sliding.charge(max, now);
    Ok(())
}

proptest! {
    #[test]
    fn it_decides_as_a_plain_log_of_timestamps_whatever_max_each_request_has(
        seconds in 1..100_u32,
        arrivals in vec((0..200_000_u64, 1..8_u64), 1..200),
    ) {
        // All over the window, and some at its very end.
        let part = u64::from(seconds) * SECOND / 1_000_000;
        let mut sliding = Sliding::new(window(seconds));
        let mut log = Log { window: u64::from(seconds) * SECOND, admitted: Vec::new() };
        let mut now = 0;
        for (later, max) in arrivals {
            now += later * part;
            prop_assert_eq!(ask(&mut sliding, max, now), log.ask(max, now));
        }
    }

    #[test]
    fn no_window_ever_has_more_than_max_whenever_requests_arrive(
        max in prop_oneof![1..20_u64, Just(1001)],
        arrivals in vec((0..700_000_000_u64, 0..1000_u64, 1..400_usize), 1..60),
    ) {
        let mut sliding = Sliding::new(window(1));
        let (mut now, mut admitted) = (0, Vec::new());
        for (later, stale, requests) in arrivals {
            now += later;
            // Some come with a reading of the clock that is a little old.
            let reading = |n: usize| if n.is_multiple_of(3) { now } else { now.saturating_sub(stale) };
            for n in 0..requests {
                if ask(&mut sliding, max, reading(n)).is_ok() {
                    admitted.push(now);
                }
            }
        }
        prop_assert!(!exceeds(&admitted, SECOND, max));
    }

    #[test]
    fn retry_after_suffices_and_a_second_less_does_not(
        seconds in 1..30_u32,
        max in prop_oneof![1..20_u64, 1000..1003_u64],
        arrivals in vec((0..3_000_000_000_u64, 1..300_usize), 1..40),
    ) {
        let mut sliding = Sliding::new(window(seconds));
        let mut now = 0;
        for (later, requests) in arrivals {
            now += later;
            for _ in 0..requests {
                let Err(wait) = ask(&mut sliding, max, now) else { continue };
                prop_assert!(sliding.clone().look(max, now + wait * SECOND).is_ok());
                prop_assert!(sliding.clone().look(max, now + (wait - 1) * SECOND).is_err());
                let standing = sliding.standing(max, now);
                prop_assert_eq!(standing, Standing { remaining: 0, reset: Some(wait) });
            }
        }
    }

    #[test]
    fn what_remains_is_what_would_be_admitted_and_grows_at_the_reset(
        max in 1..30_u64,
        arrivals in vec(0..2_000_000_000_u64, 1..60),
    ) {
        let mut sliding = Sliding::new(window(10));
        let mut now = 0;
        for later in arrivals {
            now += later;
            let _refused_or_not = ask(&mut sliding, max, now);
            let standing = sliding.standing(max, now);
            let mut more = sliding.clone();
            let admitted = (0..=max).filter(|_| ask(&mut more, max, now).is_ok()).count() as u64;
            prop_assert_eq!(standing.remaining, admitted);
            let reset = standing.reset.unwrap();
            let then = |wait: u64| {
                let (mut then, now) = (sliding.clone(), now + wait * SECOND);
                let _either_way = then.look(max, now);
                then.standing(max, now).remaining
            };
            prop_assert!(then(reset) > standing.remaining);
            prop_assert_eq!(then(reset - 1), standing.remaining);
        }
    }

    #[test]
    fn failures_beyond_max_hold_back_for_one_window_and_no_longer(
        max in prop_oneof![1..20_u64, Just(1001)],
        failures in vec((0..400_000_000_u64, 1..1100_usize), 1..10),
    ) {
        let mut sliding = Sliding::new(window(1));
        let mut now = 0;
        for (later, times) in failures {
            now += later;
            (0..times).for_each(|_| sliding.count(max, now));
            prop_assert!(sliding.count <= max);
            prop_assert!(sliding.log.len() <= 1001);
            prop_assert_eq!(sliding.clone().look(max, now).is_err(), sliding.count == max);
        }
        prop_assert!(sliding.look(max, now + 2 * SECOND).is_ok());
        prop_assert!(sliding.is_idle(now + 2 * SECOND));
    }
}

#[test]
fn a_busy_log_keeps_an_entry_for_each_step_and_no_more() {
    let mut sliding = Sliding::new(window(10));
    for n in 0..200_000_u64 {
        let _refused_or_not = ask(&mut sliding, 50_000, n * 100_000);
        assert!(sliding.log.len() <= 1002, "{}", sliding.log.len());
    }
    assert_eq!(sliding.count, 50_000);
}

#[test]
fn above_a_thousand_a_step_is_a_thousandth_of_the_window_towards_refusing() {
    let mut sliding = Sliding::new(window(1));
    (0..1001).for_each(|_| ask(&mut sliding, 1001, 1).unwrap());
    assert!(sliding.clone().look(1001, SECOND + 1).is_err());
    assert!(sliding.clone().look(1001, SECOND + 1_000_000).is_ok());
}

#[test]
fn it_is_idle_when_its_last_admission_has_left() {
    let mut sliding = Sliding::new(window(2));
    assert!(sliding.is_idle(0));
    ask(&mut sliding, 5, 7 * SECOND).unwrap();
    assert!(!sliding.is_idle(9 * SECOND - 1));
    assert!(sliding.is_idle(9 * SECOND));
}
