//! The JIT of the kernel that runs, for root: as XDP programs under `BPF_PROG_TEST_RUN`.
//!
//! The kernel counts whole nanoseconds, in which its own work for each run is included: what program `a`
//! takes is about that. So what a program takes beyond `a` is what can be compared.

#[path = "../../tests/linux/mod.rs"]
mod linux;

use bpf_object::{Image, Insn};
use platform_click::HelperId;

/// Runs of each packet at a time, and how often.
const REPEAT: u32 = 20_000;
const TURNS: usize = 11;

/// Packets that are run.
const PACKETS: usize = 8;

/// What the kernel does with a program.
pub(crate) struct Timed {
    /// Verdicts for each packet in turn, from fresh maps on.
    pub(crate) verdicts: Vec<u64>,
    /// Nanoseconds in a turn with few disturbances.
    pub(crate) undisturbed: f64,
}

/// Whether there is a kernel that runs programs for us; says why, if not.
pub(crate) fn is_there() -> bool {
    let permitted = linux::is_permitted();
    if let Err(error) = &permitted {
        println!("The kernel takes no programs from us ({error}): its JIT is left out.\n");
    }
    permitted.is_ok()
}

/// # Errors
/// Why the kernel does not run the program.
pub(crate) fn time(image: &Image, packets: &[Vec<u8>]) -> Result<Timed, String> {
    let clock = HelperId::KtimeGetNs.spec().id;
    let has_clock = |insn: &Insn| matches!(insn, Insn::CallHelper { id } if *id == clock);
    if image.code().iter().any(has_clock) {
        return Err("has a clock of its own".into());
    }
    let program = linux::Loaded::new(image.code(), image.maps())?;
    let run = |packet: &Vec<u8>, repeat| program.run(packet, repeat).map_err(|e| e.to_string());
    let verdict = |packet: &Vec<u8>| Ok(run(packet, 1)?.value.into());
    let verdicts = packets.iter().map(verdict).collect::<Result<_, String>>()?;
    let mut times = Vec::new();
    for _ in 0..TURNS {
        let mut sum = 0.0;
        for packet in packets.iter().take(PACKETS) {
            sum += f64::from(run(packet, REPEAT)?.duration);
        }
        times.push(sum / packets.len().min(PACKETS) as f64);
    }
    times.sort_by(f64::total_cmp);
    Ok(Timed {
        verdicts,
        undisturbed: times[times.len() / 10],
    })
}
