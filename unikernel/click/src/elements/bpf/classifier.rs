//! BPFClassifier.

use alloc::boxed::Box;

use platform_click::ProgramKind;

use super::runner::Verdict;
use super::{HANDLERS, KEYWORDS, Runner, bpf_element};
use crate::element::{Element, ElementClass};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::language::Arguments;

bpf_element! {
    /// Sends packets to the output that a signed program names.
    ///
    /// The program returns the number of an output, or 255 to drop the packet. A program that may
    /// name an output which is not there is refused when the router starts.
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
    /// `BPFClassifier(FILE file [, keywords SIGNATURE, NAME, PROGRAM, MAXINSNS, FUEL, ID, JIT, DUMP_JIT, QUARANTINE, DROP_STATE])`
    pub(crate) struct BPFClassifier;
    ports {
        /// One or more push inputs, one or more push outputs. The program sees the number of the input
        /// in its context, as `port`.
    }
    example {
        /// ```click
        /// FromDump(in.pcap, STOP true) -> c :: BPFClassifier(FILE round-robin.o, NAME round-robin);
        /// c [0] -> ToDump(even.pcap);
        /// c [1] -> ToDump(odd.pcap);
        /// ```
    }
    judge judge;
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "BPFClassifier",
    manual: BPFClassifier::MANUAL,
    inputs: Side::at_least(1, Processing::Push),
    outputs: Side::at_least(1, Processing::Push),
    keywords: KEYWORDS,
    handlers: HANDLERS,
    configure,
};

fn configure(
    arguments: &mut Arguments<'_>,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    let runner = Runner::configure(arguments, ProgramKind::Classifier, Some(outputs))?;
    Ok(Box::new(BPFClassifier { runner }))
}

/// What a classifier's value means where there are this many outputs.
fn judge(value: u64, outputs: usize) -> Option<Verdict> {
    if value == ProgramKind::CLASSIFIER_DROP {
        return Some(Verdict::Drop);
    }
    let output = usize::try_from(value).ok()?;
    (output < outputs).then_some(Verdict::Output(output))
}
