//! Makes a failing plan shorter.

use super::{Failure, Plan, run_twice};

/// So many runs are tried.
const TRIES_MAX: u32 = 150;

/// Takes steps away as long as the plan fails in the same way.
pub fn shrink(plan: &Plan, failure: &Failure) -> (Plan, Failure) {
    let (mut best, mut best_failure) = (plan.clone(), failure.clone());
    let mut tries = 0;
    let mut chunk = plan.steps.len().div_ceil(2).max(1);
    loop {
        let mut from = 0;
        while from < best.steps.len() && tries < TRIES_MAX {
            tries += 1;
            let mut shorter = best.clone();
            shorter.steps.drain(from..(from + chunk).min(best.steps.len()));
            match run_twice(&shorter) {
                Err(found) if found.kind == failure.kind => (best, best_failure) = (shorter, found),
                _ => from += chunk,
            }
        }
        if chunk == 1 || TRIES_MAX <= tries {
            return (best, best_failure);
        }
        chunk = chunk.div_ceil(2);
    }
}
