//! What BPFFilter, BPFClassifier and BPFRewriter have in common: arguments, the run, and counts.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use bpf_loader::{Expectation, ProgramExpectation};
use bpf_runtime::{Fault, FaultCause, Packet};
use bpf_statement::{Name, Symbol};
use platform_click::ProgramKind;

use crate::codes;
use crate::element::{Context, Handler};
use crate::error::ConfigError;
use crate::executor::Jit;
use crate::language::{Arguments, Value};
use crate::limits::MAX_FAULTS;
use crate::program::{Installed, ProgramRequest};

/// The keywords of elements that run programs.
pub(super) const KEYWORDS: &[&str] = &[
    "ID",
    "FILE",
    "SIGNATURE",
    "NAME",
    "PROGRAM",
    "MAXINSNS",
    "JIT",
    "DUMP_JIT",
    "QUARANTINE",
];

/// The handlers of elements that run programs.
pub(super) const HANDLERS: &[Handler] = &[
    Handler::read("count"),
    Handler::read("filtered"),
    Handler::read("aborts"),
    Handler::read("faults"),
    Handler::read("fuel_aborts"),
    Handler::read("contradicted"),
    Handler::read("last_fault"),
    Handler::read("quarantined"),
    Handler::write("reset_counts"),
    Handler::read("id"),
    Handler::read("kind"),
    Handler::read("jit"),
    Handler::read("program"),
    Handler::read("statement"),
    Handler::read("counter"),
    Handler::read("hash"),
];

/// A program in an element, and what became of the packets.
#[derive(Debug)]
pub(super) struct Runner {
    id: Option<u64>,
    request: ProgramRequest,
    kind: ProgramKind,
    /// The program, from when it is installed.
    installed: Option<Installed>,
    /// Packets that came in.
    count: u64,
    /// Packets that were dropped, for whatever reason.
    filtered: u64,
    /// Runs in which the program itself gave up.
    aborts: u64,
    /// Runs that failed.
    faults: u64,
    /// Of these, those that used up their fuel.
    fuel_aborts: u64,
    /// Of these, those that did what was proved to be impossible.
    contradicted: u64,
    last_fault: String,
    /// Runs that may fail before the program is in quarantine.
    max_faults: u64,
    quarantined: bool,
}

/// How a run that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The packet goes on through this output.
    Output(usize),
    /// The packet is dropped.
    Drop,
    /// The packet is dropped because the program gave up.
    Abort,
}

impl Runner {
    /// Reads the arguments of an element for programs of `kind`. For classifiers, `outputs` is the
    /// number of outputs that the element has.
    pub(super) fn configure(
        arguments: &mut Arguments<'_>,
        kind: ProgramKind,
        outputs: Option<usize>,
    ) -> Result<Self, ConfigError> {
        let id = arguments.keyword("ID")?;
        let jit = match arguments.keyword("JIT")? {
            None => Jit::Preferred,
            Some(jit) if jit.boolean()? => Jit::Required,
            Some(_) => Jit::Never,
        };
        let dump = arguments.keyword("DUMP_JIT")?;
        let max_faults = match arguments.keyword("QUARANTINE")? {
            None => MAX_FAULTS,
            Some(count) => read_count(count)?,
        };
        let signature = arguments.keyword("SIGNATURE")?;
        let names = arguments.keyword("NAME")?;
        let program = arguments.keyword("PROGRAM")?;
        let max_instructions = arguments.keyword("MAXINSNS")?;
        let file_value = arguments.required("FILE")?;
        let file = file_value.filename()?;
        let program = ProgramExpectation {
            kind,
            name: program.map(read_symbol).transpose()?,
            outputs: outputs.map(|outputs| u32::try_from(outputs).unwrap_or(u32::MAX)),
            max_instructions: max_instructions.map(Value::unsigned).transpose()?,
        };
        let names = match names {
            Some(names) => read_names(names)?,
            None => vec![name_of(&file).ok_or_else(|| {
                file_value.refuse("a file whose stem can be a name, or come with NAME")
            })?],
        };
        let dump = dump.map(|dump| read_dump(dump, jit, &file)).transpose()?;
        Ok(Self {
            id: id.map(Value::unsigned).transpose()?,
            request: ProgramRequest {
                signature: match signature {
                    Some(signature) => signature.filename()?,
                    None => format!("{file}.bpfsig"),
                },
                file,
                expectation: Expectation::program(names, program),
                jit,
                dump: dump.flatten(),
            },
            kind,
            installed: None,
            count: 0,
            filtered: 0,
            aborts: 0,
            faults: 0,
            fuel_aborts: 0,
            contradicted: 0,
            last_fault: String::new(),
            max_faults,
            quarantined: false,
        })
    }

    pub(super) const fn request(&self) -> &ProgramRequest {
        &self.request
    }

    pub(super) fn install(&mut self, program: Installed) {
        self.installed = Some(program);
    }

    /// Runs the program on a packet that came through `input`, and sends the packet where `judge`
    /// says that the program's value leads. `None` from `judge` is a value that no program of the
    /// kind may return. Whatever fails, the packet is dropped.
    pub(super) fn push(
        &mut self,
        input: usize,
        mut packet: Packet,
        context: &mut Context<'_>,
        judge: impl FnOnce(u64) -> Option<Verdict>,
    ) {
        self.count = self.count.saturating_add(1);
        packet.annotations.port = u32::try_from(input).unwrap_or(u32::MAX);
        match self.run(&mut packet, context, judge) {
            Some(Verdict::Output(output)) => context.push(output, packet),
            Some(Verdict::Drop) => self.filtered = self.filtered.saturating_add(1),
            Some(Verdict::Abort) => {
                self.aborts = self.aborts.saturating_add(1);
                self.filtered = self.filtered.saturating_add(1);
            }
            None => self.filtered = self.filtered.saturating_add(1),
        }
    }

    fn run(
        &mut self,
        packet: &mut Packet,
        context: &mut Context<'_>,
        judge: impl FnOnce(u64) -> Option<Verdict>,
    ) -> Option<Verdict> {
        if self.quarantined {
            return None;
        }
        let program = self.installed.as_mut()?;
        let fuel = program.fuel();
        match program.executor.run(packet, context.host, fuel) {
            Ok(value) => {
                let verdict = judge(value).filter(|_| program.facts.allow(value));
                if verdict.is_none() {
                    let what = format!("it returned {value}, against what was proved");
                    self.fail(&what, true, context);
                }
                verdict
            }
            Err(fault) => {
                let contradicts = self.contradicts_proof(&fault);
                if matches!(fault.cause, FaultCause::OutOfFuel { .. }) {
                    self.fuel_aborts = self.fuel_aborts.saturating_add(1);
                }
                self.fail(&fault.to_string(), contradicts, context);
                None
            }
        }
    }

    /// A verified program has no faults, and uses no more fuel than was proved. Where nothing was
    /// proved about its length, running out of fuel is foreseen.
    fn contradicts_proof(&self, fault: &Fault) -> bool {
        let bounded = self
            .installed
            .as_ref()
            .is_some_and(Installed::fuel_is_enough);
        bounded || !matches!(fault.cause, FaultCause::OutOfFuel { .. })
    }

    /// Counts a failed run. What contradicts a proof quarantines the program at once: the packets
    /// behind this one must not meet what was proved and is not true.
    fn fail(&mut self, what: &str, contradicts_proof: bool, context: &mut Context<'_>) {
        self.faults = self.faults.saturating_add(1);
        if contradicts_proof {
            self.contradicted = self.contradicted.saturating_add(1);
        }
        self.last_fault = what.into();
        self.quarantined = contradicts_proof || self.faults >= self.max_faults;
        if self.quarantined {
            context.host.message(&format!(
                "warning[{}]: `{}` is in quarantine and all its packets are dropped from now on: {what}",
                codes::QUARANTINE,
                self.request.file,
            ));
        }
    }

    pub(super) fn read(&self, handler: &str) -> Option<String> {
        let facts = self.installed.as_ref().map(|program| &program.facts);
        let signed = |value: Option<String>| Some(value.unwrap_or_default());
        match handler {
            "count" => Some(self.count.to_string()),
            "filtered" => Some(self.filtered.to_string()),
            "aborts" => Some(self.aborts.to_string()),
            "faults" => Some(self.faults.to_string()),
            "fuel_aborts" => Some(self.fuel_aborts.to_string()),
            "contradicted" => Some(self.contradicted.to_string()),
            "last_fault" => Some(self.last_fault.clone()),
            "quarantined" => Some(self.quarantined.to_string()),
            "id" => Some(self.id.map(|id| id.to_string()).unwrap_or_default()),
            "kind" => Some(self.kind.to_string()),
            "jit" => signed(self.installed.as_ref().map(Installed::is_machine_code)),
            "program" => signed(facts.map(|facts| facts.program.as_str().into())),
            "statement" => signed(facts.map(|facts| facts.statement.as_str().into())),
            "counter" => signed(facts.map(|facts| facts.counter.to_string())),
            "hash" => signed(facts.map(|facts| facts.object.to_string())),
            _ => None,
        }
    }

    pub(super) fn write(&mut self, handler: &str) -> Option<()> {
        (handler == "reset_counts").then(|| {
            (self.count, self.filtered) = (0, 0);
            (self.aborts, self.faults) = (0, 0);
            (self.fuel_aborts, self.contradicted) = (0, 0);
        })
    }
}

fn read_names(value: Value<'_>) -> Result<Vec<Name>, ConfigError> {
    let names = value.strings()?;
    let names = names.iter().map(|name| Name::new(name));
    names
        .collect::<Result<_, _>>()
        .map_err(|_| value.refuse("one or more names of statements"))
}

/// Where machine code goes as text: a file, or with `true`, that of the object with `.jit` behind it.
fn read_dump(dump: Value<'_>, jit: Jit, object: &str) -> Result<Option<String>, ConfigError> {
    match dump.boolean() {
        Ok(false) => Ok(None),
        _ if jit == Jit::Never => Err(dump.refuse("false where JIT is false")),
        Ok(true) => Ok(Some(format!("{object}.jit"))),
        Err(_) => dump.filename().map(Some),
    }
}

fn read_count(value: Value<'_>) -> Result<u64, ConfigError> {
    match value.unsigned()? {
        0 => Err(value.refuse("a number of at least 1")),
        count => Ok(count),
    }
}

fn read_symbol(value: Value<'_>) -> Result<Symbol, ConfigError> {
    Symbol::new(&value.string()?).map_err(|_| value.refuse("the name of a program"))
}

/// The stem of a file's name, if it can be the name of a statement.
fn name_of(file: &str) -> Option<Name> {
    let name = file.rsplit('/').next().unwrap_or(file);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    Name::new(stem).ok()
}

#[cfg(test)]
mod tests {
    use bpf_object::{AluOp, Insn, Operand, Reg, Size, Width};

    use super::*;
    use crate::router::Router;
    use crate::testing::{MemoryHost, program, returning, router_with};

    #[test]
    fn the_default_name_is_the_stem() {
        for (file, name) in [
            ("prog.o", Some("prog")),
            ("/a/b.c/target-port.o", Some("target-port")),
            ("prog", Some("prog")),
            ("a.b.o", Some("a.b")),
            (".o", None),
            ("Prog.o", None),
            ("dir/", None),
        ] {
            let found = name_of(file);
            assert_eq!(found.as_ref().map(Name::as_str), name, "{file}");
        }
    }

    #[test]
    fn the_manuals_name_the_limit() {
        let sentence = format!("or {MAX_FAULTS} runs that");
        for class in ["BPFFilter", "BPFClassifier", "BPFRewriter"] {
            let class = crate::elements::class(class).unwrap();
            assert!(class.manual.contains(&sentence), "{}", class.name);
        }
    }

    #[test]
    fn requests_say_what_the_element_takes() {
        let request = |text: &str| {
            let source = crate::Source::new("test", text);
            let config = crate::Config::parse(&source).unwrap();
            let router = Router::check(config).unwrap();
            let (_, request) = router.program_requests().next().unwrap();
            request.clone()
        };
        let found = request("InfiniteSource -> BPFFilter(FILE a/pass.o) -> Discard");
        assert_eq!(
            (found.file.as_str(), found.signature.as_str()),
            ("a/pass.o", "a/pass.o.bpfsig")
        );
        assert_eq!(found.expectation.names, [Name::new("pass").unwrap()]);
        let found = request(
            "InfiniteSource -> c :: BPFClassifier(FILE x, SIGNATURE y, NAME 'a' b, PROGRAM p);
             c -> Discard; c [1] -> Discard; c [2] -> Discard",
        );
        let names: Vec<&str> = found.expectation.names.iter().map(Name::as_str).collect();
        assert_eq!((found.signature.as_str(), names), ("y", vec!["a", "b"]));
        let program = found.expectation.program.unwrap();
        assert_eq!(program.kind, ProgramKind::Classifier);
        assert_eq!(program.outputs, Some(3));
        assert_eq!(program.name, Some(Symbol::new("p").unwrap()));
        assert_eq!(program.max_instructions, None);
        let found = request("InfiniteSource -> BPFFilter(FILE x, MAXINSNS 500) -> Discard");
        let program = found.expectation.program.unwrap();
        assert_eq!(program.max_instructions, Some(500));
    }

    const FILTER: &str = "FromDump(in.pcap) -> b :: BPFFilter(FILE x) -> ToDump(out)";
    const REWRITER: &str = "FromDump(in.pcap) -> b :: BPFRewriter(FILE x) -> ToDump(out)";
    const CLASSIFIER: &str = "FromDump(in.pcap) -> b :: BPFClassifier(FILE x);
        b [0] -> ToDump(0); b [1] -> ToDump(1)";

    fn load(size: Size, dst: Reg, base: Reg, off: i16) -> Insn {
        Insn::Load {
            size,
            signed: false,
            dst,
            base,
            off,
        }
    }

    /// Returns the first byte of the packet, and faults where there is none.
    fn first_byte() -> [Insn; 3] {
        let data = load(Size::B8, Reg::R2, Reg::R1, 0);
        [data, load(Size::B1, Reg::R0, Reg::R2, 0), Insn::Exit]
    }

    /// Runs a configuration in which every program is this one.
    fn run(
        text: &str,
        packets: &[&[u8]],
        kind: ProgramKind,
        code: &[Insn],
        worst_case: Option<u64>,
    ) -> (Router, MemoryHost) {
        let mut host = MemoryHost::new(packets);
        let router = router_with(text, &mut host, |_| {
            let (image, mut facts) = program(kind, code);
            facts.worst_case = worst_case;
            (image, facts)
        });
        let mut router = router.unwrap();
        router.run(&mut host, || false).unwrap();
        (router, host)
    }

    fn read(router: &Router, handlers: &[&str]) -> Vec<String> {
        let names = handlers.iter().map(|handler| format!("b.{handler}"));
        names
            .map(|name| router.read_handler(&name).unwrap())
            .collect()
    }

    const COUNTS: &[&str] = &["count", "filtered", "aborts", "faults", "quarantined"];

    #[test]
    fn a_filter_passes_drops_and_aborts() {
        let packets: [&[u8]; 4] = [&[2, 1], &[1, 2], &[0], &[2, 3]];
        let (router, host) = run(FILTER, &packets, ProgramKind::Filter, &first_byte(), None);
        assert_eq!(host.written("out"), [[2, 1], [2, 3]]);
        assert_eq!(read(&router, COUNTS), ["4", "2", "1", "0", "false"]);
    }

    #[test]
    fn a_value_that_no_filter_returns_quarantines_the_program() {
        let packets: [&[u8]; 3] = [&[2], &[3], &[2]];
        let (router, host) = run(FILTER, &packets, ProgramKind::Filter, &first_byte(), None);
        assert_eq!(host.written("out"), [[2]]);
        assert_eq!(read(&router, COUNTS), ["3", "2", "0", "1", "true"]);
        let last = read(&router, &["last_fault"]);
        assert_eq!(last, ["it returned 3, against what was proved"]);
    }

    #[test]
    fn a_value_outside_the_signed_range_quarantines_the_program() {
        let mut host = MemoryHost::new(&[&[2], &[1], &[2]]);
        let router = router_with(FILTER, &mut host, |_| {
            let (image, mut facts) = program(ProgramKind::Filter, &first_byte());
            facts.exit.min = 2;
            (image, facts)
        });
        router.unwrap().run(&mut host, || false).unwrap();
        assert_eq!(host.written("out"), [[2]]);
    }

    #[test]
    fn an_output_above_the_highest_one_signed_quarantines_the_program() {
        let mut host = MemoryHost::new(&[&[0], &[255], &[1], &[0]]);
        let router = router_with(CLASSIFIER, &mut host, |_| {
            let (image, mut facts) = program(ProgramKind::Classifier, &first_byte());
            facts.highest_output = Some(0);
            (image, facts)
        });
        let mut router = router.unwrap();
        router.run(&mut host, || false).unwrap();
        assert_eq!(host.written("0"), [[0]]);
        assert!(host.written("1").is_empty());
        assert_eq!(read(&router, COUNTS), ["4", "3", "0", "1", "true"]);
    }

    #[test]
    fn a_fault_quarantines_the_program() {
        let packets: [&[u8]; 3] = [&[2], &[], &[2]];
        let (router, host) = run(FILTER, &packets, ProgramKind::Filter, &first_byte(), None);
        assert_eq!(host.written("out"), [[2]]);
        assert_eq!(read(&router, COUNTS), ["3", "2", "0", "1", "true"]);
        assert_eq!(host.messages.len(), 1, "{:?}", host.messages);
        assert!(host.messages[0].starts_with("warning[BPF-C016]: `x` is in quarantine"));
        let mut router = router;
        router.write_handler("b.reset_counts", "").unwrap();
        assert_eq!(read(&router, COUNTS), ["0", "0", "0", "0", "true"]);
    }

    /// Returns 2 if the first byte is not 0, else never.
    fn endless_at_zero() -> Vec<Insn> {
        let [data, byte, _] = first_byte();
        let branch = Insn::Branch {
            width: Width::W64,
            cond: bpf_object::Cond::Eq,
            dst: Reg::R0,
            src: Operand::Imm(0),
            target: 2,
        };
        let mut code = vec![data, byte, branch];
        code.extend(returning(2));
        code
    }

    #[test]
    fn fuel_runs_out_a_few_times_before_quarantine() {
        let endless: &[u8] = &[0];
        let fine: &[u8] = &[1];
        let mut packets = vec![endless; usize::try_from(MAX_FAULTS).unwrap() - 1];
        packets.push(fine);
        packets.push(endless);
        packets.push(fine);
        let code = endless_at_zero();
        let (router, host) = run(FILTER, &packets, ProgramKind::Filter, &code, None);
        assert_eq!(host.written("out"), [[1]]);
        assert_eq!(read(&router, COUNTS), ["18", "17", "0", "16", "true"]);
    }

    #[test]
    fn how_many_runs_may_fail_is_for_the_configuration_to_say() {
        let text = FILTER.replace("FILE x", "FILE x, QUARANTINE 2");
        let packets: [&[u8]; 4] = [&[0], &[1], &[0], &[1]];
        let code = endless_at_zero();
        let (router, host) = run(&text, &packets, ProgramKind::Filter, &code, None);
        assert_eq!(host.written("out"), [[1]]);
        assert_eq!(read(&router, COUNTS), ["4", "3", "0", "2", "true"]);
        let counts = read(&router, &["fuel_aborts", "contradicted", "jit"]);
        assert_eq!(counts, ["2", "0", "false"]);
    }

    #[test]
    fn a_program_that_exceeds_its_proved_worst_case_is_quarantined_at_once() {
        let packets: [&[u8]; 3] = [&[1], &[0], &[1]];
        let code = endless_at_zero();
        let (router, host) = run(FILTER, &packets, ProgramKind::Filter, &code, Some(5));
        assert_eq!(host.written("out"), [[1]]);
        assert_eq!(read(&router, COUNTS), ["3", "2", "0", "1", "true"]);
        let last = read(&router, &["last_fault"]);
        assert!(last[0].contains("fuel of 5 instructions"), "{last:?}");
    }

    #[test]
    fn a_classifier_chooses_outputs() {
        let packets: [&[u8]; 4] = [&[0, 9], &[1, 8], &[255], &[0, 7]];
        let code = first_byte();
        let (router, host) = run(CLASSIFIER, &packets, ProgramKind::Classifier, &code, None);
        assert_eq!(host.written("0"), [[0, 9], [0, 7]]);
        assert_eq!(host.written("1"), [[1, 8]]);
        assert_eq!(read(&router, COUNTS), ["4", "1", "0", "0", "false"]);
    }

    #[test]
    fn a_classifier_that_names_an_output_which_is_not_there_is_quarantined() {
        let packets: [&[u8]; 3] = [&[0], &[2], &[0]];
        let code = first_byte();
        let (router, host) = run(CLASSIFIER, &packets, ProgramKind::Classifier, &code, None);
        assert_eq!(host.written("0"), [[0]]);
        assert_eq!(read(&router, COUNTS), ["3", "2", "0", "1", "true"]);
    }

    #[test]
    fn a_classifier_sees_the_input() {
        let port = load(Size::B4, Reg::R0, Reg::R1, 16);
        let text = "c :: BPFClassifier(FILE x); c [0] -> ToDump(0); c [1] -> ToDump(1);
            InfiniteSource(a, LIMIT 1) -> c; InfiniteSource(b, LIMIT 2) -> [1] c";
        let (_, host) = run(
            text,
            &[],
            ProgramKind::Classifier,
            &[port, Insn::Exit],
            None,
        );
        assert_eq!(host.written("0"), [b"a"]);
        assert_eq!(host.written("1"), [b"b", b"b"]);
    }

    #[test]
    fn a_rewriter_changes_length_and_bytes() {
        let set = |dst: Reg, value: i32| Insn::Alu {
            op: AluOp::Mov,
            width: Width::W64,
            dst,
            src: Operand::Imm(value),
        };
        let id = platform_click::HelperId::PacketAddSpace.spec().id;
        let mut code = vec![set(Reg::R1, -1), set(Reg::R2, 2), Insn::CallHelper { id }];
        code.extend(returning(1));
        let (router, host) = run(REWRITER, &[b"abc"], ProgramKind::Rewriter, &code, None);
        assert_eq!(host.written("out"), [b"bc\0\0"]);
        assert_eq!(read(&router, COUNTS), ["1", "0", "0", "0", "false"]);

        let code = returning(0);
        let (router, host) = run(REWRITER, &[b"abc"], ProgramKind::Rewriter, &code, None);
        assert!(host.written("out").is_empty());
        assert_eq!(read(&router, COUNTS), ["1", "1", "1", "0", "false"]);
    }

    #[test]
    fn handlers_say_what_runs() {
        let text = "InfiniteSource(LIMIT 1) -> b :: BPFFilter(ID 3, FILE x) -> Discard";
        let (router, _) = run(text, &[], ProgramKind::Filter, &returning(2), None);
        let handlers = ["id", "kind", "program", "statement", "counter"];
        let values = ["3", "filter", "test_program", "test", "7"];
        assert_eq!(read(&router, &handlers), values);
        assert_eq!(read(&router, &["hash"])[0].len(), 64);
    }

    #[test]
    fn an_element_without_a_program_drops_everything() {
        let source = crate::Source::new(
            "test",
            "InfiniteSource(LIMIT 2) -> b :: BPFFilter(FILE x) -> d :: Discard",
        );
        let mut router = Router::check(crate::Config::parse(&source).unwrap()).unwrap();
        router.run(&mut MemoryHost::new(&[]), || false).unwrap();
        assert_eq!(read(&router, COUNTS), ["2", "2", "0", "0", "false"]);
        assert_eq!(router.read_handler("d.count").unwrap(), "0");
    }
}
