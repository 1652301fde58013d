//! BPFClassifier.

use alloc::boxed::Box;
use alloc::string::String;

use bpf_runtime::Packet;
use platform_click::ProgramKind;

use super::runner::{self, Runner, Verdict};
use crate::element::{Context, Element, ElementClass, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::host::HostError;
use crate::language::Arguments;
use crate::program::{Installed, ProgramRequest};

manual! {
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
    /// `BPFClassifier(FILE file [, keywords SIGNATURE, NAME, PROGRAM, MAXINSNS, ID, JIT, DUMP_JIT, QUARANTINE])`
    /// - FILE: the object.
    /// - SIGNATURE: its bundle. FILE with `.bpfsig` behind it by default.
    /// - NAME: the names, one or more words, that its statement may have. The stem of FILE by
    ///   default.
    /// - PROGRAM: which of its programs runs; needed when there are several.
    /// - MAXINSNS: instructions that no run may exceed, by what was proved and signed. Any number by
    ///   default.
    /// - ID: a number for the control plane.
    /// - JIT: whether the program is compiled to machine code. By default it is, and a message says
    ///   when it has to be interpreted after all; with true, what the compiler does not take is
    ///   refused.
    /// - DUMP_JIT: a file for the machine code as text, beside instructions and source lines; with
    ///   true, FILE with `.jit` behind it.
    /// - QUARANTINE: so many runs that failed put the program into quarantine; 16 by default. What
    ///   contradicts its proof does so at once.
    ///
    /// # Ports
    /// One or more push inputs, one or more push outputs. The program sees the number of the input in
    /// its context, as `port`.
    ///
    /// # Handlers
    /// - `count` (read): packets that came in.
    /// - `filtered` (read): packets that were dropped, for whatever reason.
    /// - `aborts` (read): runs in which the program gave up.
    /// - `faults` (read): runs that failed.
    /// - `fuel_aborts` (read): of these, those that used up their fuel.
    /// - `contradicted` (read): of these, those that did what was proved to be impossible.
    /// - `last_fault` (read): the last of them, in words.
    /// - `quarantined` (read): whether the program is in quarantine.
    /// - `reset_counts` (write): sets the counts to 0; a quarantine stays.
    /// - `id` (read): ID.
    /// - `jit` (read): whether the program is machine code.
    /// - `kind` (read): the kind of program that the element takes.
    /// - `program`, `statement`, `counter` (read): the name of the program, and the name and the
    ///   counter of its statement.
    /// - `hash` (read): the SHA-256 digest of the object.
    ///
    /// # Example
    /// ```click
    /// FromDump(in.pcap, STOP true) -> c :: BPFClassifier(FILE round-robin.o, NAME round-robin);
    /// c [0] -> ToDump(even.pcap);
    /// c [1] -> ToDump(odd.pcap);
    /// ```
    pub(crate) struct BPFClassifier {
        runner: Runner,
        outputs: usize,
    }
}

/// The class.
pub(crate) const CLASS: ElementClass = ElementClass {
    name: "BPFClassifier",
    manual: BPFClassifier::MANUAL,
    inputs: Side::at_least(1, Processing::Push),
    outputs: Side::at_least(1, Processing::Push),
    keywords: runner::KEYWORDS,
    handlers: runner::HANDLERS,
    configure,
};

fn configure(
    arguments: &mut Arguments<'_>,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    let runner = Runner::configure(arguments, ProgramKind::Classifier, Some(outputs))?;
    Ok(Box::new(BPFClassifier { runner, outputs }))
}

/// What a classifier's value means where there are this many outputs.
fn judge(value: u64, outputs: usize) -> Option<Verdict> {
    if value == ProgramKind::CLASSIFIER_DROP {
        return Some(Verdict::Drop);
    }
    let output = usize::try_from(value).ok()?;
    (output < outputs).then_some(Verdict::Output(output))
}

impl Element for BPFClassifier {
    fn push(
        &mut self,
        input: usize,
        packet: Packet,
        context: &mut Context<'_>,
    ) -> Result<(), HostError> {
        let outputs = self.outputs;
        let judge = |value| judge(value, outputs);
        self.runner.push(input, packet, context, judge);
        Ok(())
    }

    fn program_request(&self) -> Option<&ProgramRequest> {
        Some(self.runner.request())
    }

    fn install(&mut self, program: Installed) {
        self.runner.install(program);
    }

    fn read(&self, handler: &str) -> Option<String> {
        self.runner.read(handler)
    }

    fn write(&mut self, handler: &str, _: &str) -> Option<()> {
        self.runner.write(handler)
    }
}
