//! Between virtual time and the times that objects carry.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use k8s_openapi::jiff::Timestamp;
use sim::SimTime;

/// The wall clock at virtual time zero: 2026-01-01T00:00:00Z.
pub const EPOCH_UNIX_SECONDS: i64 = 1_767_225_600;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(sim_time(&time(SimTime::from_secs(90))), SimTime::from_secs(90));
        assert_eq!(time(SimTime::ZERO).0.to_string(), "2026-01-01T00:00:00Z");
    }
}
