//! Admission: every check between two files and a program that may run.

use alloc::vec::Vec;

use bpf_statement::{Bundle, Claims, MapSync, Program, Statement, Symbol, Termination, UnixTime};
use bpf_trust::{Role, TrustBundle, VerifiedSigner, verify_chain};
use platform_click::{Digest, PROFILE, Platform, PlatformSlice, VerifierProfile, limits};

use crate::admission::{Admission, AdmittedObject, AdmittedProgram};
use crate::record::Record;
use crate::relink;
use crate::request::{AdmitRequest, Expectation, ProgramExpectation};
use crate::snapshot::TrustUse;
use crate::{Refusal, Warning};

/// Decides whether an object is admitted. Nothing is changed: that is [`Admission::commit`]'s.
///
/// The steps go from cheap to dear. Nothing is read before it is bounded, nothing that is signed
/// before its signature is verified, and nothing of the object but its length before it is known to
/// be the one that was signed. Steps 20 to 23 (compile, log, store, swap) are the caller's and
/// [`Admission::commit`]'s.
///
/// # Errors
/// The first check that fails.
pub fn admit(request: &AdmitRequest<'_>) -> Result<Admission, Refusal> {
    let AdmitRequest {
        object,
        expectation,
        trust,
        ..
    } = *request;

    // 1. Sizes, before anything is read. (The bundle's is checked where it is parsed, first.)
    if !(1..=limits::MAX_OBJECT_SIZE).contains(&object.len()) {
        return Err(Refusal::ObjectSize(object.len()));
    }
    // 2. Both files are in memory; neither is read again.
    let bundle = request.bundle.ok_or(Refusal::NoBundle)?;

    // 3. The trust bundle is at least as new as any used before. From here on it is known how late
    //    it is at least.
    let trust_use = TrustUse::of(trust);
    let state = request.state.with_trust(&trust_use)?;
    let now = state.now(request.clock);

    // 4. The frame: one COSE_Sign1 in deterministic encoding.
    // 5. Algorithm, content type, no unprotected header.
    let bundle = Bundle::parse(bundle).map_err(Refusal::Bundle)?;

    // 6. Exactly two certificates of the profile, leaf and CA.
    // 7. The chain leads to a root of the trust bundle.
    // 8. CA flag, path length, key usage, extended key usage, scope.
    // 9. Time, epoch, revoked keys.
    let (leaf, ca) = bundle.certificates();
    let signer = verify_chain(trust, leaf, ca, now, Role::Verifier)?;

    // 10. The leaf's key signed this bundle; s is low.
    signer.verify(&bundle.to_be_signed(), bundle.signature())?;

    // 11. Only now the payload: what it says, when it was said, and whether the signer may say it.
    let statement = Statement::decode(bundle.payload()).map_err(Refusal::Statement)?;
    let claims = statement.claims();
    let now = check_time(claims, &signer, now)?;
    signer.check_name(claims.name.as_str())?;

    // 12. The object is the one that was signed.
    let digest = Digest::of(object);
    if digest != claims.object {
        return Err(Refusal::ObjectDigest {
            signed: claims.object,
            found: digest,
        });
    }

    // 13. Name, program and kind are what the configuration asks for.
    let selected = select(&statement, expectation)?;

    // 14. The platform is this one: by name, by what the programs use of it, and allowed.
    check_platform(claims, trust)?;

    // 15. Engines, options and termination are good enough.
    check_proof(claims, trust)?;

    // 16. The counter does not fall, jump, or stand for something else.
    let record = Record::of(claims);
    state.with_record(record, &trust_use, claims.issued_at)?;

    // 17. First touch of the object: parse, link, compare the images with those verified.
    // 18. The facts that a linear scan can confirm.
    let programs = relink::relink(object, statement.programs())?;

    // 19. The maps fit those that run, and the memory.
    check_maps(&programs, selected, expectation)?;

    Ok(Admission {
        warnings: warnings(claims),
        statement_digest: Digest::of(bundle.payload()),
        object: AdmittedObject {
            statement,
            programs,
            selected,
        },
        signer,
        trust: trust_use,
        now,
    })
}

/// The signer's time counts where his certificates are valid, and then it is at least that late.
fn check_time(
    claims: &Claims,
    signer: &VerifiedSigner,
    now: UnixTime,
) -> Result<UnixTime, Refusal> {
    signer.check_signed_time(claims.issued_at)?;
    let now = now.max(claims.issued_at);
    if now >= claims.expires_at {
        return Err(Refusal::StatementExpired {
            now,
            expires_at: claims.expires_at,
        });
    }
    Ok(now)
}

/// The index of the program that is to run; the first where none is asked for.
fn select(statement: &Statement, expectation: &Expectation) -> Result<usize, Refusal> {
    if !expectation.names.contains(statement.name()) {
        return Err(Refusal::Name {
            expected: expectation.names.clone(),
            found: statement.name().clone(),
        });
    }
    let Some(wanted) = &expectation.program else {
        return Ok(0);
    };
    let programs = statement.programs();
    let index = match &wanted.name {
        Some(name) => find(programs, name)?,
        None if programs.len() == 1 => 0,
        None => {
            return Err(Refusal::SeveralPrograms {
                available: names(programs),
            });
        }
    };
    if let Some(program) = programs.get(index) {
        check_fits_element(program, wanted)?;
    }
    Ok(index)
}

fn find(programs: &[Program], name: &Symbol) -> Result<usize, Refusal> {
    let found = programs.iter().position(|program| program.name == *name);
    found.ok_or_else(|| Refusal::NoSuchProgram {
        wanted: name.clone(),
        available: names(programs),
    })
}

fn names(programs: &[Program]) -> Vec<Symbol> {
    let names = programs.iter().map(|program| program.name.clone());
    names.collect()
}

fn check_fits_element(program: &Program, wanted: &ProgramExpectation) -> Result<(), Refusal> {
    if program.kind != wanted.kind {
        return Err(Refusal::Kind {
            program: program.name.clone(),
            expected: wanted.kind,
            found: program.kind,
        });
    }
    if let (Some(highest), Some(outputs)) = (program.highest_output, wanted.outputs)
        && u32::from(highest) >= outputs
    {
        return Err(Refusal::Outputs {
            program: program.name.clone(),
            highest,
            outputs,
        });
    }
    match (program.worst_case_instructions, wanted.max_instructions) {
        (_, None) => Ok(()),
        (Some(proved), Some(allowed)) if proved <= allowed => Ok(()),
        (proved, Some(allowed)) => Err(Refusal::WorstCase {
            program: program.name.clone(),
            proved,
            allowed,
        }),
    }
}

fn check_platform(claims: &Claims, trust: &TrustBundle) -> Result<(), Refusal> {
    if claims.platform.as_str() != Platform::NAME {
        return Err(Refusal::Platform {
            found: claims.platform.clone(),
        });
    }
    trust.check_platform(Platform::NAME)?;
    let programs = &claims.programs;
    let helpers = programs.iter().flat_map(|program| &program.helpers);
    let maps = programs.iter().flat_map(|program| &program.maps);
    let slice = PlatformSlice::new(helpers.copied(), maps.map(|map| map.kind)).digest();
    if slice != claims.slice {
        return Err(Refusal::Slice {
            signed: claims.slice,
            found: slice,
        });
    }
    Ok(())
}

fn check_proof(claims: &Claims, trust: &TrustBundle) -> Result<(), Refusal> {
    // A statement's profile asks for a proof of termination exactly where it claims to have one.
    let required = VerifierProfile {
        check_termination: claims.termination == Termination::Proved,
        ..PROFILE
    };
    for ((option, signed), (_, required)) in
        claims.profile.options().into_iter().zip(required.options())
    {
        if signed != required {
            return Err(Refusal::Profile {
                option,
                signed,
                required,
            });
        }
    }
    for engine in &claims.engines {
        trust.check_engine(engine.name.as_str(), engine.version)?;
    }
    if claims.termination == Termination::Fuel && !trust.accepts_fuel() {
        return Err(Refusal::Fuel);
    }
    for map in claims.programs.iter().flat_map(|program| &program.maps) {
        if map.sync != MapSync::None {
            return Err(Refusal::MapSync {
                map: map.name.clone(),
                sync: map.sync,
            });
        }
    }
    Ok(())
}

fn check_maps(
    programs: &[AdmittedProgram],
    selected: usize,
    expectation: &Expectation,
) -> Result<(), Refusal> {
    let Some(program) = programs.get(selected) else {
        return Ok(());
    };
    let maps = program.image().maps();
    for found in maps {
        let mut running = expectation.running_maps.iter();
        if let Some(running) = running.find(|map| map.name == found.name)
            && running != found
        {
            return Err(Refusal::RunningMap {
                running: running.clone(),
                found: found.clone(),
            });
        }
    }
    let needed = maps.iter().fold(0_u64, |sum, map| {
        let entry = u64::from(map.key_size).saturating_add(map.value_size.into());
        sum.saturating_add(entry.saturating_mul(map.max_entries.into()))
    });
    match expectation.map_memory {
        Some(available) if needed > available => Err(Refusal::MapMemory {
            program: program.claims().name.clone(),
            needed,
            available,
        }),
        _ => Ok(()),
    }
}

fn warnings(claims: &Claims) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let [engine] = claims.engines.as_slice() {
        warnings.push(Warning::OneEngine(engine.name.clone()));
    }
    if claims.sandbox != bpf_statement::SandboxClass::LandlockSeccomp {
        warnings.push(Warning::Sandbox(claims.sandbox));
    }
    if claims.trial.runs == 0 {
        warnings.push(Warning::NoTrial);
    }
    if claims.termination == Termination::Fuel {
        warnings.push(Warning::Fuel);
    }
    warnings
}
