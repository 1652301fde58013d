//! Both programs do the same, step by step, until a loop is repeated more often than its bound says.

use std::collections::HashMap;

use bpf_object::{Insn, Reg};
use bpf_programs::{Bench, Random, Step, Steps};

use super::structured::structured;
use super::*;

/// Programs.
const PROGRAMS: u64 = 600;

/// Runs of each.
const RUNS: u64 = 6;

/// A step of a run: the original's slot, and what the registers hold.
type Trace = Vec<(u32, [Option<u64>; 11])>;

fn registers(step: &Step<'_>) -> [Option<u64>; 11] {
    core::array::from_fn(|number| {
        let reg = Reg::new(u8::try_from(number).unwrap()).unwrap();
        step.registers.get(reg)
    })
}

/// What an unwound program does, in terms of the original.
#[derive(Default)]
struct Tracer {
    trace: Trace,
    /// What stands before a copy, and has been executed.
    before: Option<u32>,
    trap: Option<TrapCause>,
}

impl Tracer {
    fn step(&mut self, unwound: &Unwound, step: &Step<'_>) {
        match unwound.roles[step.slot as usize] {
            Role::Copy(slot) if self.before.take() == Some(slot) => {}
            Role::Copy(slot) => self.trace.push((slot, registers(step))),
            Role::Before => {
                self.before = unwound.stands_for(step.slot);
                self.trace.push((self.before.unwrap(), registers(step)));
            }
            Role::Trap => self.trap = self.trap.or_else(|| unwound.trap_at(step.slot)),
            Role::Behind | Role::Back(_) | Role::Glue => {}
        }
    }
}

/// What happened, and the trap that ended it.
fn unwound_run(bench: &mut Bench, unwound: &Unwound) -> (Trace, Option<TrapCause>) {
    let mut tracer = Tracer::default();
    let mut steps = Steps::new(|step: Step<'_>| {
        tracer.step(unwound, &step);
        None::<()>
    });
    let ended = bench.run(&mut steps);
    let Tracer { trace, trap, .. } = tracer;
    assert!(ended.is_ok() || trap.is_some(), "{ended:?}");
    (trace, trap)
}

/// Counts how often heads are passed each time that their loops are entered, from the trace of the
/// original, one call after another.
struct Counter<'i> {
    graphs: &'i [Graph],
    bounds: &'i Bounds,
    image: &'i Image,
    /// For each call under way: the slot of the block that is executed, and counts by head.
    calls: Vec<(Option<u32>, HashMap<u32, u64>)>,
    before: Option<u32>,
}

impl Counter<'_> {
    /// The head that is passed too often with this step.
    fn step(&mut self, slot: u32) -> Option<u32> {
        match self
            .before
            .and_then(|before| self.image.code().get(before as usize))
        {
            Some(Insn::CallLocal { .. }) | None => self.calls.push((None, HashMap::new())),
            Some(Insn::Exit) => {
                self.calls.pop();
            }
            Some(_) => {}
        }
        self.before = Some(slot);
        let graph = self.graphs.iter().find(|graph| {
            let mut blocks = graph.blocks().iter();
            blocks.any(|block| block.contains(&slot))
        })?;
        let place = graph.place(slot)?;
        let (last, counts) = self.calls.last_mut()?;
        let from = last.replace(slot).and_then(|slot| graph.place(slot));
        let mut too_often = None;
        for (index, around) in graph.loops().iter().enumerate().skip(1) {
            let head = graph.head(index).unwrap();
            if head != slot {
                continue;
            }
            let inside = from.is_some_and(|from| around.places.contains(&from));
            let count = counts.entry(head).or_default();
            *count = if inside { *count + 1 } else { 1 };
            if *count > self.bounds.of(head) {
                too_often = too_often.or(Some(head));
            }
        }
        assert!(graph.blocks()[place].start == slot);
        too_often
    }
}

/// Runs both and compares them; gives whether the bound of a loop was exceeded.
fn compare(image: &Image, bounds: &Bounds, apart: Apart, seed: u64) -> u64 {
    let unwinding = Unwinding::with_apart(image, bounds, apart).unwrap();
    let unwound = unwinding.whole().unwrap();
    assert!(!has_loops(&unwound.image));
    let mut original = Bench::new(image, seed).unwrap();
    let mut copy = Bench::new(&unwound.image, seed).unwrap();
    let graphs = graphs(image);
    let mut trapped = 0;
    for _ in 0..RUNS {
        let mut counter = Counter {
            graphs: &graphs,
            bounds,
            image,
            calls: Vec::new(),
            before: None,
        };
        let mut expected = Trace::new();
        let mut exceeded = None;
        let mut steps = Steps::new(|step: Step<'_>| {
            exceeded = exceeded.or_else(|| counter.step(step.slot));
            if exceeded.is_none() {
                expected.push((step.slot, registers(&step)));
            }
            None::<()>
        });
        original.run(&mut steps).unwrap();
        let (trace, trap) = unwound_run(&mut copy, &unwound);
        assert_eq!(trap, exceeded.map(TrapCause::Beyond));
        assert_eq!(trace, expected);
        trapped += u64::from(trap.is_some());
    }
    trapped
}

#[test]
fn unwound_programs_do_what_the_originals_do() {
    let (mut trapped, mut runs) = (0, 0);
    for seed in 0..PROGRAMS {
        let mut random = Random::new(seed);
        let text = structured(&mut random);
        let image = program(&text);
        let mut bounds = Bounds::default();
        for head in heads(&image) {
            bounds.at_least(head, 1 + random.below(6));
        }
        for apart in [Apart::Nothing, Apart::Exits, Apart::Cases] {
            trapped += compare(&image, &bounds, apart, seed);
            runs += RUNS;
        }
    }
    // Both ends are tried.
    assert!(
        trapped > runs / 10 && trapped < runs / 2,
        "{trapped} of {runs}"
    );
}

/// With guards, too; where the checker is right none leads to its trap.
#[test]
fn guarded_programs_do_what_the_originals_do() {
    let mut guards = 0;
    let mut options = Options::default();
    options.watch = bpf_checker::Watch::Everything;
    for seed in 0..PROGRAMS {
        let image = program(&structured(&mut Random::new(seed)));
        let Verdict::Accepted(facts) = check(&image, &options) else {
            continue;
        };
        let guarded = guarded(&image, &facts).unwrap();
        guards += guarded.traps().count();
        let mut original = Bench::new(&image, seed).unwrap();
        let mut copy = Bench::new(&guarded.image, seed).unwrap();
        for _ in 0..RUNS {
            let mut expected = Trace::new();
            let mut steps = Steps::new(|step: Step<'_>| {
                expected.push((step.slot, registers(&step)));
                None::<()>
            });
            original.run(&mut steps).unwrap();
            assert_eq!(unwound_run(&mut copy, &guarded), (expected, None));
        }
    }
    assert!(guards > 100, "{guards}");
}

/// Whatever graph a program has: jumps are changed at random, into loops and out of them.
#[test]
fn any_graph_is_unwound() {
    let mut unwound = 0;
    for seed in 0..PROGRAMS {
        let mut random = Random::new(seed ^ 0xABCD);
        let assembled = assemble(&structured(&mut random));
        let mut code = assembled.code;
        for slot in 0..code.len() {
            let branches = code[slot].opcode & 7 == 5 && !matches!(code[slot].opcode, 0x85 | 0x95);
            if branches && random.percent(30) {
                let starts = assembled
                    .functions
                    .iter()
                    .map(|function| function.start as usize);
                let first = starts.clone().filter(|start| *start <= slot).max().unwrap();
                let end = starts
                    .filter(|start| *start > slot)
                    .min()
                    .unwrap_or(code.len());
                let target = first + random.below((end - first) as u64) as usize;
                code[slot].off = target as i16 - slot as i16 - 1;
            }
        }
        let parts = ImageParts {
            kind: ProgramKind::Rewriter,
            code,
            functions: assembled.functions,
            maps: default_maps(),
            data: default_data(),
            lines: LineTable::default(),
        };
        let Ok(image) = Image::new(parts) else {
            continue;
        };
        let bounds = every(&image, 1 + random.below(3));
        let Ok(unwinding) = Unwinding::new(&image, &bounds) else {
            continue;
        };
        // The validator looks at it.
        let whole = unwinding.whole().unwrap();
        assert!(!has_loops(&whole.image));
        unwound += 1;
        let mut original = Bench::new(&image, seed).unwrap();
        let mut copy = Bench::new(&whole.image, seed).unwrap();
        let mut expected = Trace::new();
        let mut steps = Steps::new(|step: Step<'_>| {
            if expected.len() < 10_000 {
                expected.push((step.slot, registers(&step)));
            }
            None::<()>
        });
        // It may fault or not end: what the copy did up to its trap is a part of that.
        let _ = original.run(&mut steps);
        let mut tracer = Tracer::default();
        let mut steps = Steps::new(|step: Step<'_>| {
            tracer.step(&whole, &step);
            None::<()>
        });
        let _ = copy.run(&mut steps);
        let trace = tracer.trace;
        let length = trace.len().min(expected.len());
        assert_eq!(trace[..length], expected[..length], "{seed}");
    }
    assert!(unwound > PROGRAMS / 4, "{unwound}");
}
