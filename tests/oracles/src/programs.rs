//! Programs and their runs.

use bpf_checker::{Facts, Options, Verdict, check};
use bpf_object::{Image, ImageParts, RawInsn};
use bpf_programs::{Bench, Random, mutated, program};
use bpf_runtime::NoObserver;

/// Runs of each accepted program, each on an input of its own.
const RUNS: u32 = 8;

/// What a fuzzer's bytes say: a seed for the generator of programs and for their inputs, and slots
/// that are written over those of the program.
///
/// The first byte says how: 0 takes the slots as the whole program; otherwise the program is made by
/// the generator, changed a little so many times modulo 4, and slots are written over it, each from
/// nine bytes of which the first says where.
#[must_use]
pub(crate) fn image(bytes: &[u8]) -> Option<(Image, u64)> {
    let (how, rest) = bytes.split_first()?;
    let (seed, rest) = rest.split_first_chunk()?;
    let seed = u64::from_le_bytes(*seed);
    let mut random = Random::new(seed);
    let mut image = program(&mut random)?;
    let mut code = image.raw();
    if *how == 0 {
        let (slots, _) = rest.as_chunks();
        code = slots.iter().copied().map(RawInsn::from_bytes).collect();
        let functions = image.functions().iter().take(1).cloned().collect();
        return with(&image, code, functions).map(|image| (image, seed));
    }
    for _ in 0..how % 4 {
        image = mutated(&image, &mut random)?;
        code = image.raw();
    }
    let (patches, _) = rest.as_chunks::<9>();
    for [place, slot @ ..] in patches {
        let place = usize::from(*place) % code.len();
        if let Some(old) = code.get_mut(place) {
            *old = RawInsn::from_bytes(*slot);
        }
    }
    with(&image, code, image.functions().to_vec()).map(|image| (image, seed))
}

fn with(image: &Image, code: Vec<RawInsn>, functions: Vec<bpf_object::Function>) -> Option<Image> {
    Image::new(ImageParts {
        kind: image.kind(),
        code,
        functions,
        maps: image.maps().to_vec(),
        data: image.data().to_vec(),
        lines: image.lines().clone(),
    })
    .ok()
}

/// What the checker says of a program that it accepts.
pub(crate) fn accepted(image: &Image) -> Option<Facts> {
    match check(image, &Options::default()) {
        Verdict::Accepted(facts) => Some(facts),
        Verdict::Rejected(findings) => {
            assert!(!findings.is_empty(), "rejected without a finding");
            None
        }
        Verdict::Undecided(_) => None,
    }
}

/// A program that the checker accepts does nothing that the interpreter stops, executes no more
/// instructions than the checker says, and returns what the checker says.
pub fn verify_then_run(bytes: &[u8]) {
    let Some((image, seed)) = image(bytes) else {
        return;
    };
    let Some(facts) = accepted(&image) else {
        return;
    };
    let Ok(mut bench) = Bench::new(&image, seed) else {
        panic!("accepted, and cannot be loaded:\n{}", image.listing());
    };
    for run in 0..RUNS {
        match bench.run(&mut NoObserver) {
            Ok(outcome) => {
                assert!(
                    outcome.instructions <= facts.longest_run,
                    "run {run}: {} instructions, {} at most were promised:\n{}",
                    outcome.instructions,
                    facts.longest_run,
                    image.listing()
                );
                assert!(
                    facts.returns.contains(&outcome.value),
                    "run {run} returns {}, outside {:?}:\n{}",
                    outcome.value,
                    facts.returns,
                    image.listing()
                );
            }
            Err(fault) => panic!("accepted; run {run}: {fault}\n{}", image.listing()),
        }
    }
}
