//! BPFFilter, and its other spelling BPFilter.

use alloc::boxed::Box;

use platform_click::{ProgramKind, filter};

use super::runner::Verdict;
use super::{HANDLERS, KEYWORDS, Runner, bpf_element};
use crate::element::{Element, ElementClass};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::language::Arguments;

bpf_element! {
    /// Passes the packets that a signed program lets pass.
    ///
    /// `BPFilter` is the same class: configurations of MorphOS call it so.
    ///
    /// The program returns 2 to pass a packet, 1 to drop it, and 0 when it gives up, which drops the
    /// packet too.
    ///
    /// A run that fails drops its packet: a fault, more instructions than allowed, or a value that
    /// programs of this kind do not return. What contradicts the program's proof, or 16 runs that
    /// used up their fuel, puts the program into quarantine: from then on all packets are dropped.
    ///
    /// The router starts only when the object is admitted: signed by whom the process trusts, for
    /// this name and kind, and not older than what ran before. Whom to trust is not for the
    /// configuration to say: `bpfclick --trust FILE --state DIR`.
    ///
    /// # Configuration
    /// `BPFFilter(FILE file [, keywords SIGNATURE, NAME, PROGRAM, MAXINSNS, FUEL, ID, JIT, DUMP_JIT, QUARANTINE, DROP_STATE])`
    pub(crate) struct BPFFilter;
    ports {
        /// One agnostic input, one agnostic output.
    }
    example {
        /// ```click
        /// FromDump(in.pcap, STOP true)
        ///     -> f :: BPFFilter(ID 1, FILE target-port.o, SIGNATURE target-port.o.bpfsig)
        ///     -> BPFilter(FILE rate-limiter.o)
        ///     -> ToDump(out.pcap);
        /// ```
    }
    judge judge;
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "BPFFilter",
    manual: BPFFilter::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: KEYWORDS,
    handlers: HANDLERS,
    configure,
};

/// The class under its other name.
pub(crate) const ALIAS: ElementClass = ElementClass {
    name: "BPFilter",
    ..CLASS
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let runner = Runner::configure(arguments, ProgramKind::Filter, None)?;
    Ok(Box::new(BPFFilter { runner }))
}

/// What a filter's value means.
const fn judge(value: u64, _outputs: usize) -> Option<Verdict> {
    match value {
        filter::PASS => Some(Verdict::Output(0)),
        filter::DROP => Some(Verdict::Drop),
        filter::ABORT => Some(Verdict::Abort),
        _ => None,
    }
}
