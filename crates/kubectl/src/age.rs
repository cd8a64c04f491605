//! Times and durations as kubectl prints them.

use serde_json::Value;
use sim::SimTime;

const SECOND: i64 = 1_000_000;

/// Microseconds since 1970.
pub fn micros(text: &str) -> Option<i64> {
    api::time::parse(text).map(api::k8s_openapi::jiff::Timestamp::as_microsecond)
}

pub fn wall(now: SimTime) -> i64 {
    api::time::EPOCH_UNIX_SECONDS * SECOND + now.as_micros() as i64
}

/// The time since, as the AGE column has it; `<unknown>` without a time.
pub fn since(text: &str, now: SimTime) -> String {
    micros(text).map_or_else(|| "<unknown>".to_owned(), |then| human(wall(now) - then))
}

pub fn since_value(value: &Value, now: SimTime) -> String {
    since(value.as_str().unwrap_or(""), now)
}

/// `5m30s`, `3h`, `2d`.
// Follows kubernetes v1.36 apimachinery/pkg/util/duration: HumanDuration.
pub fn human(micros: i64) -> String {
    let seconds = micros / SECOND;
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let two = |big: i64, big_unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{big}{big_unit}") } else { format!("{big}{big_unit}{small}{small_unit}") }
    };
    match seconds {
        i64::MIN..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(hours / 24, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{}d", hours / 24),
        63_072_000..252_288_000 => two(hours / 24 / 365, "y", hours / 24 % 365, "d"),
        252_288_000.. => format!("{}y", hours / 24 / 365),
    }
}

/// `Sat, 21 Nov 2026 05:33:55 +0000`: how describe prints times.
pub fn rfc1123z(text: &str) -> String {
    let Some(micros) = micros(text) else { return text.to_owned() };
    let seconds = micros.div_euclid(SECOND);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let iso = api::time::seconds_text(seconds);
    let month = iso.get(5..7).and_then(|it| it.parse::<usize>().ok()).unwrap_or(1);
    format!(
        "{}, {} {} {} {:02}:{:02}:{:02} +0000",
        &"ThuFriSatSunMonTueWed"[days.rem_euclid(7) as usize * 3..][..3],
        iso.get(8..10).unwrap_or(""),
        &"JanFebMarAprMayJunJulAugSepOctNovDec"[(month - 1) * 3..][..3],
        iso.get(..4).unwrap_or(""),
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// RFC 3339 in whole seconds.
pub fn rfc3339(now: SimTime) -> String {
    api::time::text(api::time::time(now).0)
}

/// RFC 3339 with nanoseconds, as log lines carry it.
pub fn rfc3339_nanos(now: SimTime) -> String {
    let whole = rfc3339(now);
    format!("{}.{:06}000Z", whole.trim_end_matches('Z'), now.as_micros() % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_kubernetes() {
        let table =
            [(119, "119s"), (120, "2m"), (330, "5m30s"), (7_261, "121m"), (10_860, "3h1m"), (36_000, "10h")];
        for (seconds, text) in table {
            assert_eq!(human(seconds * SECOND), text);
        }
        assert_eq!(human(4 * 31_536_000 * SECOND + 50 * 86_400 * SECOND), "4y50d");
        assert_eq!(rfc1123z("2026-11-21T05:33:55Z"), "Sat, 21 Nov 2026 05:33:55 +0000");
    }
}
