//! Servers and other programs of the image catalogue, as state machines.

use std::sync::Arc;

use crate::kernel::{Step, Sys, Wait};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    pub name: Arc<str>,
}

impl Server {
    /// The program of an executable with this name; None when there is no such program.
    pub fn load(_sys: &mut Sys<'_>, _name: &str, _argv: &Arc<Vec<String>>) -> Option<Server> {
        None
    }

    pub fn step(&mut self, _sys: &mut Sys<'_>) -> Step {
        Step::Wait(Wait::Signal)
    }
}
