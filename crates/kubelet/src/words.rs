//! How Go prints what messages contain.

use std::time::Duration;

use runtime::ContainerId;
use sim::Gather as _;

/// Follows Go's time.Duration.String: `1m20s`, `6.031s`, `73ms`.
pub fn go_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000_000_000 {
        let (unit, name) = if nanos < 1_000 {
            (1, "ns")
        } else if nanos < 1_000_000 {
            (1_000, "µs")
        } else {
            (1_000_000, "ms")
        };
        return decimal(nanos, unit) + name;
    }
    let minutes = duration.as_secs() / 60;
    let seconds = decimal(nanos - u128::from(minutes) * 60_000_000_000, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

fn decimal(nanos: u128, unit: u128) -> String {
    let (whole, rest) = (nanos / unit, nanos % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = unit.ilog10() as usize;
    format!("{whole}.{}", format!("{rest:0digits$}").trim_end_matches('0'))
}

/// An error of the runtime as its client prints it.
pub fn rpc_error(text: &str) -> String {
    if text.starts_with("rpc error") {
        text.to_owned()
    } else {
        format!("rpc error: code = Unknown desc = {text}")
    }
}

/// A list as Go's `%v` prints it: `[sh -c true]`.
pub fn go_list<S: AsRef<str>>(items: &[S]) -> String {
    format!("[{}]", items.iter().map(AsRef::as_ref).gather().join(" "))
}

/// A string as Go's `%q` prints it.
pub fn go_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// `containerd://` and 64 hexadecimal digits that belong to this container alone.
pub fn container_id_text(id: ContainerId) -> String {
    let mut state = id.0;
    let mut next = || {
        // SplitMix64: spreads the small number over all digits.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    };
    format!("containerd://{:016x}{:016x}{:016x}{:016x}", next(), next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_in_go() {
        for (millis, text) in [
            (0, "0s"),
            (73, "73ms"),
            (6_031, "6.031s"),
            (10_000, "10s"),
            (80_000, "1m20s"),
            (300_000, "5m0s"),
            (3_600_000, "1h0m0s"),
        ] {
            assert_eq!(go_duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(go_duration(Duration::from_micros(1_500)), "1.5ms");
    }

    #[test]
    fn quotes_print_as_in_go() {
        assert_eq!(go_quote("bad \"x\"\n"), "\"bad \\\"x\\\"\\n\"");
        assert_eq!(go_list(&["sh", "-c"]), "[sh -c]");
    }
}
