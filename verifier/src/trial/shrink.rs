//! Makes what contradicts a proof small: fewer runs, fewer entries of maps, shorter packets, zeros.
//!
//! Each change is kept when the same instruction is still in the wrong. Everything follows from the
//! input, so that the same contradiction always becomes the same report.

use bpf_object::Image;

use super::watch::Watch;
use super::{Wrong, play};
use crate::answer::Facts;
use crate::scenario::{Clock, Draws, Scenario, Step, instance};

/// Scenarios that are tried: about a second for ordinary programs.
const MAX_ATTEMPTS: u32 = 2_000;

/// A smaller scenario that ends in the same, and what contradicts the proof in it.
pub(super) fn smaller(
    image: &Image,
    facts: &Facts,
    scenario: Scenario,
    wrong: Wrong,
) -> (Scenario, Wrong) {
    let mut shrinking = Shrinking {
        image,
        facts,
        watch: Watch::new(image, &facts.claims),
        scenario,
        wrong,
        attempts: MAX_ATTEMPTS,
    };
    shrinking.runs();
    shrinking.entries();
    shrinking.surroundings();
    shrinking.packet();
    shrinking.entries();
    (shrinking.scenario, shrinking.wrong)
}

struct Shrinking<'a> {
    image: &'a Image,
    facts: &'a Facts,
    watch: Watch<'a>,
    scenario: Scenario,
    wrong: Wrong,
    attempts: u32,
}

impl Shrinking<'_> {
    /// Takes a scenario if it still shows what is wrong.
    fn accept(&mut self, scenario: Scenario) -> bool {
        let Some(attempts) = self.attempts.checked_sub(1) else {
            return false;
        };
        self.attempts = attempts;
        match self.ending(&scenario) {
            Some(wrong) if wrong.slot == self.wrong.slot => {
                self.scenario = scenario;
                self.wrong = wrong;
                true
            }
            _ => false,
        }
    }

    /// What contradicts the proof in the last run, and in none before.
    fn ending(&mut self, scenario: &Scenario) -> Option<Wrong> {
        let mut ready = instance(self.image).ok()?;
        let (last, before) = scenario.steps.split_last()?;
        for step in before {
            play(step, &mut ready, self.facts, &mut self.watch)
                .ok()?
                .ok()?;
        }
        play(last, &mut ready, self.facts, &mut self.watch)
            .ok()?
            .err()
    }

    /// Leaves out runs: all but the last one, all but the last one with the entries of all, half of
    /// them, one by one.
    fn runs(&mut self) {
        let Some((last, before)) = self.scenario.steps.split_last() else {
            return;
        };
        let alone = Scenario {
            steps: vec![last.clone()],
        };
        let mut filled = alone.clone();
        let entries = before.iter().chain([last]).flat_map(|step| &step.entries);
        let entries = entries.cloned().collect();
        if let Some(step) = filled.steps.first_mut() {
            step.entries = entries;
        }
        if self.accept(alone) || self.accept(filled) {
            return;
        }
        let count = |scenario: &Scenario| scenario.steps.len().saturating_sub(1);
        self.without(count, |scenario, at, size| {
            scenario.steps.drain(at..at.saturating_add(size));
        });
    }

    /// Leaves out entries of each run, then clears what remains.
    fn entries(&mut self) {
        for run in 0..self.scenario.steps.len() {
            let entries = move |scenario: &Scenario| {
                let step = scenario.steps.get(run);
                step.map_or(0, |step| step.entries.len())
            };
            self.without(entries, move |scenario, at, size| {
                if let Some(step) = scenario.steps.get_mut(run) {
                    step.entries.drain(at..at.saturating_add(size));
                }
            });
            for entry in 0..entries(&self.scenario) {
                self.clear(move |scenario| {
                    let entry = scenario.steps.get_mut(run)?.entries.get_mut(entry)?;
                    Some(&mut entry.value)
                });
            }
        }
    }

    /// Makes everything but the packet ordinary.
    fn surroundings(&mut self) {
        let changes: [fn(&mut Step); 9] = [
            |step| step.refusals.clear(),
            |step| step.draws = Draws::default(),
            |step| step.clock = Clock::default(),
            |step| step.clock.step_ns = 0,
            |step| step.annotations.port = 0,
            |step| step.annotations.mark = 0,
            |step| step.annotations.rx_time_ns = 0,
            |step| step.annotations.delay_ns = 0,
            |step| step.addresses = 0,
        ];
        for run in 0..self.scenario.steps.len() {
            for change in changes {
                let mut scenario = self.scenario.clone();
                if let Some(step) = scenario.steps.get_mut(run) {
                    change(step);
                }
                if scenario != self.scenario {
                    self.accept(scenario);
                }
            }
        }
    }

    /// Shortens the packet of each run from its end, then clears its bytes.
    fn packet(&mut self) {
        for run in 0..self.scenario.steps.len() {
            let length = move |scenario: &Scenario| {
                let step = scenario.steps.get(run);
                step.map_or(0, |step| step.packet.len())
            };
            let mut less = length(&self.scenario);
            while less > 0 {
                let mut scenario = self.scenario.clone();
                let shorter = length(&scenario).saturating_sub(less);
                if let Some(step) = scenario.steps.get_mut(run) {
                    step.packet.truncate(shorter);
                }
                if scenario == self.scenario || !self.accept(scenario) {
                    less /= 2;
                }
            }
            self.clear(move |scenario| Some(&mut scenario.steps.get_mut(run)?.packet));
        }
    }

    /// Leaves out items, of which there are `count`: all, then ever smaller parts.
    fn without(
        &mut self,
        count: impl Fn(&Scenario) -> usize,
        leave_out: impl Fn(&mut Scenario, usize, usize),
    ) {
        let mut size = count(&self.scenario);
        while size > 0 && self.attempts > 0 {
            let mut at = 0_usize;
            while at.saturating_add(size) <= count(&self.scenario) {
                let mut scenario = self.scenario.clone();
                leave_out(&mut scenario, at, size);
                if !self.accept(scenario) {
                    at = at.saturating_add(size);
                }
            }
            size /= 2;
        }
    }

    /// Clears bytes: all, then ever smaller parts.
    fn clear(&mut self, bytes: impl Fn(&mut Scenario) -> Option<&mut Vec<u8>>) {
        let mut probe = self.scenario.clone();
        let length = bytes(&mut probe).map_or(0, |bytes| bytes.len());
        let mut size = length;
        while size > 0 && self.attempts > 0 {
            for at in (0..length).step_by(size) {
                let mut scenario = self.scenario.clone();
                let part = bytes(&mut scenario)
                    .and_then(|bytes| bytes.get_mut(at..at.saturating_add(size).min(length)));
                if let Some(part) = part {
                    part.fill(0);
                }
                if scenario != self.scenario {
                    self.accept(scenario);
                }
            }
            size /= 2;
        }
    }
}
