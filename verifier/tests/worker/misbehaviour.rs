//! Children that crash, hang or talk nonsense: never an answer.

use core::time::Duration;
use std::time::Instant;

use bpf_verifier::{WorkerError, codes};

use crate::roles::hex;
use crate::worker;

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("garbage_is_no_reply", garbage),
    ("a_partial_reply_is_no_reply", partial),
    ("bytes_after_a_reply_make_it_none", extra),
    ("an_oversized_reply_is_no_reply", oversized),
    ("a_reply_of_the_largest_size_counts", largest),
    ("silence_is_no_reply", silent),
    ("a_reply_from_a_child_that_fails_is_none", failing),
    ("a_killed_child_gives_no_reply", killed),
    ("a_panic_is_reported_as_printable_text", panics),
    ("a_stack_overflow_gives_no_reply", overflow),
    ("memory_is_limited", memory),
    ("processor_time_is_limited", processor_time),
    ("a_sleeping_child_ends_at_the_wall_limit", sleeping),
    (
        "a_child_that_answers_and_stays_ends_at_the_wall_limit",
        staying,
    ),
    ("a_child_that_does_not_read_is_no_obstacle", deaf),
    ("what_code_prints_does_not_mix_with_the_reply", prints),
    ("a_request_that_is_too_large_is_not_sent", large_request),
    ("a_program_that_is_not_there_cannot_start", absent),
];

fn malformed(role: &str) {
    match worker(role).call(b"request") {
        Err(error @ WorkerError::Malformed(_)) => assert_eq!(error.code(), codes::ANSWER),
        other => panic!("{role}: {other:?}"),
    }
}

fn said(bytes: &[u8]) -> String {
    format!("say:{}", hex(bytes))
}

fn garbage() {
    malformed(&said(b"garbage that is no reply"));
    // A well-formed length with an unknown sandbox, and with an unknown outcome.
    malformed(&said(&[2, 0, 0, 0, 4, 0]));
    malformed(&said(&[2, 0, 0, 0, 3, 2]));
}

fn partial() {
    let reply = [5, 0, 0, 0, 3, 0, b'a', b'b', b'c'];
    assert_eq!(worker(&said(&reply)).call(b"").unwrap().payload, b"abc");
    for length in 0..reply.len() {
        malformed(&said(&reply[..length]));
    }
}

fn extra() {
    malformed(&said(&[2, 0, 0, 0, 3, 0, 0]));
}

fn oversized() {
    malformed("flood");
    malformed(&said(&[0xff, 0xff, 0xff, 0xff, 3, 0]));
    let error = worker("large-reply").call(b"").unwrap_err();
    assert!(error.to_string().contains("too large"), "{error}");
}

fn largest() {
    let reply = worker("largest-reply").call(b"").unwrap();
    assert_eq!(reply.payload.len(), (20 << 20) - 2);
}

fn silent() {
    malformed("silent");
}

fn failing() {
    match worker("exit-3").call(b"") {
        Err(WorkerError::Ended { status, text }) => {
            assert_eq!(status, "exit code 3");
            assert_eq!(text, "no  [31mred [0m text");
        }
        other => panic!("{other:?}"),
    }
}

fn killed() {
    let error = worker("abort").call(b"").unwrap_err();
    assert_eq!(error.code(), codes::CRASHED);
    assert!(error.to_string().contains("signal 6"), "{error}");
}

fn panics() {
    match worker("panic").call(b"") {
        Err(error @ WorkerError::Panicked(_)) => {
            assert_eq!(error.to_string(), "the worker gave up: no way [31m");
            assert_eq!(error.code(), codes::CRASHED);
        }
        other => panic!("{other:?}"),
    }
}

fn overflow() {
    let error = worker("overflow").call(b"").unwrap_err();
    assert_eq!(error.code(), codes::CRASHED);
}

fn memory() {
    match worker("allocate").call(b"") {
        Err(error @ WorkerError::MemoryLimit(_)) => assert_eq!(error.code(), codes::CRASHED),
        other => panic!("{other:?}"),
    }
}

fn processor_time() {
    let mut worker = worker("spin");
    worker.limits.cpu = Duration::from_secs(1);
    match worker.call(b"") {
        Err(error @ WorkerError::CpuLimit(_)) => assert_eq!(error.code(), codes::TIMEOUT),
        other => panic!("{other:?}"),
    }
}

fn ends_at_the_wall(role: &str, request: &[u8]) {
    let mut worker = worker(role);
    worker.limits.wall = Duration::from_millis(300);
    let start = Instant::now();
    match worker.call(request) {
        Err(error @ WorkerError::WallLimit(_)) => assert_eq!(error.code(), codes::TIMEOUT),
        other => panic!("{role}: {other:?}"),
    }
    // The child would have lived for a minute.
    assert!(start.elapsed() < Duration::from_secs(30));
}

fn sleeping() {
    ends_at_the_wall("sleep", b"");
}

fn staying() {
    ends_at_the_wall("deaf", b"");
}

/// The request fills the pipe and nobody reads it.
fn deaf() {
    ends_at_the_wall("sleep", &vec![0; 1 << 20]);
}

fn prints() {
    assert_eq!(worker("prints").call(b"").unwrap().payload, b"answer");
}

fn large_request() {
    let request = vec![0; (21 << 20) + 1];
    match worker("echo").call(&request) {
        Err(WorkerError::Request(length)) => assert_eq!(length, request.len()),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was sent"),
    }
}

fn absent() {
    let mut worker = worker("echo");
    worker.program = "/nonexistent/program".into();
    let error = worker.call(b"").unwrap_err();
    assert_eq!(error.code(), codes::WORKER);
}
