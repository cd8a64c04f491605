//! The native suites: conformance against recordings of real Kubernetes, transcripts, simulation.

pub mod bench;
pub mod conformance_kubectl;
pub mod conformance_scheduler;
pub mod conformance_scheduler_tables;
pub mod golden;
pub mod lifecycle;
pub mod simulate;

#[cfg(not(target_arch = "wasm32"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One recorded case, compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    pub id: String,
    /// The part or feature it belongs to: a row of the table that is printed at the end.
    pub part: String,
    pub agrees: bool,
    /// What differs, recording first (`-`), simulation second (`+`); empty when it agrees.
    pub diff: String,
}
