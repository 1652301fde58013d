//! BPFRewriter.

use alloc::boxed::Box;

use platform_click::{ProgramKind, rewriter};

use super::runner::Verdict;
use super::{HANDLERS, KEYWORDS, Runner, bpf_element};
use crate::element::{Element, ElementClass};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::language::Arguments;

bpf_element! {
    /// Lets a signed program change packets.
    ///
    /// The program returns 1 to send the packet on as it is now, and 0 when it gives up, which drops
    /// the packet. It may change the packet's length (`bpf_packet_add_space`).
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
    /// `BPFRewriter(FILE file [, keywords SIGNATURE, NAME, PROGRAM, MAXINSNS, FUEL, ID, JIT, DUMP_JIT, QUARANTINE, DROP_STATE])`
    pub(crate) struct BPFRewriter;
    ports {
        /// One agnostic input, one agnostic output.
    }
    example {
        /// ```click
        /// FromDump(in.pcap, STOP true)
        ///     -> BPFRewriter(FILE strip-ether-vlan-header.o)
        ///     -> ToDump(out.pcap, ENCAP IP);
        /// ```
    }
    judge judge;
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "BPFRewriter",
    manual: BPFRewriter::MANUAL,
    inputs: Side::exactly(1, Processing::Agnostic),
    outputs: Side::exactly(1, Processing::Agnostic),
    keywords: KEYWORDS,
    handlers: HANDLERS,
    configure,
};

fn configure(arguments: &mut Arguments<'_>, _: usize) -> Result<Box<dyn Element>, ConfigError> {
    let runner = Runner::configure(arguments, ProgramKind::Rewriter, None)?;
    Ok(Box::new(BPFRewriter { runner }))
}

/// What a rewriter's value means.
const fn judge(value: u64, _outputs: usize) -> Option<Verdict> {
    match value {
        rewriter::SUCCESS => Some(Verdict::Output(0)),
        rewriter::ABORT => Some(Verdict::Abort),
        _ => None,
    }
}
