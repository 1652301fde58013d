//! The elements that run programs: what they have in common, and one file for each.

mod classifier;
mod contents;
mod filter;
mod replace;
mod rewriter;
mod runner;
mod settings;

pub(crate) use classifier::CLASS as CLASSIFIER;
pub(crate) use filter::{ALIAS as FILTER_ALIAS, CLASS as FILTER};
pub use replace::{Finished, Ready, ReplaceError, Replaced, Replacement};
pub(crate) use rewriter::CLASS as REWRITER;
pub(crate) use runner::Runner;

use crate::element::Handler;

/// The keywords of elements that run programs.
const KEYWORDS: &[&str] = &[
    "ID",
    "FILE",
    "SIGNATURE",
    "NAME",
    "PROGRAM",
    "MAXINSNS",
    "FUEL",
    "JIT",
    "DUMP_JIT",
    "QUARANTINE",
    "DROP_STATE",
];

/// The handlers of elements that run programs, but for those that depend on the program.
const HANDLERS: &[Handler] = &[
    Handler::read("count"),
    Handler::read("filtered"),
    Handler::read("aborted"),
    Handler::read("faults"),
    Handler::read("fuel_aborts"),
    Handler::read("contradicted"),
    Handler::read("last_fault"),
    Handler::read("quarantined"),
    Handler::read("swaps"),
    Handler::read("last_swap"),
    Handler::write("reset_counts"),
    Handler::read("id"),
    Handler::read("kind"),
    Handler::read("jit"),
    Handler::read("program"),
    Handler::read("statement"),
    Handler::read("counter"),
    Handler::read("digest"),
    Handler::read("signer"),
    Handler::read("platform"),
    Handler::read("maps"),
];

/// Defines an element that runs programs: its manual, of which the parts that all of them share are
/// here, its type, and what the router asks of it.
macro_rules! bpf_element {
    (
        $( #[doc = $head:literal] )+
        pub(crate) struct $name:ident;
        ports { $( #[doc = $ports:literal] )+ }
        example { $( #[doc = $example:literal] )+ }
        judge $judge:expr;
    ) => {
        crate::element::manual! {
            $( #[doc = $head] )+
            /// - FILE: the object.
            /// - SIGNATURE: its bundle. FILE with `.bpfsig` behind it by default.
            /// - NAME: the names, one or more words, that its statement may have. The stem of FILE by
            ///   default.
            /// - PROGRAM: which of its programs runs; needed when there are several.
            /// - MAXINSNS: instructions that no run may exceed, by what was proved and signed. Any
            ///   number by default.
            /// - FUEL: instructions after which a run is stopped; 1048576 by default and at most.
            ///   What was proved to be enough is enough, whatever this says.
            /// - ID: a number for the control plane.
            /// - JIT: whether the program is compiled to machine code. By default it is, and a message
            ///   says when it has to be interpreted after all; with true, what the compiler does not
            ///   take is refused.
            /// - DUMP_JIT: a file for the machine code as text, beside instructions and source lines;
            ///   with true, FILE with `.jit` behind it.
            /// - QUARANTINE: so many runs that failed put the program into quarantine; 16 by default.
            ///   What contradicts its proof does so at once.
            /// - DROP_STATE: whether maps that a new program does not declare are freed as soon as it
            ///   runs. By default a program after it may have them back.
            ///
            /// # Ports
            $( #[doc = $ports] )+
            ///
            /// # Handlers
            /// - `count` (read): packets that came in.
            /// - `filtered` (read): packets that were dropped, for whatever reason.
            /// - `aborted` (read): runs in which the program gave up.
            /// - `faults` (read): runs that failed.
            /// - `fuel_aborts` (read): of these, those that used up their fuel.
            /// - `contradicted` (read): of these, those that did what was proved to be impossible.
            /// - `last_fault` (read): the last of them, in words.
            /// - `quarantined` (read): whether the program is in quarantine.
            /// - `swaps` (read): programs that have replaced another.
            /// - `reset_counts` (write): sets the counts to 0; a quarantine stays.
            /// - `config` (read, write): the arguments. Writing replaces the program: what is not
            ///   written stays as it is, but SIGNATURE and the default of NAME follow FILE. The new
            ///   program is admitted, compiled and committed beside the old one, which goes on until
            ///   the new one takes its place between two packets, or for good if anything fails. Maps
            ///   of equal name, kind and sizes keep their contents; an equal name with another shape
            ///   is refused. Counts go on; a quarantine ends.
            /// - `reconfigure` (write): the same in the background: packets are led on meanwhile. What
            ///   came of it is in `last_swap` and in a message.
            /// - `last_swap` (read): `pending`, `done`, or why the last replacement failed; empty
            ///   before the first.
            /// - `id` (read): ID.
            /// - `jit` (read): whether the program is machine code.
            /// - `kind` (read): the kind of program that the element takes.
            /// - `program`, `statement`, `counter` (read): the name of the program, and the name and
            ///   the counter of its statement.
            /// - `digest` (read): the SHA-256 digest of the object.
            /// - `signer` (read): who signed, and the digest of his key.
            /// - `platform` (read): the platform that it was verified for, and the digest of the part
            ///   that it uses.
            /// - `maps` (read): its maps with their shapes and the number of their entries, a line
            ///   each, and those that a next program may have back.
            /// - `map.NAME` (read): the entries of one map, a line each. They are changed through the
            ///   authenticated control channel only.
            ///
            /// # Example
            $( #[doc = $example] )+
            pub(crate) struct $name {
                runner: crate::elements::bpf::Runner,
            }
        }

        impl crate::in_place::InPlace for $name {
            fn handle(
                &mut self,
                input: usize,
                packet: &mut crate::packet::Packet,
                context: &mut crate::element::Context<'_>,
            ) -> Option<usize> {
                let judge = $judge;
                self.runner.handle(input, packet, context, judge)
            }
        }

        impl crate::element::Element for $name {
            crate::in_place::in_place!();

            fn runner(&self) -> Option<&crate::elements::bpf::Runner> {
                Some(&self.runner)
            }

            fn runner_mut(&mut self) -> Option<&mut crate::elements::bpf::Runner> {
                Some(&mut self.runner)
            }

            fn read(&self, handler: &str) -> Option<alloc::string::String> {
                self.runner.read(handler)
            }

            fn write(&mut self, handler: &str, _: &str) -> Option<()> {
                self.runner.write(handler)
            }

            fn write_in(
                &mut self,
                handler: &str,
                value: &str,
                context: &mut crate::element::Context<'_>,
            ) -> Result<(), crate::handlers::Refusal> {
                self.runner.write_in(handler, value, context)
            }

            fn own_handlers(&self) -> alloc::vec::Vec<crate::element::Handler<alloc::string::String>> {
                self.runner.own_handlers()
            }

            fn own_handler(
                &self,
                name: &str,
            ) -> Option<crate::element::Handler<alloc::string::String>> {
                self.runner.own_handler(name)
            }
        }
    };
}
use bpf_element;
