//! kind: filter
//! verdict: accept
//! cause: -
//!
//! Passes one packet a second from each IPv4 source, three at once after a pause.
//!
//! The same bucket as in `accept/rate-limiter.c`. What is not IPv4 passes; once 1,024 sources are known,
//! further ones are dropped.
#![no_std]
#![no_main]

use click_ebpf::net::{ETHERNET, TYPE_IPV4};
use click_ebpf::{Context, Filter, HashMap, filter, ktime_get_ns, map};

const TOKEN_NS: u64 = 1_000_000_000;
const BUCKET: u64 = 3;

map!(FULL_AT = "full_at": HashMap<u32, u64> = HashMap::new(1024));

filter!(rate_limiter);

fn rate_limiter(packet: &Context) -> Filter {
    if packet.load(12) != Some(TYPE_IPV4) {
        return Filter::Pass;
    }
    let Some(source) = packet.load::<u32>(ETHERNET + 12) else {
        return Filter::Abort;
    };
    let now = ktime_get_ns();
    let passed = FULL_AT.with(&source, |full_at| {
        let full = (*full_at).max(now);
        let has_token = full - now <= (BUCKET - 1) * TOKEN_NS;
        if has_token {
            *full_at = full + TOKEN_NS;
        }
        has_token
    });
    match passed {
        Some(true) => Filter::Pass,
        None if FULL_AT.set(&source, &(now + TOKEN_NS)) => Filter::Pass,
        _ => Filter::Drop,
    }
}
