//! The wall clock inside the machines.

use sim::SimTime;

/// Virtual time zero is 2026-01-01T00:00:00Z.
const EPOCH_UNIX_SECONDS: u64 = 1_767_225_600;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A UTC date and time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    pub year: u64,
    /// 1 to 12.
    pub month: u64,
    pub day: u64,
    pub hour: u64,
    pub minute: u64,
    pub second: u64,
    pub micros: u64,
    /// 0 for Sunday.
    pub weekday: u64,
}

pub fn unix_seconds(now: SimTime) -> u64 {
    EPOCH_UNIX_SECONDS + now.as_secs()
}

pub fn date(now: SimTime) -> Date {
    date_of_unix(unix_seconds(now), now.as_micros() % 1_000_000)
}

/// Civil date of a day count (proleptic Gregorian), in whole 400-year eras that start on March 1.
pub fn date_of_unix(seconds: u64, micros: u64) -> Date {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    Date {
        year: era * 400 + year_of_era + u64::from(month <= 2),
        month,
        day: day_of_year - (153 * shifted + 2) / 5 + 1,
        hour: seconds / 3_600 % 24,
        minute: seconds / 60 % 60,
        second: seconds % 60,
        micros,
        weekday: (seconds / 86_400 + 4) % 7,
    }
}

impl Date {
    pub fn month_name(self) -> &'static str {
        MONTHS[(self.month as usize + 11) % 12]
    }

    /// `2026/11/21 05:25:24`, with the given separators of date parts, and of date and time.
    pub fn plain(self, dash: char, gap: &str) -> String {
        let Date { year, month, day, .. } = self;
        format!("{year}{dash}{month:02}{dash}{day:02}{gap}{}", self.time())
    }

    /// `05:25:24`
    pub fn time(self) -> String {
        format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }

    /// `21/Nov/2026:05:25:24 +0000`, as web servers log.
    pub fn common_log(self) -> String {
        let Date { year, day, hour, minute, second, .. } = self;
        format!("{day:02}/{}/{year}:{hour:02}:{minute:02}:{second:02} +0000", self.month_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(SimTime::ZERO).plain('-', "T"), "2026-01-01T00:00:00");
        assert_eq!(date(SimTime::ZERO).weekday, 4);
        assert_eq!(date_of_unix(1_709_210_096, 0).common_log(), "29/Feb/2024:12:34:56 +0000");
        assert_eq!(date_of_unix(0, 0).plain('/', " "), "1970/01/01 00:00:00");
    }
}
