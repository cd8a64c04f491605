//! Seeded simulation: random Pods, faults and commands against a whole cluster, every promise checked after every event;
//! then the faults end and everything must settle. Each run happens twice and must end in equal states.
//!
//! A seed draws a [`Plan`], plain data that can be saved, shortened and run again.

mod generate;
mod manifest;
mod plan;
mod run;
mod shrink;

pub use generate::plan_of;
pub use plan::{Act, Plan, Step, Worker};
pub use run::{Ended, Failure, run, run_twice};
pub use shrink::shrink;
