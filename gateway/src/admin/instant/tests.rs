use proptest::prelude::*;

use super::*;

#[test]
fn an_instant_is_read_with_its_zone_and_written_in_utc() {
    let cases = [
        ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"),
        ("2030-01-01T08:00:00+08:00", 1_893_456_000_000, "2030-01-01T00:00:00.000Z"),
        ("2029-12-31T19:00:00.1239-05:00", 1_893_456_000_123, "2030-01-01T00:00:00.123Z"),
        ("2030-01-01t00:00:00z", 1_893_456_000_000, "2030-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", LAST.0, "9999-12-31T23:59:59.999Z"),
    ];
    for (text, milliseconds, written) in cases {
        assert_eq!(read(text), Some(Timestamp(milliseconds)), "{text}");
        assert_eq!(write(Timestamp(milliseconds)), written);
    }
}

#[test]
fn no_other_form_is_read() {
    let forms = [
        "",
        "1900000000",
        "1900000000000",
        "2030-01-01",
        "2030-01-01T00:00:00",
        "2030-01-01 00:00:00Z",
        "2030-01-01T00:00Z",
        "2030-01-01T00:00:00Z ",
        " 2030-01-01T00:00:00Z",
        "2030-02-30T00:00:00Z",
        "2030-01-01T25:00:00Z",
        "2030-01-01T00:00:00+0800",
        "2030-01-01é00:00:00Z",
        "１２３４-01-01T00:00:00Z",
        "+2030-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "0000-01-01T00:00:00+23:59",
        "1969-12-31T23:59:59Z",
    ];
    for text in forms {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn what_cannot_be_written_is_shown_as_the_nearest_that_can() {
    assert_eq!(write(Timestamp(i64::MAX)), "9999-12-31T23:59:59.999Z");
    assert_eq!(write(Timestamp(i64::MIN)), "1970-01-01T00:00:00.000Z");
}

proptest! {
    #[test]
    fn what_was_written_reads_as_the_same_instant(milliseconds in 0..=LAST.0) {
        prop_assert_eq!(read(&write(Timestamp(milliseconds))), Some(Timestamp(milliseconds)));
    }

    #[test]
    fn reading_is_total(text in any::<String>()) {
        let _ = read(&text);
    }
}
