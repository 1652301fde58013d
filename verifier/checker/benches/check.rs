//! How long the checker takes, and what it holds: the samples that are to be accepted, chains of rules,
//! random programs. Criterion's throughput is instructions a second.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "a benchmark that cannot run ends, and criterion's macros make public items"
)]

use std::fs;
use std::path::Path;

use bpf_checker::{Facts, Options, Verdict, check};
use bpf_object::{Image, Object, ParseOptions};
use bpf_programs::{Random, program, read};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn accepted(image: &Image) -> Facts {
    match check(image, &Options::default()) {
        Verdict::Accepted(facts) => facts,
        other => panic!("{other:?}"),
    }
}

/// The samples in `ebpf-samples/accept/`.
fn samples() -> Vec<(String, Image)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ebpf-samples/accept");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().flatten().collect();
    paths.sort_by_key(fs::DirEntry::path);
    let paths = paths.into_iter().map(|entry| entry.path());
    let objects = paths.filter(|path| path.extension().is_some_and(|end| end == "o"));
    objects
        .map(|path| {
            let object = Object::parse(&fs::read(&path).unwrap(), ParseOptions::default()).unwrap();
            let image = object.link(object.programs().first().unwrap()).unwrap();
            (path.file_stem().unwrap().display().to_string(), image)
        })
        .collect()
}

/// A filter of so many rules, one after another: prefix of the source address and range of ports, as
/// compilers write a list of conditions. Eight instructions each.
fn rules(count: u64) -> Image {
    let mut random = Random::new(count);
    let mut text = ".kind filter
        r2 = *(u64*)(r1 + 0); r3 = *(u64*)(r1 + 8); r4 = r2; r4 += 42; r0 = 2
        if r4 > r3 goto out
        r5 = *(u32*)(r2 + 26); r6 = *(u16*)(r2 + 36); r6 = be16 r6\n"
        .to_owned();
    for rule in 0..count {
        let mask = random.pick(&[0xff_ffff, 0xffff, -1]);
        let prefix = random.below(1 << 24);
        let low = 20_000 + random.below(20_000);
        let high = low + 1 + random.below(50);
        text += &format!(
            "w7 = w5; w7 &= {mask}; if w7 != {prefix} goto next{rule}
             if w6 < {low} goto next{rule}; if w6 <= {high} goto drop{rule}
             goto next{rule}; drop{rule}: r0 = 1; exit
             next{rule}: "
        );
    }
    text += "r0 = 2\nout: exit";
    Image::new(read(&text)).unwrap()
}

/// Random programs that are accepted, as one.
fn random_programs() -> Vec<Image> {
    let images = (0..400).filter_map(|seed| program(&mut Random::new(seed)));
    images
        .filter(|image| matches!(check(image, &Options::default()), Verdict::Accepted(_)))
        .collect()
}

fn checking(criterion: &mut Criterion) {
    let chains = [10, 100, 500].map(|count| {
        let image = rules(count);
        (format!("rules-{}", image.code().len()), image)
    });
    let mut group = criterion.benchmark_group("check");
    for (name, image) in samples().into_iter().chain(chains) {
        let facts = accepted(&image);
        println!(
            "{name}: {} instructions, {} units of work, at most {} states with {} values",
            image.code().len(),
            facts.work,
            facts.peak_states,
            facts.peak_values
        );
        group.throughput(Throughput::Elements(image.code().len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| accepted(&image)));
    }
    let random = random_programs();
    let instructions = random.iter().map(|image| image.code().len() as u64).sum();
    group.throughput(Throughput::Elements(instructions));
    group.bench_function("random", |bencher| {
        bencher.iter(|| random.iter().map(|image| accepted(image).work).sum::<u64>());
    });
    group.finish();
}

criterion_group!(benches, checking);
criterion_main!(benches);
