//! Machine code as text: each instruction of the program, with its source line, and what became of it.

use core::fmt::Write as _;

use bpf_jit::MachineCode;
use bpf_object::{Image, Insn};
use iced_x86::{Decoder, DecoderOptions, Formatter as _, IntelFormatter};

/// The whole of `code`, which was made of `image`.
pub(crate) fn text(image: &Image, code: &MachineCode) -> String {
    let mut out = String::new();
    let end = code.bytes().len();
    let is_insn = |slot: &usize| image.code().get(*slot) != Some(&Insn::WideTail);
    let mut starts: Vec<(usize, usize)> = code
        .slots()
        .iter()
        .enumerate()
        .filter_map(|(slot, start)| Some((usize::try_from(*start).ok()?, slot)))
        .filter(|(start, slot)| *start < end && is_insn(slot))
        .collect();
    // Functions are compiled in order, so that this changes nothing; the text depends on it.
    starts.sort_unstable();
    let first = starts.first().map_or(end, |(start, _)| *start);
    write_block(&mut out, code, 0, first, "entry");
    let mut shown = None;
    for (place, (start, slot)) in starts.iter().enumerate() {
        let Some(insn) = image.code().get(*slot) else {
            continue;
        };
        let number = u32::try_from(*slot).unwrap_or(u32::MAX);
        let line = image.lines().get(number);
        let here = line.map(|line| (&line.file, line.line));
        if let Some(line) = line.filter(|_| shown != here) {
            out += &format!("\n; {}:{}: {}\n", line.file, line.line, line.text.trim());
        }
        shown = here;
        // An instruction without code of its own was compiled with the one before it, or does nothing.
        let next = starts.get(place.saturating_add(1));
        let last = next.is_none();
        let stop = next.map_or(end, |(next, _)| *next);
        write_block(&mut out, code, *start, stop, &format!("{slot}: {insn}"));
        if last {
            out +=
                "; what follows the last instruction is what is rare: programs that are stopped\n";
        }
    }
    out
}

/// One instruction of the program, and the machine's from `start` to before `end`.
fn write_block(out: &mut String, code: &MachineCode, start: usize, end: usize, title: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{title}");
    let bytes = code.bytes().get(start..end).unwrap_or_default();
    let mut decoder = Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE);
    let mut formatter = IntelFormatter::new();
    let offset = u64::try_from(start).unwrap_or_default();
    decoder.set_ip(offset);
    for instruction in &mut decoder {
        let mut text = String::new();
        formatter.format(&instruction, &mut text);
        let place = usize::try_from(instruction.ip()).unwrap_or_default();
        let next = place.saturating_add(instruction.len());
        let encoded = code.bytes().get(place..next).unwrap_or_default();
        let encoded: String = encoded.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = writeln!(out, "    {place:>6x}  {encoded:<22} {text}");
    }
}

#[cfg(test)]
mod tests {
    use bpf_jit::{Options, compile};
    use bpf_object::{Object, ParseOptions};

    use super::*;

    #[test]
    fn every_instruction_is_shown_with_its_line_and_its_code() {
        let sample = "../../ebpf-samples/accept/round-robin.o";
        let object = std::fs::read(sample).unwrap();
        let object = Object::parse(&object, ParseOptions::default()).unwrap();
        let image = object.link(&object.programs()[0]).unwrap();
        let code = compile(&image, &Options::default()).unwrap();
        insta::assert_snapshot!(text(&image, &code));
    }
}
