//! Elements that rewrite flows: network address translation.

mod flow;
mod icmp_rewriter;
mod mappings;
mod pattern;
mod patterns;
mod rewrite;

pub(super) use icmp_rewriter::CLASS as ICMP;
pub(super) use patterns::CLASS as PATTERNS;
pub(super) use rewrite::{IP, PING, TCP, UDP};
