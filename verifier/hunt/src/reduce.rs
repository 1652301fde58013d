//! Smaller programs of which the same can be said.

use bpf_object::Image;
use bpf_programs::reductions;

use crate::judge::{Charge, Offence, charges};
use crate::question::{Asker, Case, Engine};

/// Programs that are asked about at one time.
const AT_ONCE: usize = 32;

/// Rounds at most; each makes the program smaller or simpler.
const ROUNDS: usize = 400;

/// The smallest program found by leaving out and simplifying instructions for which the charge still
/// holds, on inputs of the same seed.
pub(crate) fn smallest(asker: &Asker, image: Image, seed: u64, charge: Charge) -> Image {
    let mut smallest = image;
    for _ in 0..ROUNDS {
        match smaller(asker, &smallest, seed, charge) {
            Some(image) => smallest = image,
            None => break,
        }
    }
    smallest
}

fn smaller(asker: &Asker, image: &Image, seed: u64, charge: Charge) -> Option<Image> {
    let mut candidates = reductions(image).into_iter();
    loop {
        let images: Vec<Image> = candidates.by_ref().take(AT_ONCE).collect();
        if images.is_empty() {
            return None;
        }
        let cases: Vec<Case> = images.iter().map(|image| Case::new(image, seed)).collect();
        let answers = asker.ask(&engines(charge), &cases);
        let holds = answers
            .iter()
            .map(|answer| charges(answer).contains(&charge));
        if let Some((image, _)) = images.into_iter().zip(holds).find(|(_, holds)| *holds) {
            return Some(image);
        }
    }
}

/// Claims are looked at in programs that everyone accepts.
fn engines(charge: Charge) -> Vec<Engine> {
    match charge.offence {
        Offence::WrongFact => Engine::ALL.to_vec(),
        _ => vec![charge.engine],
    }
}
