use proptest::collection::vec;
use proptest::prelude::*;
use time::{Date, OffsetDateTime, Time, UtcDateTime};

use super::*;

const PERIODS: [Period; 4] = [Period::Minute, Period::Hour, Period::Day, Period::Month];

fn instant(text: &str) -> Timestamp {
    let (date, clock) = text.split_once('T').unwrap();
    let numbers = |text: &str, by| text.split(by).map(|n| n.parse().unwrap()).collect::<Vec<u16>>();
    let (date, clock) = (numbers(date, '-'), numbers(clock, ':'));
    let month = time::Month::try_from(date[1] as u8).unwrap();
    let date = Date::from_calendar_date(i32::from(date[0]), month, date[2] as u8).unwrap();
    let clock = Time::from_hms(clock[0] as u8, clock[1] as u8, clock[2] as u8).unwrap();
    Timestamp(UtcDateTime::new(date, clock).unix_timestamp() * 1000)
}

/// What of a date a period is: those of equal ones are in the same.
fn name_of(period: Period, now: i64) -> (i32, u8, u8, u8, u8) {
    let at = OffsetDateTime::from_unix_timestamp(now.div_euclid(1000)).unwrap();
    let (year, month) = (at.year(), u8::from(at.month()));
    match period {
        Period::Minute => (year, month, at.day(), at.hour(), at.minute()),
        Period::Hour => (year, month, at.day(), at.hour(), 0),
        Period::Day => (year, month, at.day(), 0, 0),
        Period::Month => (year, month, 0, 0, 0),
    }
}

fn period() -> impl Strategy<Value = Period> {
    proptest::sample::select(PERIODS.to_vec())
}

/// 1900 to 2200.
fn millisecond() -> impl Strategy<Value = i64> {
    -2_208_988_800_000..7_258_118_400_000_i64
}

fn ask(calendar: &mut Calendar, max: u64, now: i64) -> Result<(), u64> {
    calendar.look(max, Timestamp(now))?;
    calendar.charge();
    Ok(())
}

proptest! {
    #[test]
    fn a_period_ends_where_the_calendar_says(period in period(), now in millisecond()) {
        let end = end(period, now);
        prop_assert!(end > now);
        prop_assert_eq!(name_of(period, end - 1), name_of(period, now));
        prop_assert_ne!(name_of(period, end), name_of(period, now));
    }

    #[test]
    fn it_decides_as_a_count_by_the_name_of_the_period(
        period in period(),
        max in 1..5_u64,
        start in millisecond(),
        arrivals in vec(prop_oneof![0..1000_i64, 0..90_000_000_i64], 1..200),
    ) {
        let mut calendar = Calendar::new(period);
        let mut counts = std::collections::HashMap::<_, u64>::new();
        let mut now = start;
        for later in arrivals {
            now += later;
            let count = counts.entry(name_of(period, now)).or_default();
            let admitted = *count < max;
            *count += u64::from(admitted);
            prop_assert_eq!(ask(&mut calendar, max, now).is_ok(), admitted);
            prop_assert_eq!(calendar.standing(max, Timestamp(now)).remaining, max - *count);
        }
    }

    #[test]
    fn retry_after_suffices_and_a_second_less_does_not(period in period(), now in millisecond()) {
        let mut calendar = Calendar::new(period);
        ask(&mut calendar, 1, now).unwrap();
        let wait = ask(&mut calendar, 1, now).unwrap_err();
        let at = |seconds: u64| Timestamp(now + seconds.cast_signed() * 1000);
        prop_assert!(calendar.clone().look(1, at(wait)).is_ok());
        prop_assert!(calendar.clone().look(1, at(wait - 1)).is_err());
        prop_assert_eq!(calendar.standing(1, at(0)), Standing { remaining: 0, reset: Some(wait) });
    }
}

#[test]
fn months_end_as_they_do() {
    for (now, next) in [
        ("2026-01-31T23:59:59", "2026-02-01T00:00:00"),
        ("2027-02-28T23:59:59", "2027-03-01T00:00:00"),
        ("2028-02-28T12:00:00", "2028-03-01T00:00:00"),
        ("2100-02-28T12:00:00", "2100-03-01T00:00:00"),
        ("2026-12-31T00:00:00", "2027-01-01T00:00:00"),
    ] {
        assert_eq!(end(Period::Month, instant(now).0), instant(next).0, "{now}");
    }
}

#[test]
fn a_clock_that_is_set_back_over_a_boundary_admits_no_more() {
    let mut calendar = Calendar::new(Period::Hour);
    let boundary = instant("2026-05-01T12:00:00").0;
    assert!(ask(&mut calendar, 1, boundary + 5).is_ok());
    let wait = ask(&mut calendar, 1, boundary - 1000).unwrap_err();
    assert_eq!(wait, 3601);
}

#[test]
fn a_clock_that_was_far_ahead_leaves_its_count_and_not_its_period() {
    let mut calendar = Calendar::new(Period::Month);
    ask(&mut calendar, 1, instant("2036-05-01T12:00:00").0).unwrap();
    let now = instant("2026-05-31T23:59:58").0;
    assert_eq!(ask(&mut calendar, 1, now), Err(2));
    assert_eq!(ask(&mut calendar, 1, now + 2000), Ok(()));
}
