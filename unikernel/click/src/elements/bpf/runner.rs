//! The run of a program in an element, and counts.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bpf_runtime::{Fault, FaultCause, Map};
use platform_click::ProgramKind;

use super::contents;
use super::replace::{Ready, ReplaceError, Replacement, RetiredMaps};
use super::settings::Settings;
use crate::codes;
use crate::element::{Context, Handler};
use crate::error::ConfigError;
use crate::handlers::Refusal;
use crate::host::Host;
use crate::language::Arguments;
use crate::packet::Packet;
use crate::program::{Installed, ProgramError, ProgramRequest};
use crate::throttle::Throttle;

/// A program in an element, and what became of the packets.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(super) settings: Settings,
    /// The program, from when it is installed.
    pub(super) installed: Option<Installed>,
    /// Maps of programs before it.
    pub(super) retired: RetiredMaps,
    /// Programs that have replaced another.
    pub(super) swaps: u64,
    /// What came of the last replacement.
    last_swap: String,
    /// Packets that came in.
    count: u64,
    /// Packets that were dropped, for whatever reason.
    filtered: u64,
    /// Runs in which the program itself gave up.
    aborted: u64,
    /// Runs that failed.
    faults: u64,
    /// Of these, those of the program that runs now, whatever was reset.
    strikes: u64,
    /// Of these, those that used up their fuel.
    fuel_aborts: u64,
    /// Of these, those that did what was proved to be impossible.
    contradicted: u64,
    last_fault: String,
    quarantined: bool,
    /// Keeps those who send packets from filling logs.
    log: Throttle,
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
        Ok(Self {
            settings: Settings::read(arguments, kind, outputs)?,
            installed: None,
            retired: RetiredMaps::default(),
            swaps: 0,
            last_swap: String::new(),
            count: 0,
            filtered: 0,
            aborted: 0,
            faults: 0,
            strikes: 0,
            fuel_aborts: 0,
            contradicted: 0,
            last_fault: String::new(),
            quarantined: false,
            log: Throttle::default(),
        })
    }

    /// The program that the element is to run first.
    pub(crate) const fn request(&self) -> &ProgramRequest {
        &self.settings.request
    }

    /// Takes the program that it asked for.
    pub(crate) fn install(&mut self, program: Installed) {
        self.installed = Some(program);
    }

    /// The number for the control plane.
    pub(crate) const fn id(&self) -> Option<u64> {
        self.settings.id
    }

    /// The program that has just taken the place of another begins without blame.
    pub(super) fn begin_program(&mut self) {
        self.swaps = self.swaps.saturating_add(1);
        self.strikes = 0;
        self.quarantined = false;
        self.log = Throttle::default();
    }

    /// Runs the program on a packet that came through `input`, and gives the output that `judge`
    /// says that the program's value leads to, given the number of outputs. `None` from `judge` is a
    /// value that no program of the kind may return. Whatever fails, the packet is dropped.
    pub(super) fn handle(
        &mut self,
        input: usize,
        packet: &mut Packet,
        context: &mut Context<'_>,
        judge: impl FnOnce(u64, usize) -> Option<Verdict>,
    ) -> Option<usize> {
        self.count = self.count.saturating_add(1);
        packet.annotations.port = u32::try_from(input).unwrap_or(u32::MAX);
        match self.run(packet, context, judge) {
            Some(Verdict::Output(output)) => return Some(output),
            Some(Verdict::Abort) => self.abort(context),
            Some(Verdict::Drop) | None => {}
        }
        self.filtered = self.filtered.saturating_add(1);
        None
    }

    fn run(
        &mut self,
        packet: &mut Packet,
        context: &mut Context<'_>,
        judge: impl FnOnce(u64, usize) -> Option<Verdict>,
    ) -> Option<Verdict> {
        if self.quarantined {
            return None;
        }
        let program = self.installed.as_mut()?;
        let fuel = program.fuel(self.settings.fuel);
        match program.executor.run(packet, context.host, fuel) {
            Ok(value) => {
                let verdict = judge(value, self.settings.outputs());
                let verdict = verdict.filter(|_| program.facts.allow(value));
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

    /// Counts a run in which the program gave up, and says so now and then.
    #[cold]
    fn abort(&mut self, context: &mut Context<'_>) {
        self.aborted = self.aborted.saturating_add(1);
        if let Some(missed) = self.log.line(context.host.clock_ns()) {
            let more = match missed {
                0 => String::new(),
                missed => format!(", and on {missed} before that"),
            };
            context.host.message(&format!(
                "note: {} gave up on a packet{more}, which drops it",
                self.program_name(),
            ));
        }
    }

    /// The program as messages call it: with the file that it came from.
    fn program_name(&self) -> String {
        let file = &self.settings.request.file;
        match &self.installed {
            Some(program) => format!("`{}` of `{file}`", program.facts.program),
            None => format!("`{file}`"),
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
    #[cold]
    fn fail(&mut self, what: &str, contradicts_proof: bool, context: &mut Context<'_>) {
        self.faults = self.faults.saturating_add(1);
        self.strikes = self.strikes.saturating_add(1);
        if contradicts_proof {
            self.contradicted = self.contradicted.saturating_add(1);
        }
        self.last_fault = what.into();
        self.quarantined = contradicts_proof || self.strikes >= self.settings.max_faults;
        if self.quarantined {
            context.host.message(&format!(
                "warning[{}]: {} is in quarantine and all its packets are dropped from now on: {what}",
                codes::QUARANTINE,
                self.program_name(),
            ));
        }
    }

    /// The value of a handler.
    pub(crate) fn read(&self, handler: &str) -> Option<String> {
        let facts = self.installed.as_ref().map(|program| &program.facts);
        let signed = |value: Option<String>| Some(value.unwrap_or_default());
        match handler {
            "count" => Some(self.count.to_string()),
            "filtered" => Some(self.filtered.to_string()),
            "aborted" => Some(self.aborted.to_string()),
            "faults" => Some(self.faults.to_string()),
            "fuel_aborts" => Some(self.fuel_aborts.to_string()),
            "contradicted" => Some(self.contradicted.to_string()),
            "last_fault" => Some(self.last_fault.clone()),
            "quarantined" => Some(self.quarantined.to_string()),
            "swaps" => Some(self.swaps.to_string()),
            "last_swap" => Some(self.last_swap.clone()),
            "config" => Some(self.settings.text()),
            "id" => Some(
                self.settings
                    .id
                    .map(|id| id.to_string())
                    .unwrap_or_default(),
            ),
            "kind" => Some(self.settings.kind.to_string()),
            "jit" => signed(self.installed.as_ref().map(Installed::is_machine_code)),
            "program" => signed(facts.map(|facts| facts.program.as_str().into())),
            "statement" => signed(facts.map(|facts| facts.statement.as_str().into())),
            "counter" => signed(facts.map(|facts| facts.counter.to_string())),
            "digest" => signed(facts.map(|facts| facts.object.to_string())),
            "signer" => signed(facts.map(|facts| facts.signer.clone())),
            "platform" => signed(facts.map(|facts| facts.platform.clone())),
            "maps" => Some(self.summaries()),
            _ => {
                let name = handler.strip_prefix("map.")?;
                self.maps()
                    .find(|map| map.definition().name == name)
                    .map(contents::entries)
            }
        }
    }

    /// Handlers beside those of the class: one for each map, and the two that replace the program.
    pub(crate) fn own_handlers(&self) -> Vec<Handler<String>> {
        let maps = self
            .maps()
            .map(|map| format!("map.{}", map.definition().name));
        let replacing = [
            Handler::read_write("config".into()),
            Handler::write("reconfigure".into()),
        ];
        replacing
            .into_iter()
            .chain(maps.map(Handler::read))
            .collect()
    }

    /// As [`Self::own_handlers`]. Before there is a program, any map may be one of it.
    pub(crate) fn own_handler(&self, name: &str) -> Option<Handler<String>> {
        if self.installed.is_none() && name.starts_with("map.") {
            return Some(Handler::read(name.into()));
        }
        let mut own = self.own_handlers().into_iter();
        own.find(|handler| handler.name == name)
    }

    fn maps(&self) -> impl Iterator<Item = &Map> {
        let programs = self.installed.iter();
        programs.flat_map(|program| program.executor.maps().iter())
    }

    fn summaries(&self) -> String {
        let maps = self.maps().map(|map| contents::summary(map, false));
        let retired = self.retired.iter().map(|map| contents::summary(map, true));
        maps.chain(retired)
            .map(|line| format!("{line}\n"))
            .collect()
    }

    /// Writes to a handler. New arguments bring a new program: the whole way from its file to the swap.
    pub(crate) fn write_in(
        &mut self,
        handler: &str,
        value: &str,
        context: &mut Context<'_>,
    ) -> Result<(), Refusal> {
        let replaced = match handler {
            "config" => self.reconfigure(value, context),
            "reconfigure" => self.reconfigure_later(value, context),
            _ => return self.write(handler).ok_or(Refusal::Value),
        };
        replaced.map_err(|error| {
            self.last_swap = error.reason();
            Refusal::Because(error.reason())
        })
    }

    fn reconfigure(&mut self, text: &str, context: &mut Context<'_>) -> Result<(), ReplaceError> {
        let replacement = self.plan(context.config(), context.element(), text)?;
        self.replace(replacement, context.host)
    }

    fn replace(
        &mut self,
        replacement: Replacement,
        host: &mut dyn Host,
    ) -> Result<(), ReplaceError> {
        let programs = host.programs().ok_or(ProgramError::NoTrust)?;
        let ready = replacement.prepare(programs)?;
        self.take(ready, host)
    }

    fn reconfigure_later(
        &mut self,
        text: &str,
        context: &mut Context<'_>,
    ) -> Result<(), ReplaceError> {
        let replacement = self.plan(context.config(), context.element(), text)?;
        match context.host.in_background(replacement) {
            Ok(()) => {
                self.last_swap = "pending".into();
                Ok(())
            }
            Err(replacement) => self.replace(*replacement, context.host),
        }
    }

    /// Takes a program that was prepared, and says what there is to say about it.
    fn take(&mut self, ready: Ready, host: &mut dyn Host) -> Result<(), ReplaceError> {
        ready.report(host)?;
        host.discard(self.swap(ready)?);
        self.last_swap = "done".into();
        Ok(())
    }

    /// Takes what came of a replacement that was prepared beside the router.
    pub(crate) fn take_finished(
        &mut self,
        label: &str,
        ready: Result<Ready, ReplaceError>,
        host: &mut dyn Host,
    ) {
        match ready.and_then(|ready| self.take(ready, host)) {
            Ok(()) => host.message(&format!("note: `{label}` runs {} now", self.program_name())),
            Err(error) => {
                self.last_swap = error.reason();
                host.message(&format!(
                    "warning[{}]: `{label}` keeps its program: {}",
                    error.code(),
                    self.last_swap,
                ));
            }
        }
    }

    /// Sets the counts to 0, if that is the handler.
    pub(crate) fn write(&mut self, handler: &str) -> Option<()> {
        (handler == "reset_counts").then(|| {
            (self.count, self.filtered) = (0, 0);
            (self.aborted, self.faults) = (0, 0);
            (self.fuel_aborts, self.contradicted) = (0, 0);
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use bpf_object::{AluOp, Insn, Operand, Reg, Size, Width};
    use bpf_statement::{Name, Symbol};

    use super::*;
    use crate::limits::MAX_FAULTS;
    use crate::router::Router;
    use crate::testing::{MemoryHost, program, returning, router_with};

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

    const COUNTS: &[&str] = &["count", "filtered", "aborted", "faults", "quarantined"];

    #[test]
    fn a_filter_passes_drops_and_aborts() {
        let packets: [&[u8]; 4] = [&[2, 1], &[1, 2], &[0], &[2, 3]];
        let (router, host) = run(FILTER, &packets, ProgramKind::Filter, &first_byte(), None);
        assert_eq!(host.written("out"), [[2, 1], [2, 3]]);
        assert_eq!(read(&router, COUNTS), ["4", "2", "1", "0", "false"]);
    }

    #[test]
    fn giving_up_is_said_now_and_then() {
        let packets: [&[u8]; 3] = [&[0], &[0], &[2]];
        let (_, host) = run(FILTER, &packets, ProgramKind::Filter, &first_byte(), None);
        let line = "note: `test_program` of `x` gave up on a packet, which drops it";
        assert_eq!(host.messages, [line]);
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
        assert!(
            host.messages[0]
                .starts_with("warning[BPF-C016]: `test_program` of `x` is in quarantine")
        );
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
        assert_eq!(read(&router, &["digest"])[0].len(), 64);
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
