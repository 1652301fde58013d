//! Where programs come from. Each has a number; equal numbers of one source are equal programs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use bpf_object::{Image, Object, ParseOptions};
use bpf_programs::{Random, corner, mutated, program};

/// Makes programs.
#[derive(Debug)]
pub struct Source {
    seed: u64,
    samples: Vec<Image>,
}

impl Source {
    /// A source that mutates the objects under a folder, which need not be valid.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn new(seed: u64, samples: &Path) -> Result<Self> {
        let mut paths = objects(samples)?;
        paths.sort();
        let mut images = Vec::new();
        for path in paths {
            let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
            let Ok(object) = Object::parse(&bytes, ParseOptions::default()) else {
                continue;
            };
            let programs = object.programs().iter();
            images.extend(programs.filter_map(|program| object.link(program).ok()));
        }
        Ok(Self {
            seed,
            samples: images,
        })
    }

    /// The program with this number, and the seed of its inputs. None when the number makes none.
    #[must_use]
    pub fn program(&self, number: u64) -> Option<(Image, u64)> {
        let seed = Random::new(self.seed ^ number.rotate_left(32)).next();
        let mut random = Random::new(seed);
        let image = match number % 4 {
            0 | 1 => program(&mut random),
            2 => corner(seed),
            _ if self.samples.is_empty() => None,
            _ => {
                let count = u64::try_from(self.samples.len()).unwrap_or(1);
                let index = usize::try_from(random.below(count)).unwrap_or(0);
                mutated(self.samples.get(index)?, &mut random)
            }
        };
        image.map(|image| (image, seed))
    }
}

/// Every file whose name ends in `.o`.
fn objects(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(objects(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "o") {
            found.push(path);
        }
    }
    Ok(found)
}
