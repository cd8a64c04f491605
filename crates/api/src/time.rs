//! Between virtual time and the times that objects carry, and their texts.
//!
//! RFC 3339 is read and written here: jiff's own parsers and printers know far more formats than Kubernetes has, and
//! weigh accordingly.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use k8s_openapi::jiff::Timestamp;
use sim::SimTime;

/// The wall clock at virtual time zero: 2026-01-01T00:00:00Z.
pub const EPOCH_UNIX_SECONDS: i64 = 1_767_225_600;

const DAY: i64 = 86_400;

/// Whole seconds, as most fields have it.
pub fn time(now: SimTime) -> Time {
    Time(Timestamp::from_second(EPOCH_UNIX_SECONDS + now.as_secs() as i64).unwrap_or(Timestamp::MAX))
}

pub fn micro_time(now: SimTime) -> MicroTime {
    let micros = EPOCH_UNIX_SECONDS.saturating_mul(1_000_000).saturating_add_unsigned(now.as_micros());
    MicroTime(Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX))
}

/// Back from an object's time; before the epoch is zero.
pub fn sim_time(time: &Time) -> SimTime {
    SimTime((time.0.as_microsecond() - EPOCH_UNIX_SECONDS * 1_000_000).max(0) as u64)
}

/// `2026-01-01T00:00:00Z`, as `metav1.Time` is written.
pub fn text(at: Timestamp) -> String {
    seconds_text(at.as_microsecond().div_euclid(1_000_000))
}

/// `2026-01-01T00:00:00.000000Z`, as `metav1.MicroTime` is written.
pub fn micro_text(at: Timestamp) -> String {
    let micros = at.as_microsecond();
    let mut text = seconds_text(micros.div_euclid(1_000_000));
    text.pop();
    text.push_str(&format!(".{:06}Z", micros.rem_euclid(1_000_000)));
    text
}

/// The time of so many seconds since 1970.
pub fn seconds_text(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads RFC 3339 as Go's `time.Parse(time.RFC3339, …)` does: a fraction is allowed, a zone is a must.
pub fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        bytes
            .get(from..to)?
            .iter()
            .try_fold(0_i64, |sum, c| c.is_ascii_digit().then(|| sum * 10 + i64::from(c - b'0')))
    };
    let mark = |at: usize, wanted: u8| (*bytes.get(at)? == wanted).then_some(());
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    for (at, wanted) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
        mark(at, wanted)?;
    }
    let in_range = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !in_range {
        return None;
    }
    let digits = match bytes.get(19)? {
        b'.' | b',' => bytes[20..].iter().take_while(|it| it.is_ascii_digit()).count(),
        _ => 0,
    };
    let mut zone = 19;
    let mut nanos = 0;
    if matches!(bytes[19], b'.' | b',') {
        zone = 20 + digits;
        nanos = number(20, 20 + digits.min(9))? * 10_i64.pow(9 - digits.min(9) as u32);
        if digits == 0 {
            return None;
        }
    }
    let offset = match bytes.get(zone)? {
        b'Z' if bytes.len() == zone + 1 => 0,
        sign @ (b'+' | b'-') if bytes.len() == zone + 6 => {
            mark(zone + 3, b':')?;
            let (hours, minutes) = (number(zone + 1, zone + 3)?, number(zone + 4, zone + 6)?);
            if hours > 24 || minutes >= 60 {
                return None;
            }
            (hours * 3600 + minutes * 60) * if *sign == b'+' { 1 } else { -1 }
        }
        _ => return None,
    };
    let seconds = days_since_1970(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset;
    Timestamp::new(seconds, nanos as i32).ok()
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counted in years that begin in March, so that the leap day is their last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    // The year that most days fit in, or one more: four centuries have 146,097 days.
    let mut year = days.div_euclid(146_097) * 400 + days.rem_euclid(146_097) * 400 / 146_097;
    let start = |year: i64| days_since_1970(year, 3, 1) + 719_468;
    if start(year + 1) <= days {
        year += 1;
    } else if start(year) > days {
        year -= 1;
    }
    let of_year = days - start(year);
    let month = (of_year * 5 + 2) / 153;
    let day = of_year - (month * 153 + 2) / 5 + 1;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(sim_time(&time(SimTime::from_secs(90))), SimTime::from_secs(90));
        assert_eq!(text(time(SimTime::ZERO).0), "2026-01-01T00:00:00Z");
        assert_eq!(micro_text(micro_time(SimTime(1_500_000)).0), "2026-01-01T00:00:01.500000Z");
    }

    #[test]
    fn reads_what_it_writes_on_every_day() {
        for day in -800_000..100_000 {
            let at = Timestamp::from_second(day * DAY + 1 + day.rem_euclid(DAY - 1));
            if let Ok(at) = at
                && at.as_second() > -62_000_000_000
            {
                assert_eq!(text(at), at.to_string());
                assert_eq!(parse(&text(at)), Some(at));
            }
        }
    }

    #[test]
    fn reads_rfc_3339_only() {
        for (text, read) in [
            ("2026-01-01T00:00:00Z", Some("2026-01-01T00:00:00Z")),
            ("2026-01-01T02:00:00.25+02:00", Some("2026-01-01T00:00:00.25Z")),
            ("2024-02-29T23:59:59.123456789-00:30", Some("2024-03-01T00:29:59.123456789Z")),
            ("2023-02-29T00:00:00Z", None),
            ("2026-01-01T24:00:00Z", None),
            ("2026-01-01T00:00:00", None),
            ("2026-01-01T00:00:00.Z", None),
            ("2026-01-01 00:00:00Z", None),
            ("2026-01-01T00:00:00Zé", None),
            ("2026-01-01", None),
            ("", None),
        ] {
            assert_eq!(parse(text).map(|it| it.to_string()).as_deref(), read, "{text}");
        }
    }
}
