//! Dates as JavaScript writes them in JSON.

use std::io::Write as _;

/// Maximum milliseconds of a date before or after 1970 (ECMA-262 §21.4.1.1).
const FURTHEST: i64 = 8_640_000_000_000_000;

const MILLIS_A_DAY: i64 = 86_400_000;

/// Appends the date as a JSON string, or `null` if it is not a valid date.
pub(super) fn push_date(out: &mut Vec<u8>, millis: i64) {
    if !(-FURTHEST..=FURTHEST).contains(&millis) {
        return out.extend_from_slice(b"null");
    }
    let (year, month, day) = civil(millis.div_euclid(MILLIS_A_DAY));
    let time = millis.rem_euclid(MILLIS_A_DAY);
    let (hours, minutes, seconds, millis) = (time / 3_600_000, time / 60_000 % 60, time / 1000 % 60, time % 1000);
    // ECMA-262 §21.4.1.32: years outside of four digits have six and a sign.
    let written = match year {
        0..=9999 => write!(out, "\"{year:04}"),
        _ => write!(out, "\"{year:+07}"),
    };
    written
        .and_then(|()| write!(out, "-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z\""))
        .expect("writing to memory cannot fail");
}

/// Converts days since 1970-01-01 to year, month and day of the Gregorian calendar. Years are counted from March, so
/// that the leap day is the last of a year.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    const FIRST_OF_MARCH_0: i64 = -719_468;
    let day = days - FIRST_OF_MARCH_0;
    let (era, day) = (day.div_euclid(DAYS_IN_400_YEARS), day.rem_euclid(DAYS_IN_400_YEARS));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_javascript_writes_them() {
        let check = |millis: i64, expected: &str| {
            let mut out = Vec::new();
            push_date(&mut out, millis);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{millis}");
        };
        check(0, r#""1970-01-01T00:00:00.000Z""#);
        check(-1, r#""1969-12-31T23:59:59.999Z""#);
        check(951_782_400_000, r#""2000-02-29T00:00:00.000Z""#);
        check(951_868_800_000, r#""2000-03-01T00:00:00.000Z""#);
        check(1_735_689_599_123, r#""2024-12-31T23:59:59.123Z""#);
        check(-62_167_219_200_000, r#""0000-01-01T00:00:00.000Z""#);
        check(-62_167_219_200_001, r#""-000001-12-31T23:59:59.999Z""#);
        check(FURTHEST, r#""+275760-09-13T00:00:00.000Z""#);
        check(-FURTHEST, r#""-271821-04-20T00:00:00.000Z""#);
        check(FURTHEST + 1, "null");
        check(i64::MAX, "null");
        check(i64::MIN, "null");
    }
}
