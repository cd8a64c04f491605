//! The CPU that a container may use: a share of every period, as cgroups have it. Who has used it up waits for the next one.
//!
//! Follows linux kernel/sched/fair.c: CFS bandwidth control, and kubernetes v1.36 pkg/kubelet/cm/helpers_linux.go:
//! MilliCPUToQuota. DIFFERENCE: all containers' periods begin at the same instants, and nodes never run out of CPU.

use std::time::Duration;

use sim::SimTime;

use super::{FUEL_START, Kernel, Program, Space, SpaceId, State};

const PERIOD_MICROS: u64 = 100_000;
/// No quota is smaller than a millisecond of each period.
const LIMIT_MILLI_MIN: u64 = 10;
/// Use of CPU is told of at least so much time.
const RECENT: Duration = Duration::from_secs(10);

/// A container's account of the current period. Without a limit it stays empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Quota {
    /// Number of the period since the simulation began.
    period: u64,
    /// Microseconds of CPU that are left of it; below zero what the next ones have to pay.
    left: i64,
    /// Somebody new wants to run since the container has been blocked.
    pub pressed: bool,
    /// Thousandths of a CPU that its servers say they use.
    declared_milli: u64,
    pub periods: u64,
    pub throttled: u64,
    pub throttled_micros: u64,
}

/// Since when, and from which total on, use is averaged; the second pair takes over when it is old enough.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Recent {
    since: (SimTime, u64),
    next: (SimTime, u64),
}

impl Space {
    /// Thousandths of a CPU, of the last ten to twenty seconds.
    pub fn recent_cpu_milli(&self, now: SimTime) -> u64 {
        let (since, before) = self.recent.since;
        self.cpu_micros.saturating_sub(before) * 1_000 / (now.since(since).as_micros() as u64).max(1_000_000)
    }

    /// Microseconds of each period that its fuel may take: what its servers leave, or a fair part where they want all.
    fn quota_micros(&self) -> Option<u64> {
        let limit = self.cpu_limit_milli?.max(LIMIT_MILLI_MIN);
        let declared = self.quota.declared_milli;
        let milli = limit.saturating_sub(declared).max(limit / (1 + declared.div_ceil(1_000)));
        Some((milli * PERIOD_MICROS / 1_000).max(1))
    }

    pub(super) fn block_until(&mut self, until: SimTime) {
        self.blocked_until = self.blocked_until.max(until);
        self.quota.pressed = false;
    }

    pub(super) fn use_cpu(&mut self, micros: u64, now: SimTime) {
        if RECENT <= now.since(self.recent.next.0) {
            let idle = RECENT * 2 <= now.since(self.recent.next.0);
            self.recent.since = if idle { (now, self.cpu_micros) } else { self.recent.next };
            self.recent.next = (now, self.cpu_micros);
        }
        self.cpu_micros += micros;
        let Some(quota) = self.quota_micros() else { return };
        let account = &mut self.quota;
        let period = now.as_micros() / PERIOD_MICROS;
        if account.period < period {
            let paid = (period - account.period).saturating_mul(quota) as i64;
            account.left = account.left.saturating_add(paid).min(quota as i64);
            account.period = period;
            account.periods += 1;
        }
        account.left -= micros as i64;
        if account.left < 0 {
            let periods = account.left.unsigned_abs().div_ceil(quota);
            let until = SimTime((period + periods) * PERIOD_MICROS);
            if self.blocked_until < until {
                account.throttled += 1;
                account.throttled_micros += until.since(now.max(self.blocked_until)).as_micros() as u64;
            }
            self.block_until(until);
        }
    }

    /// Long waits stand for computing that is still to come. When another process wants its share meanwhile, what was
    /// taken in advance is given back, and they go on together in the next period.
    pub(super) fn press(&mut self, now: SimTime) {
        if !std::mem::take(&mut self.quota.pressed) || self.quota_micros().is_none() {
            return;
        }
        let next = SimTime((now.as_micros() / PERIOD_MICROS + 1) * PERIOD_MICROS);
        if next < self.blocked_until {
            let debt = self.quota.left.min(0).unsigned_abs();
            self.cpu_micros = self.cpu_micros.saturating_sub(debt);
            self.quota.left = 0;
            self.quota.period = now.as_micros() / PERIOD_MICROS;
            self.blocked_until = next;
            self.filled_at = next;
            self.streak = 0;
        }
    }
}

impl Kernel {
    /// A program that is started from outside begins late where its container has little CPU, and later still where others
    /// of it are busy.
    pub(super) fn charge_start(&mut self, id: SpaceId, now: SimTime) {
        let busy = self.processes().filter(|it| it.space == id && it.state == State::Ready).count() as u64;
        let Some(space) = self.spaces.get_mut(&id).filter(|it| it.cpu_limit_milli.is_some()) else { return };
        space.quota.pressed = true;
        space.press(now);
        // The one that starts is among the ready ones.
        space.use_cpu(FUEL_START * busy.max(1), now);
    }

    /// Notes what the servers of limited containers say they use.
    pub(super) fn note_declared(&mut self) {
        let mut limited = self.spaces.values_mut().filter(|it| it.cpu_limit_milli.is_some()).peekable();
        if limited.peek().is_none() {
            return;
        }
        for space in limited {
            space.quota.declared_milli = 0;
        }
        for process in self.processes.values() {
            if let Program::Server(server) = &process.program
                && let Some(space) = self.spaces.get_mut(&process.space)
                && space.cpu_limit_milli.is_some()
            {
                space.quota.declared_milli += server.cpu_milli();
            }
        }
    }
}
