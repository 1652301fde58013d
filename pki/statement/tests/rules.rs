//! The rules between the claims of a statement, one by one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

mod common;

use bpf_statement::{
    Bundle, BundleBuilder, Claims, ExitRange, Loop, LoopMethod, MAX_CERTIFICATE_SIZE, MAX_COUNTER,
    MAX_LOOPS, MAX_UNREACHED, Sign1Error, SlotRange, Statement, StatementError, Termination,
    UnixTime, Unreached, Way,
};
use common::{CA, claims, classifier, filter, largest_claims, map, name, symbol, text};
use platform_click::{HelperId, MapShapeError, ProgramKind};

/// What `Statement::new` says of the usual claims after `change`.
fn changed(change: impl FnOnce(&mut Claims)) -> Result<Statement, StatementError> {
    let mut claims = claims();
    change(&mut claims);
    Statement::new(claims)
}

fn out_of_range(what: &'static str) -> impl Fn(Result<Statement, StatementError>) -> bool {
    move |result| matches!(result, Err(StatementError::Range { what: found, .. }) if found == what)
}

#[test]
fn the_usual_claims_are_a_statement() {
    let statement = Statement::new(claims()).unwrap();
    assert_eq!(Statement::decode(&statement.encode()), Ok(statement));
}

#[test]
fn no_more_directions_are_taken_than_there_are() {
    let taken = |taken, of| {
        changed(|claims| (claims.trial.branches_taken, claims.trial.branches) = (taken, of))
    };
    assert!(taken(4, 4).is_ok() && taken(0, 0).is_ok());
    for (number, of) in [(1, 0), (5, 4), (u64::MAX, u64::MAX - 1)] {
        assert!(out_of_range("number of directions taken")(taken(
            number, of
        )));
    }
}

/// The bound on bundles leaves room for every statement with certificates of any allowed size.
#[test]
fn the_largest_statement_fits_a_bundle() {
    let statement = Statement::new(largest_claims()).unwrap();
    let certificate = [0x30; MAX_CERTIFICATE_SIZE];
    let bundle = BundleBuilder::new(&statement, &certificate, &certificate).unwrap();
    let bytes = bundle.assemble(&[1; 64]);
    assert!(
        bytes.len() > 26 << 10 && bytes.len() <= 27 << 10,
        "{}",
        bytes.len()
    );
    let payload = Bundle::parse(&bytes).unwrap().payload().to_vec();
    assert_eq!(Statement::decode(&payload), Ok(statement));
}

#[test]
fn a_certificate_is_not_empty_and_not_longer_than_allowed() {
    let statement = Statement::new(claims()).unwrap();
    for size in [0, MAX_CERTIFICATE_SIZE + 1] {
        let certificate = vec![0x30; size];
        let expected = Err(Sign1Error::CertificateSize(size));
        assert_eq!(BundleBuilder::new(&statement, &certificate, CA), expected);
        assert_eq!(BundleBuilder::new(&statement, CA, &certificate), expected);
    }
}

#[test]
fn lists_are_put_in_order() {
    let mut unordered = claims();
    unordered.programs = vec![filter("b"), filter("a")];
    unordered.programs[0].helpers.reverse();
    unordered.programs[1].loops.insert(
        0,
        Loop {
            slot: 20,
            bound: 1,
            method: LoopMethod::Unwound,
        },
    );
    let statement = Statement::new(unordered).unwrap();
    let [a, b] = statement.programs() else {
        panic!("two programs");
    };
    assert_eq!((a.name.as_str(), b.name.as_str()), ("a", "b"));
    assert!(b.helpers.is_sorted() && a.loops.is_sorted_by_key(|a| a.slot));
    assert_eq!(statement.program("b"), Some(b));
    assert_eq!(statement.program("c"), None);
}

#[test]
fn numbers_are_in_their_ranges() {
    for counter in [0, MAX_COUNTER + 1] {
        let result = changed(|claims| claims.counter = counter);
        assert!(out_of_range("counter")(result));
    }
    for slots in [0, 65_537] {
        let result = changed(|claims| claims.programs[0].instructions = slots);
        assert!(out_of_range("instruction count")(result));
    }
    let result = changed(|claims| claims.programs[0].max_stack = 4097);
    assert!(out_of_range("stack use")(result));
    let result = changed(|claims| claims.programs[0].loops[0].slot = 40);
    assert!(out_of_range("slot of a loop")(result));
    let late = UnixTime::YEAR_9999.saturating_add(1);
    let result = changed(|claims| claims.expires_at = late);
    assert!(out_of_range("time of expiry")(result));
}

#[test]
fn a_run_has_no_more_updates_than_calls_than_instructions() {
    for (updates, calls, instructions, legal) in [
        (Some(3), Some(3), Some(3), true),
        (None, Some(9), None, true),
        (Some(9), None, None, true),
        (Some(4), Some(3), Some(9), false),
        (Some(1), Some(9), Some(8), false),
        (Some(9), None, Some(8), false),
        (Some(9), Some(8), None, false),
    ] {
        let result = changed(|claims| {
            let program = &mut claims.programs[0];
            program.worst_case_map_updates = updates;
            program.worst_case_helper_calls = calls;
            program.worst_case_instructions = instructions;
        });
        assert_eq!(
            result.is_ok(),
            legal,
            "{updates:?} {calls:?} {instructions:?}"
        );
    }
}

#[test]
fn lists_have_as_many_items_as_they_may() {
    let result = changed(|claims| claims.programs.clear());
    assert!(out_of_range("number of programs")(result));
    let nine = (0..9).map(|i| filter(&format!("p{i}")));
    let result = changed(|claims| claims.programs = nine.collect());
    assert!(out_of_range("number of programs")(result));

    let result = changed(|claims| claims.engines.clear());
    assert!(out_of_range("number of engines")(result));
    let result = changed(|claims| {
        let engine = claims.engines[0].clone();
        claims.engines = vec![engine; 5];
    });
    assert!(out_of_range("number of engines")(result));

    let seventeen = (0..17).map(|i| map(&format!("m{i}")));
    let result = changed(|claims| claims.programs[0].maps = seventeen.collect());
    assert!(out_of_range("number of maps")(result));

    let result = changed(|claims| {
        claims.programs[0].loops = vec![claims.programs[0].loops[0]; MAX_LOOPS + 1];
    });
    assert!(out_of_range("number of loops")(result));
}

#[test]
fn nothing_is_listed_twice() {
    let twice = |what, name| {
        Err(StatementError::Twice {
            what,
            name: text(name),
        })
    };
    let result = changed(|claims| claims.programs = vec![filter("a"), filter("a")]);
    assert_eq!(result, twice("program", "a"));
    let result = changed(|claims| claims.engines.push(claims.engines[0].clone()));
    assert_eq!(result, twice("engine", "prevail"));
    let result = changed(|claims| claims.programs[0].maps.push(map("hits")));
    assert_eq!(result, twice("map", "hits"));
    let result = changed(|claims| claims.programs[0].helpers.push(HelperId::MapLookupElem));
    assert_eq!(result, twice("helper", "1"));
    let result = changed(|claims| {
        let again = claims.programs[0].loops[0];
        claims.programs[0].loops.push(again);
    });
    assert_eq!(result, twice("loop at slot", "7"));
}

#[test]
fn one_map_has_one_shape() {
    let result = changed(|claims| {
        claims.programs = vec![filter("a"), filter("b")];
        claims.programs[1].maps[0].max_entries = 65;
    });
    assert_eq!(result, Err(StatementError::MapConflict(symbol("hits"))));
}

#[test]
fn a_map_has_a_shape_of_the_platform() {
    let result = changed(|claims| claims.programs[0].maps[0].key_size = 0);
    assert_eq!(
        result,
        Err(StatementError::MapShape {
            name: symbol("hits"),
            source: MapShapeError::KeySize {
                size: 0,
                least: 1,
                greatest: 512,
            },
        })
    );
}

#[test]
fn return_values_are_those_of_the_kind() {
    let result = changed(|claims| claims.programs[0].exit = ExitRange { min: 0, max: 3 });
    assert!(out_of_range("return value")(result));
    let result = changed(|claims| claims.programs[0].exit = ExitRange { min: 2, max: 1 });
    assert!(out_of_range("lowest return value")(result));
}

#[test]
fn a_classifier_and_nothing_else_has_a_highest_output() {
    let broken = |change: &dyn Fn(&mut bpf_statement::Program)| {
        let mut program = classifier("c");
        change(&mut program);
        let result = changed(|claims| claims.programs = vec![program]);
        matches!(result, Err(StatementError::Program { .. }))
    };
    assert!(!broken(&|_| {}));
    assert!(broken(&|program| program.highest_output = None));
    assert!(broken(&|program| program.highest_output = Some(255)));
    assert!(broken(
        &|program| program.exit = ExitRange { min: 0, max: 2 }
    ));
    assert!(broken(
        &|program| program.exit = ExitRange { min: 4, max: 9 }
    ));
    let drops = ExitRange { min: 255, max: 255 };
    assert!(broken(&|program| program.exit = drops));
    assert!(!broken(&|program| {
        program.exit = drops;
        program.highest_output = None;
    }));
    let result = changed(|claims| claims.programs[0].highest_output = Some(1));
    assert!(matches!(result, Err(StatementError::Program { .. })));
}

#[test]
fn a_helper_is_for_the_kind_that_calls_it() {
    let result = changed(|claims| claims.programs[0].helpers = vec![HelperId::PacketAddSpace]);
    assert_eq!(
        result,
        Err(StatementError::HelperKind {
            program: symbol("target_port"),
            kind: ProgramKind::Filter,
            helper: 60,
        })
    );
}

#[test]
fn a_loop_has_a_bound_or_fuel() {
    let result = changed(|claims| claims.programs[0].loops[0].bound = 0);
    assert!(matches!(result, Err(StatementError::Program { .. })));
    let result = changed(|claims| claims.programs[0].loops[0].method = LoopMethod::Fuel);
    assert!(matches!(result, Err(StatementError::Program { .. })));
}

fn range(first: u32, count: u32) -> SlotRange {
    SlotRange { first, count }
}

fn way(slot: u32, taken: bool) -> Way {
    Way { slot, taken }
}

/// The usual program has 40 slots.
#[test]
fn what_is_not_reached_is_listed_in_one_way() {
    let with = |slots: &[SlotRange], ways: &[Way]| {
        changed(|claims| {
            claims.programs[0].unreached = Unreached {
                slots: slots.into(),
                ways: ways.into(),
            };
        })
    };
    let found = with(
        &[range(1, 2), range(4, 1), range(38, 2)],
        &[way(0, true), way(3, false), way(37, true)],
    );
    let unreached = &found.as_ref().unwrap().programs()[0].unreached;
    let slots: Vec<u32> = (0..50).filter(|slot| unreached.has_slot(*slot)).collect();
    assert_eq!(slots, [1, 2, 4, 38, 39]);
    let ways = (0..50).flat_map(|slot| [way(slot, false), way(slot, true)]);
    let ways: Vec<Way> = ways
        .filter(|way| unreached.has_way(way.slot, way.taken))
        .collect();
    assert_eq!(ways, unreached.ways);
    for slots in [
        &[range(0, 1)][..],
        &[range(4, 1), range(1, 1)],
        &[range(1, 2), range(2, 1)],
        &[range(1, 2), range(3, 1)],
        &[range(1, 1), range(1, 1)],
    ] {
        let result = with(slots, &[]);
        assert!(matches!(result, Err(StatementError::Program { .. })));
    }
    for (slots, what) in [
        (range(1, 0), "slots of an unreached range"),
        (range(39, 2), "slot of an unreached range"),
        (range(1, u32::MAX), "slot of an unreached range"),
        (range(u32::MAX, u32::MAX), "slot of an unreached range"),
    ] {
        assert!(out_of_range(what)(with(&[slots], &[])));
    }
    for ways in [
        &[way(4, true), way(3, true)][..],
        &[way(3, true), way(3, true)],
        &[way(3, false), way(3, true)],
    ] {
        let result = with(&[], ways);
        assert!(matches!(result, Err(StatementError::Program { .. })));
    }
    let result = with(&[range(3, 1)], &[way(3, true)]);
    assert!(matches!(result, Err(StatementError::Program { .. })));
    let result = with(&[], &[way(40, true)]);
    assert!(out_of_range("slot of an unreached way")(result));
    let many = u32::try_from(MAX_UNREACHED).unwrap() + 1;
    let all_slots: Vec<SlotRange> = (0..many).map(|i| range(1 + 2 * i, 1)).collect();
    let result = with(&all_slots, &[]);
    assert!(out_of_range("number of unreached ranges")(result));
    let all_ways: Vec<Way> = (0..many).map(|slot| way(slot, true)).collect();
    let result = with(&[], &all_ways);
    assert!(out_of_range("number of unreached ways")(result));
}

#[test]
fn termination_is_proved_or_left_to_fuel() {
    let by_fuel = |claims: &mut Claims| {
        claims.termination = Termination::Fuel;
        claims.profile.check_termination = false;
    };
    assert!(changed(by_fuel).is_ok());
    let result = changed(|claims| claims.termination = Termination::Fuel);
    let expected = StatementError::Termination {
        check: true,
        termination: Termination::Fuel,
    };
    assert_eq!(result, Err(expected));
    let result = changed(|claims| claims.profile.check_termination = false);
    assert!(matches!(result, Err(StatementError::Termination { .. })));

    // A loop without a bound is nothing that was proved to end.
    let unbounded = |claims: &mut Claims| claims.programs[0].max_loop_count = None;
    assert!(matches!(
        changed(unbounded),
        Err(StatementError::Program { .. })
    ));
    let fuelled = |claims: &mut Claims| {
        claims.programs[0].loops[0] = Loop {
            slot: 7,
            bound: 0,
            method: LoopMethod::Fuel,
        };
    };
    assert!(matches!(
        changed(fuelled),
        Err(StatementError::Program { .. })
    ));
    assert!(
        changed(|claims| {
            by_fuel(claims);
            unbounded(claims);
            fuelled(claims);
        })
        .is_ok()
    );
}

#[test]
fn a_statement_expires_after_it_is_issued() {
    let result = changed(|claims| claims.expires_at = claims.issued_at);
    assert!(matches!(result, Err(StatementError::Lifetime { .. })));
}

#[test]
fn every_error_has_a_code_and_a_text_of_one_line() {
    for error in [
        changed(|claims| claims.counter = 0).unwrap_err(),
        changed(|claims| claims.programs = vec![filter("a"), filter("a")]).unwrap_err(),
        StatementError::Version(2),
        bpf_statement::Name::new("A").unwrap_err().into(),
        "1".parse::<bpf_statement::Version>().unwrap_err().into(),
    ] {
        let line = error.to_string();
        assert!(!line.is_empty() && !line.ends_with('.') && !line.contains('\n'));
        assert!(bpf_statement::codes::ALL.contains(&error.code()));
    }
    assert_eq!(name("a").to_string(), "a");
}
