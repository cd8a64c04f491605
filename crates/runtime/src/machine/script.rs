//! `playground.dev/…` annotations: what a container shall do without a program for it (docs/annotations.md).

use std::time::Duration;

use sim::{Gather as _, SimTime, Sort as _};

/// Steps of a memory curve.
const CURVE_STEPS_MAX: usize = 100;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Script {
    /// Ends the container with this code, so long after its start.
    pub exit: Option<(Duration, i32)>,
    /// Memory in use beside its processes': (time after the start, bytes).
    pub memory: Vec<(Duration, u64)>,
    /// Ports are closed until then.
    pub ready_after: Duration,
    /// Added to each answer.
    pub latency: Duration,
    /// Answers each HTTP request.
    pub http_status: Option<u16>,
}

impl Script {
    pub fn parse(annotations: &[(String, String)]) -> Script {
        let mut script = Script::default();
        let get = |key: &str| annotations.iter().find(|it| it.0 == key).map(|it| it.1.trim());
        let code = get("exit-code").and_then(|it| it.parse().ok());
        let after = get("after").and_then(duration);
        if code.is_some() || after.is_some() {
            script.exit = Some((after.unwrap_or_default(), code.unwrap_or(0)));
        }
        let curve = get("memory-curve").unwrap_or_default();
        let step = |it: &str| {
            let (time, size) = it.split_once(':')?;
            Some((duration(time.trim())?, bytes(size.trim())?))
        };
        script.memory = curve.split(',').filter_map(step).take(CURVE_STEPS_MAX).gather();
        script.memory.put_in_order();
        script.ready_after = get("ready-after").and_then(duration).unwrap_or_default();
        script.latency = get("latency").and_then(duration).unwrap_or_default();
        script.http_status = get("http-status").and_then(|it| it.parse().ok());
        script
    }

    pub fn memory_at(&self, started: SimTime, now: SimTime) -> u64 {
        let reached = |it: &&(Duration, u64)| started + it.0 <= now;
        self.memory.iter().rev().find(reached).map_or(0, |it| it.1)
    }

    /// When something of it happens next.
    pub fn next(&self, started: SimTime, now: SimTime) -> Option<SimTime> {
        let times = self.memory.iter().map(|it| it.0).chain(self.exit.map(|it| it.0));
        times.map(|it| started + it).filter(|it| now < *it).min()
    }
}

/// `30s`, `1m30s`, `500ms`, or seconds.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let (mut total, mut rest) = (Duration::ZERO, text);
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !it.is_ascii_digit()).filter(|it| 0 < *it)?;
        let unit_end =
            rest[digits..].find(|it: char| it.is_ascii_digit()).map_or(rest.len(), |it| digits + it);
        let number: u64 = rest[..digits].parse().ok()?;
        total += match &rest[digits..unit_end] {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number.checked_mul(60)?),
            "h" => Duration::from_secs(number.checked_mul(3_600)?),
            _ => return None,
        };
        rest = &rest[unit_end..];
    }
    Some(total)
}

/// `10Mi`, `1Gi`, `500M`, or bytes.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let unit = match &text[digits..] {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations() {
        let own =
            |it: &[(&str, &str)]| it.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect::<Vec<_>>();
        let script = Script::parse(&own(&[
            ("memory-curve", "0s:10Mi,1m30s:200Mi"),
            ("after", "5"),
            ("latency", "1s500ms"),
        ]));
        let at = |seconds| script.memory_at(SimTime::ZERO, SimTime::from_secs(seconds)) >> 20;
        assert_eq!((at(0), at(89), at(90)), (10, 10, 200));
        assert_eq!(script.exit, Some((Duration::from_secs(5), 0)));
        assert_eq!(script.latency, Duration::from_millis(1_500));
        assert_eq!(script.next(SimTime::ZERO, SimTime::ZERO), Some(SimTime::from_secs(5)));
        assert_eq!(Script::parse(&own(&[("after", "soon"), ("memory-curve", "x")])), Script::default());
    }
}
