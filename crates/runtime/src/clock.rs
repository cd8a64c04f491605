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
        let mut text = String::with_capacity(24);
        push_number(&mut text, self.year, 4);
        for part in [self.month, self.day] {
            text.push(dash);
            text.push_str(two_digits(part));
        }
        text.push_str(gap);
        self.push_time(&mut text);
        text
    }

    /// `05:25:24`
    pub fn time(self) -> String {
        let mut text = String::with_capacity(8);
        self.push_time(&mut text);
        text
    }

    fn push_time(self, text: &mut String) {
        text.push_str(two_digits(self.hour));
        text.push(':');
        text.push_str(two_digits(self.minute));
        text.push(':');
        text.push_str(two_digits(self.second));
    }

    /// `21/Nov/2026:05:25:24 +0000`, as web servers log.
    pub fn push_common_log(self, text: &mut String) {
        text.push_str(two_digits(self.day));
        text.push('/');
        text.push_str(self.month_name());
        text.push('/');
        push_number(text, self.year, 4);
        text.push(':');
        self.push_time(text);
        text.push_str(" +0000");
    }
}

/// Of a number below a hundred.
fn two_digits(number: u64) -> &'static str {
    const ALL: &str = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    let at = number as usize % 100 * 2;
    &ALL[at..at + 2]
}

/// With zeros in front up to `width` digits. Servers log with every request: `format!` would be half of its cost.
pub(crate) fn push_number(text: &mut String, number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let (mut at, mut rest) = (digits.len(), number);
    while 0 < rest {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let from = at.min(digits.len() - width.clamp(1, digits.len()));
    text.push_str(std::str::from_utf8(&digits[from..]).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(SimTime::ZERO).plain('-', "T"), "2026-01-01T00:00:00");
        assert_eq!(date(SimTime::ZERO).weekday, 4);
        let mut text = String::new();
        date_of_unix(1_709_210_096, 0).push_common_log(&mut text);
        assert_eq!(text, "29/Feb/2024:12:34:56 +0000");
        assert_eq!(date_of_unix(0, 0).plain('/', " "), "1970/01/01 00:00:00");
        let number = |number, width| {
            let mut text = String::new();
            push_number(&mut text, number, width);
            text
        };
        assert_eq!([number(0, 1), number(7, 3), number(1_234, 2)], ["0", "007", "1234"]);
    }
}
