//! The POSIX shell.

use crate::kernel::{Step, Sys};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shell {}

impl Shell {
    pub fn step(&mut self, _sys: &mut Sys<'_>) -> Step {
        Step::Exited(0)
    }
}
