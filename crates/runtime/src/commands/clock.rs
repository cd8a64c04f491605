//! `date` and `uptime`: the calendar.

use sim::Gather as _;

use super::options::Options;
use crate::kernel::Sys;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A moment in UTC, taken apart.
pub struct Civil {
    pub year: i64,
    pub month: usize,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub weekday: usize,
    pub year_day: i64,
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub fn civil(unix: i64) -> Civil {
    let days = unix.div_euclid(86_400);
    let rest = unix.rem_euclid(86_400);
    // Days since 1 March of the year 0, in eras of 400 years.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][(month - 1) as usize];
    Civil {
        year,
        month: month as usize,
        day,
        hour: rest / 3600,
        minute: rest / 60 % 60,
        second: rest % 60,
        weekday: (days + 4).rem_euclid(7) as usize,
        year_day: before + day + i64::from(2 < month && is_leap(year)),
    }
}

/// From `2026-01-02`, `2026-01-02 03:04:05`, with a `T` or a `Z`.
fn parse(text: &str) -> Option<i64> {
    if let Some(seconds) = text.strip_prefix('@') {
        return seconds.parse().ok();
    }
    let numbers: Vec<i64> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|it| !it.is_empty())
        .map_while(|it| it.parse().ok())
        .gather();
    let (year, month, day) = (*numbers.first()?, *numbers.get(1)?, *numbers.get(2)?);
    let year_shifted = year - i64::from(month <= 2);
    let era = year_shifted.div_euclid(400);
    let of_era = year_shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let part = |at: usize| numbers.get(at).copied().unwrap_or(0);
    Some(days * 86_400 + part(3) * 3600 + part(4) * 60 + part(5))
}

pub fn format(text: &str, unix: i64, micros: u64) -> String {
    let t = civil(unix);
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let Some(mut kind) = chars.next() else { break };
        if matches!(kind, '-' | '_' | '0'..='9') {
            let plain = kind == '-';
            let digits = kind.to_digit(10);
            kind = chars.next().unwrap_or('%');
            if kind == 'N' {
                let nanos = format!("{:09}", micros * 1000);
                out.push_str(&nanos[..digits.unwrap_or(9).clamp(1, 9) as usize]);
                continue;
            }
            let inner = format(&format!("%{kind}"), unix, micros);
            out.push_str(if plain { inner.trim_start_matches('0') } else { &inner });
            continue;
        }
        let piece = match kind {
            'Y' => t.year.to_string(),
            'y' => format!("{:02}", t.year % 100),
            'm' => format!("{:02}", t.month),
            'd' => format!("{:02}", t.day),
            'e' => format!("{:2}", t.day),
            'H' => format!("{:02}", t.hour),
            'I' => format!("{:02}", (t.hour + 11) % 12 + 1),
            'p' => if t.hour < 12 { "AM" } else { "PM" }.to_owned(),
            'M' => format!("{:02}", t.minute),
            'S' => format!("{:02}", t.second),
            'N' => format!("{:09}", micros * 1000),
            's' => unix.to_string(),
            'j' => format!("{:03}", t.year_day),
            'u' => (if t.weekday == 0 { 7 } else { t.weekday }).to_string(),
            'w' => t.weekday.to_string(),
            'a' => DAYS[t.weekday][..3].to_owned(),
            'A' => DAYS[t.weekday].to_owned(),
            'b' | 'h' => MONTHS[t.month - 1][..3].to_owned(),
            'B' => MONTHS[t.month - 1].to_owned(),
            'Z' => "UTC".to_owned(),
            'z' => "+0000".to_owned(),
            'F' => format("%Y-%m-%d", unix, micros),
            'T' | 'X' => format("%H:%M:%S", unix, micros),
            'R' => format("%H:%M", unix, micros),
            'D' | 'x' => format("%m/%d/%y", unix, micros),
            'c' => format("%a %b %e %H:%M:%S %Y", unix, micros),
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            other => format!("%{other}"),
        };
        out.push_str(&piece);
    }
    out
}

pub fn date(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "d r I date");
    let mut unix = sys.unix_seconds();
    let micros = sys.now.as_micros() % 1_000_000;
    if let Some(text) = options.value("d").or(options.value("date")) {
        match parse(text) {
            Some(parsed) => unix = parsed,
            None if text == "now" => {}
            None => {
                sys.err(&format!("{who}: invalid date '{text}'\n"));
                return 1;
            }
        }
    }
    let pattern = match options.rest.iter().find_map(|it| it.strip_prefix('+')) {
        Some(text) => text.to_owned(),
        None if options.has("I") || options.has("iso-8601") => {
            let fine = options.value("I").or(options.value("iso-8601")).unwrap_or("");
            if fine.starts_with('s') { "%Y-%m-%dT%H:%M:%S+00:00" } else { "%F" }.to_owned()
        }
        None if options.has("R") => "%a, %d %b %Y %H:%M:%S +0000".to_owned(),
        None => "%a %b %e %H:%M:%S UTC %Y".to_owned(),
    };
    let text = format(&pattern, unix, micros);
    sys.out(&format!("{text}\n"));
    0
}

pub fn uptime(sys: &mut Sys<'_>, _argv: &[String], _who: &str) -> i32 {
    let clock = format("%T", sys.unix_seconds(), 0);
    let minutes = sys.now.as_secs() / 60;
    let up = if minutes < 60 {
        format!("{minutes} min")
    } else {
        format!("{:2}:{:02}", minutes / 60, minutes % 60)
    };
    sys.out(&format!(" {clock} up {up},  0 users,  load average: 0.08, 0.03, 0.01\n"));
    0
}
