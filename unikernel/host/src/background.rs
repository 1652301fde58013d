//! A thread beside the router: it prepares programs, and gives back the memory of others, while packets
//! flow.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use click_graph::{Finished, Replaced, Replacement};

use crate::programs::Programs;

/// Work for the thread.
enum Job {
    Prepare(Box<Replacement>),
    Discard(Box<Replaced>),
}

/// The thread, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Background {
    jobs: Sender<Job>,
    finished: Receiver<Finished>,
}

impl Background {
    /// Starts the thread. `None` when the system has none left.
    pub(crate) fn start(mut programs: Programs) -> Option<Self> {
        let (jobs, to_do) = mpsc::channel();
        let (done, finished) = mpsc::channel();
        let work = move || {
            for job in to_do {
                match job {
                    Job::Prepare(replacement) => {
                        if done.send(replacement.finish(&mut programs)).is_err() {
                            return;
                        }
                    }
                    Job::Discard(replaced) => drop(replaced),
                }
            }
        };
        let builder = thread::Builder::new().name("programs".into());
        builder.spawn(work).ok()?;
        Some(Self { jobs, finished })
    }

    /// Prepares a program; it comes back if the thread has ended.
    pub(crate) fn prepare(&self, replacement: Replacement) -> Result<(), Box<Replacement>> {
        match self.jobs.send(Job::Prepare(Box::new(replacement))) {
            Err(mpsc::SendError(Job::Prepare(replacement))) => Err(replacement),
            _ => Ok(()),
        }
    }

    /// What came of a program, once.
    pub(crate) fn finished(&self) -> Option<Finished> {
        self.finished.try_recv().ok()
    }

    /// Gives memory back, in the thread or, if that has ended, here.
    pub(crate) fn discard(&self, replaced: Replaced) {
        drop(self.jobs.send(Job::Discard(Box::new(replaced))));
    }
}
