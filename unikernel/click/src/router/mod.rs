//! The router: elements that work, and the packets between them.

mod plan;
mod replace;
mod start;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use platform_click::Code;

pub(crate) use plan::{MAX_APART, Plan};

use crate::context::{Elements, Traffic};
use crate::element::{Activity, Context, Element};
use crate::host::{Host, HostError};
use crate::language::{Config, Declaration, Endpoint};
use crate::packet::Parcel;
use crate::{codes, limits};

/// A router whose configuration was accepted.
///
/// Packets are moved, not copied, from element to element, over a list of those under way instead
/// of nested calls: a chain may be as long as it likes. A packet is led through the graph to its
/// end before the next one, as with nested calls, as far as anybody can tell: elements that leave no
/// trace but in the packets get those that come together as one batch.
#[derive(Debug)]
pub struct Router {
    plan: Plan,
    control: Control,
    elements: Elements,
    traffic: Traffic,
    looped: u64,
    stopped: bool,
}

/// What elements tell the router.
#[derive(Debug)]
pub(crate) struct Control {
    /// The router stops when this is no longer positive (Click's `runcount`). It is 1 at the start,
    /// and each request to stop takes 1 away.
    pub(crate) run_count: i64,
    /// Whether a handler was used since the round began: an element that had nothing to do may have
    /// now.
    pub(crate) woken: bool,
    /// When somebody should pull again who got nothing, in nanoseconds.
    pub(crate) wake_ns: Option<u64>,
    /// The element that is asked before the router stops.
    pub(crate) manager: Option<usize>,
}

/// What came of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Some element has more to do.
    Running,
    /// No element has anything to do before the clock says this, in nanoseconds.
    Waiting(u64),
    /// No element has anything to do, unless a handler is written to.
    Idle,
    /// An element asked the router to stop, or failed.
    Stopped,
}

/// A device failed; the router has stopped.
#[derive(Debug, thiserror::Error)]
#[error("`{element}`")]
pub struct RunError {
    /// Name and class of the element.
    pub element: String,
    /// What failed.
    #[source]
    pub error: HostError,
}

impl RunError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.error.code()
    }
}

impl Progress {
    /// What is left to do for two elements together.
    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Stopped, _) | (_, Self::Stopped) => Self::Stopped,
            (Self::Running, _) | (_, Self::Running) => Self::Running,
            (Self::Waiting(one), Self::Waiting(two)) => {
                Self::Waiting(if one < two { one } else { two })
            }
            (Self::Waiting(time), Self::Idle) | (Self::Idle, Self::Waiting(time)) => {
                Self::Waiting(time)
            }
            (Self::Idle, Self::Idle) => Self::Idle,
        }
    }
}

/// [`limits::MAX_BATCH`], as the number of turns that bursts count.
#[expect(clippy::as_conversions, reason = "64 is 64")]
const BATCH: u64 = limits::MAX_BATCH as u64;

impl Router {
    /// What the router was made from.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.plan.config
    }

    pub(crate) const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Packets that were dropped because they went round for too long.
    #[must_use]
    pub const fn looped(&self) -> u64 {
        self.looped
    }

    /// Gives every element that acts by itself one turn, and leads what it sends to its end.
    ///
    /// # Errors
    /// A device failed. The packet that met it is lost, others are not; the router has stopped.
    pub fn round(&mut self, host: &mut dyn Host) -> Result<Progress, RunError> {
        self.control.woken = false;
        self.control.wake_ns = None;
        self.take_finished(host);
        self.lead(host)?;
        let mut progress = Progress::Idle;
        let mut next = 0_usize;
        while let Some(element) = self.plan.acting().get(next).copied() {
            next = next.saturating_add(1);
            if self.stops(host)? {
                return Ok(Progress::Stopped);
            }
            progress = progress.and(self.turn(element, host)?);
        }
        if self.stops(host)? {
            return Ok(Progress::Stopped);
        }
        Ok(if self.control.woken {
            Progress::Running
        } else {
            let wake = self
                .control
                .wake_ns
                .map_or(Progress::Idle, Progress::Waiting);
            progress.and(wake)
        })
    }

    /// Whether the router is to stop. Who manages stops is asked first, and again as long as it wants
    /// the router to go on and then changes its mind.
    fn stops(&mut self, host: &mut dyn Host) -> Result<bool, RunError> {
        while self.control.run_count <= 0 && !self.stopped {
            let before = self.control.run_count;
            if let Some(manager) = self.control.manager {
                self.call(manager, host, |element, context| element.stopping(context))?;
                self.lead(host)?;
            }
            self.stopped = self.control.run_count <= before;
        }
        Ok(self.stopped)
    }

    /// Runs until no element has anything to do, one asks to stop, or `interrupted` says so, which
    /// is asked once a round.
    ///
    /// # Errors
    /// A device failed; the router has stopped.
    pub fn run(
        &mut self,
        host: &mut dyn Host,
        mut interrupted: impl FnMut() -> bool,
    ) -> Result<(), RunError> {
        while !interrupted() {
            match self.round(host)? {
                Progress::Running => {}
                Progress::Waiting(time_ns) => host.wait_until(time_ns),
                Progress::Idle | Progress::Stopped => break,
            }
        }
        Ok(())
    }

    /// Completes what is written. Every element is called, whatever the others say.
    ///
    /// # Errors
    /// The first device that failed.
    pub fn finish(&mut self) -> Result<(), RunError> {
        let mut result = Ok(());
        for (element, declaration) in self.elements.iter_mut().zip(self.plan.config.elements()) {
            let Some(element) = element else { continue };
            let finished = element.finish().map_err(|error| RunError {
                element: declaration.label(),
                error,
            });
            result = result.and(finished);
        }
        result
    }

    /// One burst of one element. Says what the element has yet to do.
    fn turn(&mut self, index: usize, host: &mut dyn Host) -> Result<Progress, RunError> {
        let Some(burst) = self.element(index).map(Element::burst) else {
            return Ok(Progress::Idle);
        };
        let longest = if self.plan.batches { BATCH } else { 1 };
        let mut turns = 0_u64;
        while turns < burst {
            let most = burst.saturating_sub(turns).min(longest);
            let ran = self.call(index, host, |element, context| {
                Ok(element.run_many(most, context))
            })?;
            // What was sent before a device failed arrives.
            self.deliver(index, host)?;
            let ran = ran.transpose().map_err(|error| self.fail(index, error))?;
            let Some((done, activity)) = ran else {
                return Ok(Progress::Idle);
            };
            turns = turns.saturating_add(done);
            match activity {
                Activity::Working => {}
                // What it has sent may wait for elements whose turn is over.
                Activity::Waiting(_) | Activity::Idle if turns > 1 => break,
                Activity::Waiting(time_ns) => return Ok(Progress::Waiting(time_ns)),
                Activity::Idle => return Ok(Progress::Idle),
                Activity::Stop => {
                    self.control.run_count = self.control.run_count.saturating_sub(1);
                    return Ok(Progress::Idle);
                }
            }
        }
        Ok(Progress::Running)
    }

    /// Calls an element, which is taken out for that time.
    fn call<T>(
        &mut self,
        index: usize,
        host: &mut dyn Host,
        work: impl FnOnce(&mut dyn Element, &mut Context<'_>) -> Result<T, HostError>,
    ) -> Result<Option<T>, RunError> {
        let Some(mut element) = self.elements.get_mut(index).and_then(Option::take) else {
            return Ok(None);
        };
        let mut context = Context {
            host,
            traffic: &mut self.traffic,
            elements: &mut self.elements,
            plan: &self.plan,
            control: &mut self.control,
            element: index,
            sent_before: 0,
        };
        let done = work(element.as_mut(), &mut context);
        if let Some(slot) = self.elements.get_mut(index) {
            *slot = Some(element);
        }
        match done {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(self.fail(index, error)),
        }
    }

    /// Calls something for the router itself, as an element that is none of its own would.
    pub(crate) fn outside<T>(
        &mut self,
        host: &mut dyn Host,
        work: impl FnOnce(&mut Context<'_>) -> T,
    ) -> T {
        let element = self.elements.len();
        work(&mut Context {
            host,
            traffic: &mut self.traffic,
            elements: &mut self.elements,
            plan: &self.plan,
            control: &mut self.control,
            element,
            sent_before: 0,
        })
    }

    /// Leads what `source` has sent on to its end.
    fn deliver(&mut self, source: usize, host: &mut dyn Host) -> Result<(), RunError> {
        self.traffic.send_on(&self.plan, source, 0);
        self.lead(host)
    }

    /// Leads what is under way to its end.
    fn lead(&mut self, host: &mut dyn Host) -> Result<(), RunError> {
        let most_hops = self.elements.len().saturating_mul(limits::MAX_ROUNDS);
        let mut hops = 0_usize;
        while let Some((mut at, mut parcel)) = self.traffic.under_way.pop() {
            loop {
                if hops >= most_hops {
                    self.drop_looping(at, parcel, host);
                    return Ok(());
                }
                hops = hops.saturating_add(1);
                match self.step(at, parcel, host) {
                    Ok(Some(next)) => (at, parcel) = next,
                    Ok(None) => break,
                    Err(error) => return Err(self.fail(at.element, error)),
                }
            }
        }
        Ok(())
    }

    /// Hands packets to an element. Gives back what moves next, if that is clear at once; otherwise it
    /// is under way.
    fn step(
        &mut self,
        at: Endpoint,
        parcel: Parcel,
        host: &mut dyn Host,
    ) -> Result<Option<(Endpoint, Parcel)>, HostError> {
        let Some(slot) = self.elements.get_mut(at.element) else {
            return Ok(None);
        };
        let Some(mut element) = slot.take() else {
            return Ok(None);
        };
        let mut context = Context {
            host,
            traffic: &mut self.traffic,
            elements: &mut self.elements,
            plan: &self.plan,
            control: &mut self.control,
            element: at.element,
            sent_before: 0,
        };
        let mut next = None;
        let done = match parcel {
            Parcel::One(mut packet) if self.plan.is_in_place(at.element) => {
                let way = element.handle_one(at.port, &mut packet, &mut context);
                match way.and_then(|port| self.plan.target(at.element, port)) {
                    Some(target) => next = Some((target, Parcel::One(packet))),
                    None => context.end(packet),
                }
                Ok(())
            }
            Parcel::One(packet) => element.push(at.port, packet, &mut context),
            Parcel::Many(batch) if self.plan.takes_batches(at.element) => {
                element.push_batch(at.port, batch, &mut context)
            }
            Parcel::Many(mut batch) => {
                // The first one moves next.
                let packets = batch
                    .drain(..)
                    .rev()
                    .map(|packet| (at, Parcel::One(packet)));
                context.traffic.under_way.extend(packets);
                context.give_batch(batch);
                Ok(())
            }
        };
        if let Some(slot) = self.elements.get_mut(at.element) {
            *slot = Some(element);
        }
        self.traffic.send_on(&self.plan, at.element, 0);
        done.map(|()| next)
    }

    #[cold]
    fn drop_looping(&mut self, at: Endpoint, parcel: Parcel, host: &mut dyn Host) {
        self.traffic.under_way.push((at, parcel));
        let under_way = self.traffic.under_way.drain(..);
        let dropped: usize = under_way.map(|(_, parcel)| parcel.len()).sum();
        let first = self.looped == 0;
        self.looped = self
            .looped
            .saturating_add(u64::try_from(dropped).unwrap_or(u64::MAX));
        if first {
            let label = self
                .plan
                .config
                .elements()
                .get(at.element)
                .map(Declaration::label);
            host.message(&format!(
                "warning[{}]: a packet at `{}` went round more than {} times and was dropped; \
                 further ones are only counted",
                codes::LOOP,
                label.unwrap_or_default(),
                limits::MAX_ROUNDS,
            ));
        }
    }

    fn fail(&mut self, element: usize, error: HostError) -> RunError {
        self.stopped = true;
        self.traffic.under_way.clear();
        self.traffic.sent.clear();
        let label = self
            .plan
            .config
            .elements()
            .get(element)
            .map(Declaration::label);
        RunError {
            element: label.unwrap_or_default(),
            error,
        }
    }

    pub(crate) fn element(&self, index: usize) -> Option<&dyn Element> {
        self.elements.get(index)?.as_deref()
    }

    pub(crate) fn element_mut(&mut self, index: usize) -> Option<&mut Box<dyn Element>> {
        self.elements.get_mut(index)?.as_mut()
    }
}
