//! Programs that the host of the simulation runs, such as the workstation's kubectl: a process that reads, writes and
//! ends when the host says so. Signals that it does not catch end it as any other process.

use super::process::Program;
use super::{Kernel, Pid, Process, Sys, World};

impl Kernel {
    /// Processes whose program the host runs and that have not been told to end, oldest first.
    pub fn externals(&self) -> impl Iterator<Item = &Process> {
        self.processes()
            .filter(|it| !it.is_zombie() && it.exiting.is_none() && matches!(it.program, Program::External))
    }

    /// The host acts as the process: its descriptors, its files, its environment. None when it is gone.
    pub fn with_external<T>(
        &mut self,
        pid: Pid,
        world: &mut World<'_>,
        act: impl FnOnce(&mut Sys<'_>) -> T,
    ) -> Option<T> {
        self.externals().find(|it| it.pid == pid)?;
        Some(act(&mut Sys::new(self, world, pid)))
    }

    /// The host acts as any process that is there.
    pub fn as_process<T>(
        &mut self,
        pid: Pid,
        world: &mut World<'_>,
        act: impl FnOnce(&mut Sys<'_>) -> T,
    ) -> Option<T> {
        self.process(pid)?;
        Some(act(&mut Sys::new(self, world, pid)))
    }

    /// Ends the process once its output has found room.
    pub fn finish_external(&mut self, pid: Pid, code: i32) {
        if self.externals().any(|it| it.pid == pid) {
            self.process_mut(pid).exiting = Some(code);
            self.wake(pid);
        }
    }
}
