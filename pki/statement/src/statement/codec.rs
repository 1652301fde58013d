//! The encoding of claims, field by field as `docs/formats.md` lists them.

use alloc::string::ToString;
use alloc::vec::Vec;

use platform_click::{HelperId, MapKind, ProgramKind, VerifierProfile, limits};

use super::{
    Claims, Engine, ExitRange, Loop, LoopMethod, MAX_ENGINES, MAX_LOOPS, MAX_UNREACHED, Map,
    MapSync, Program, SandboxClass, SlotRange, StatementError, Termination, Trial, Unreached, Way,
};
use crate::cbor::{Reader, Writer};
use crate::text::{Name, Symbol, Text};
use crate::time::UnixTime;

/// The version of the format.
const VERSION: u64 = 1;

pub(super) fn write(claims: &Claims) -> Vec<u8> {
    let mut out = Writer::default();
    out.map(18);
    out.i64(1).u64(VERSION);
    out.i64(2).text(claims.name.as_str());
    out.i64(3).u64(claims.counter);
    out.i64(4).digest(&claims.object);
    out.i64(5).text(claims.platform.as_str());
    out.i64(6).digest(&claims.slice);
    write_profile(out.i64(7), &claims.profile);
    out.i64(8).list(&claims.engines, |out, engine| {
        out.array(2).text(engine.name.as_str());
        out.text(&engine.version.to_string());
    });
    out.i64(9).u64(claims.sandbox.number().into());
    out.i64(10).u64(claims.termination.number().into());
    write_trial(out.i64(11), &claims.trial);
    out.i64(12).list(&claims.programs, write_program);
    out.i64(13).u64(claims.issued_at.as_secs());
    out.i64(14).u64(claims.expires_at.as_secs());
    out.i64(15).text(claims.tool.as_str());
    out.i64(16).text(claims.source_commit.as_str());
    out.i64(17).text(claims.compiler.as_str());
    out.i64(18).optional(claims.sbom.as_ref(), Writer::digest);
    out.into_bytes()
}

fn write_profile(out: &mut Writer, profile: &VerifierProfile) {
    out.array(7).bool(profile.strict);
    out.bool(profile.allow_division_by_zero);
    out.bool(profile.check_termination);
    out.bool(profile.must_have_exit);
    out.u64(profile.stack_frame_size.into());
    out.u64(profile.max_call_frames.into());
    out.u64(profile.max_packet_size.into());
}

fn write_program(out: &mut Writer, program: &Program) {
    out.map(16);
    out.i64(1).text(program.name.as_str());
    out.i64(2).u64(program.kind.number().into());
    out.i64(3).digest(&program.image);
    out.i64(4).u64(program.instructions.into());
    out.i64(5).u64(program.max_stack.into());
    out.i64(6).optional(program.max_loop_count, Writer::u64);
    out.i64(7).array(2);
    out.u64(program.exit.min).u64(program.exit.max);
    let highest_output = program.highest_output.map(u64::from);
    out.i64(8).optional(highest_output, Writer::u64);
    out.i64(9).list(&program.helpers, |out, helper| {
        out.u64(helper.spec().id.into());
    });
    out.i64(10).list(&program.maps, write_map);
    out.i64(11).list(&program.loops, |out, a| {
        out.array(3).u64(a.slot.into()).u64(a.bound);
        out.u64(a.method.number().into());
    });
    let worst_case = program.worst_case_instructions;
    out.i64(12).optional(worst_case, Writer::u64);
    out.i64(13).optional(program.proof.as_ref(), Writer::digest);
    write_unreached(out.i64(14), &program.unreached);
    let helper_calls = program.worst_case_helper_calls;
    out.i64(15).optional(helper_calls, Writer::u64);
    let map_updates = program.worst_case_map_updates;
    out.i64(16).optional(map_updates, Writer::u64);
}

fn write_unreached(out: &mut Writer, unreached: &Unreached) {
    out.array(2);
    out.list(&unreached.slots, |out, range| {
        out.array(2).u64(range.first.into()).u64(range.count.into());
    });
    out.list(&unreached.ways, |out, way| {
        out.array(2).u64(way.slot.into()).bool(way.taken);
    });
}

fn write_map(out: &mut Writer, map: &Map) {
    out.array(6).text(map.name.as_str());
    out.u64(map.kind.number().into());
    out.u64(map.key_size.into()).u64(map.value_size.into());
    out.u64(map.max_entries.into());
    out.u64(map.sync.number().into());
}

/// The claims in `bytes`. Lists are bounded here, before they are read; everything else that a
/// statement has to keep is checked by [`super::Statement::new`].
pub(super) fn read(bytes: &[u8]) -> Result<Claims, StatementError> {
    let mut input = Reader::new(bytes);
    let input = &mut input;
    // The version comes first: a later one may have another number of fields.
    input.map_head()?;
    input.key(1)?;
    let version = input.u64()?;
    if version != VERSION {
        return Err(StatementError::Version(version));
    }
    let claims = Claims {
        name: field(input, 2, read_name)?,
        counter: field(input, 3, |input| Ok(input.u64()?))?,
        object: field(input, 4, |input| Ok(input.digest()?))?,
        platform: field(input, 5, read_text)?,
        slice: field(input, 6, |input| Ok(input.digest()?))?,
        profile: field(input, 7, read_profile)?,
        engines: field(input, 8, |input| input.list(MAX_ENGINES, read_engine))?,
        sandbox: field(input, 9, |input| {
            numbered(input, "sandbox class", SandboxClass::from_number)
        })?,
        termination: field(input, 10, |input| {
            numbered(input, "termination", Termination::from_number)
        })?,
        trial: field(input, 11, read_trial)?,
        programs: field(input, 12, |input| {
            input.list(limits::MAX_PROGRAMS, read_program)
        })?,
        issued_at: field(input, 13, read_time)?,
        expires_at: field(input, 14, read_time)?,
        tool: field(input, 15, read_text)?,
        source_commit: field(input, 16, read_text)?,
        compiler: field(input, 17, read_text)?,
        sbom: field(input, 18, |input| Ok(input.optional(Reader::digest)?))?,
    };
    input.end()?;
    Ok(claims)
}

/// The entry of a map with this key.
fn field<'a, T>(
    input: &mut Reader<'a>,
    key: i64,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, StatementError>,
) -> Result<T, StatementError> {
    input.key(key)?;
    read(input)
}

fn read_name(input: &mut Reader<'_>) -> Result<Name, StatementError> {
    Ok(Name::new(input.text()?)?)
}

fn read_symbol(input: &mut Reader<'_>) -> Result<Symbol, StatementError> {
    Ok(Symbol::new(input.text()?)?)
}

fn read_text(input: &mut Reader<'_>) -> Result<Text, StatementError> {
    Ok(Text::new(input.text()?)?)
}

fn read_time(input: &mut Reader<'_>) -> Result<UnixTime, StatementError> {
    Ok(UnixTime::from_secs(input.u64()?))
}

/// A value that is encoded as its number.
fn numbered<T>(
    input: &mut Reader<'_>,
    what: &'static str,
    from_number: impl FnOnce(u8) -> Option<T>,
) -> Result<T, StatementError> {
    let number = input.u8()?;
    from_number(number).ok_or_else(|| StatementError::Unknown {
        what,
        number: number.into(),
    })
}

fn read_profile(input: &mut Reader<'_>) -> Result<VerifierProfile, StatementError> {
    input.array(7)?;
    Ok(VerifierProfile {
        strict: input.bool()?,
        allow_division_by_zero: input.bool()?,
        check_termination: input.bool()?,
        must_have_exit: input.bool()?,
        stack_frame_size: input.u32()?,
        max_call_frames: input.u32()?,
        max_packet_size: input.u32()?,
    })
}

fn read_engine(input: &mut Reader<'_>) -> Result<Engine, StatementError> {
    input.array(2)?;
    let name = read_name(input)?;
    let version = input.text()?.parse()?;
    Ok(Engine { name, version })
}

fn write_trial(out: &mut Writer, trial: &Trial) {
    out.array(7);
    out.u64(trial.runs).u64(trial.instructions).u64(trial.seed);
    out.u64(trial.branches_taken).u64(trial.branches);
    out.u64(trial.max_runs).u64(trial.max_time_ms);
}

fn read_trial(input: &mut Reader<'_>) -> Result<Trial, StatementError> {
    input.array(7)?;
    Ok(Trial {
        runs: input.u64()?,
        instructions: input.u64()?,
        seed: input.u64()?,
        branches_taken: input.u64()?,
        branches: input.u64()?,
        max_runs: input.u64()?,
        max_time_ms: input.u64()?,
    })
}

fn read_program(input: &mut Reader<'_>) -> Result<Program, StatementError> {
    input.map(16)?;
    Ok(Program {
        name: field(input, 1, read_symbol)?,
        kind: field(input, 2, |input| {
            numbered(input, "program kind", ProgramKind::from_number)
        })?,
        image: field(input, 3, |input| Ok(input.digest()?))?,
        instructions: field(input, 4, |input| Ok(input.u32()?))?,
        max_stack: field(input, 5, |input| Ok(input.u32()?))?,
        max_loop_count: field(input, 6, |input| Ok(input.optional(Reader::u64)?))?,
        exit: field(input, 7, read_exit)?,
        highest_output: field(input, 8, |input| Ok(input.optional(Reader::u8)?))?,
        helpers: field(input, 9, |input| {
            input.list(HelperId::ALL.len(), read_helper)
        })?,
        maps: field(input, 10, |input| input.list(limits::MAX_MAPS, read_map))?,
        loops: field(input, 11, |input| input.list(MAX_LOOPS, read_loop))?,
        worst_case_instructions: field(input, 12, |input| Ok(input.optional(Reader::u64)?))?,
        proof: field(input, 13, |input| Ok(input.optional(Reader::digest)?))?,
        unreached: field(input, 14, read_unreached)?,
        worst_case_helper_calls: field(input, 15, |input| Ok(input.optional(Reader::u64)?))?,
        worst_case_map_updates: field(input, 16, |input| Ok(input.optional(Reader::u64)?))?,
    })
}

fn read_unreached(input: &mut Reader<'_>) -> Result<Unreached, StatementError> {
    input.array(2)?;
    Ok(Unreached {
        slots: input.list(MAX_UNREACHED, |input| {
            input.array(2)?;
            Ok::<_, StatementError>(SlotRange {
                first: input.u32()?,
                count: input.u32()?,
            })
        })?,
        ways: input.list(MAX_UNREACHED, |input| {
            input.array(2)?;
            Ok::<_, StatementError>(Way {
                slot: input.u32()?,
                taken: input.bool()?,
            })
        })?,
    })
}

fn read_exit(input: &mut Reader<'_>) -> Result<ExitRange, StatementError> {
    input.array(2)?;
    Ok(ExitRange {
        min: input.u64()?,
        max: input.u64()?,
    })
}

fn read_helper(input: &mut Reader<'_>) -> Result<HelperId, StatementError> {
    let number = input.u32()?;
    HelperId::from_number(number).ok_or_else(|| StatementError::Unknown {
        what: "helper",
        number: number.into(),
    })
}

fn read_map(input: &mut Reader<'_>) -> Result<Map, StatementError> {
    input.array(6)?;
    let name = read_symbol(input)?;
    let kind = input.u32()?;
    let kind = MapKind::from_number(kind).ok_or_else(|| StatementError::Unknown {
        what: "map kind",
        number: kind.into(),
    })?;
    Ok(Map {
        name,
        kind,
        key_size: input.u32()?,
        value_size: input.u32()?,
        max_entries: input.u32()?,
        sync: numbered(input, "map synchronisation", MapSync::from_number)?,
    })
}

fn read_loop(input: &mut Reader<'_>) -> Result<Loop, StatementError> {
    input.array(3)?;
    Ok(Loop {
        slot: input.u32()?,
        bound: input.u64()?,
        method: numbered(input, "loop method", LoopMethod::from_number)?,
    })
}
