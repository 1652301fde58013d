//! What a child may do once it is confined: compute, read its request and write its reply.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetStatus, Scope,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

/// What a child was confined by. Limits of time and memory always hold; the rest is as the kernel
/// offers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// Whether system calls are filtered (seccomp).
    pub seccomp: bool,
    /// Whether files, and the network where the kernel's version has it, are denied (Landlock).
    pub landlock: bool,
}

impl Sandbox {
    /// The weaker of two, in each respect.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            seccomp: self.seccomp && other.seccomp,
            landlock: self.landlock && other.landlock,
        }
    }

    /// What the kernel did not offer; empty when nothing is missing.
    #[must_use]
    pub const fn missing(self) -> &'static [&'static str] {
        match (self.seccomp, self.landlock) {
            (true, true) => &[],
            (true, false) => &["Landlock"],
            (false, true) => &["seccomp"],
            (false, false) => &["seccomp", "Landlock"],
        }
    }

    pub(crate) fn to_byte(self) -> u8 {
        u8::from(self.seccomp) | u8::from(self.landlock) << 1
    }

    pub(crate) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0..=3 => Some(Self {
                seccomp: byte & 1 != 0,
                landlock: byte & 2 != 0,
            }),
            _ => None,
        }
    }
}

/// Keeps other processes of the same user from reading this one's memory (ptrace, core dumps).
/// Called before a key is loaded.
///
/// # Errors
/// What the kernel says.
pub fn harden_parent() -> io::Result<()> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// The first part, before there is a second thread: the child dies with its parent, gains no
/// privileges, is not dumpable, and reaches no files. Threads inherit all of it.
pub(super) fn confine_process() -> io::Result<Sandbox> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    rustix::thread::set_no_new_privs(true)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    // Landlock's rules are a descriptor for a moment, so descriptors end after it.
    let landlock = deny_files();
    for resource in [Resource::Core, Resource::Fsize, Resource::Nofile] {
        set_limit(resource, 0)?;
    }
    Ok(Sandbox {
        seccomp: false,
        landlock,
    })
}

/// The second part, once the last thread runs: no more processes, and only the system calls that
/// computing, reading standard input and writing to `outputs` takes, for all threads.
pub(super) fn confine_threads(outputs: &[BorrowedFd<'_>]) -> io::Result<bool> {
    set_limit(Resource::Nproc, 0)?;
    Ok(filter_system_calls(outputs).is_some())
}

pub(super) fn set_limit(resource: Resource, value: u64) -> io::Result<()> {
    let limit = Rlimit {
        current: Some(value),
        maximum: Some(value),
    };
    rustix::process::setrlimit(resource, limit)?;
    Ok(())
}

/// Denies every access that the running kernel's Landlock knows: files, TCP, signals and abstract
/// sockets. Says whether it does anything.
fn deny_files() -> bool {
    let deny = || {
        let status = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(ABI::V7))?
            .handle_access(AccessNet::from_all(ABI::V7))?
            .scope(Scope::from_all(ABI::V7))?
            .create()?
            .restrict_self()?;
        Ok::<_, landlock::RulesetError>(status.ruleset != RulesetStatus::NotEnforced)
    };
    deny().unwrap_or(false)
}

/// Installs two filters: the first kills the process for what only an attacker asks for, the second
/// answers everything else that is not on the list of allowed calls with an error, so that a C
/// library that asks for something new fails safely. `None` when the kernel has no seccomp.
fn filter_system_calls(outputs: &[BorrowedFd<'_>]) -> Option<()> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).ok()?;
    let deadly = deadly_calls().into_iter().map(|call| (call, Vec::new()));
    let allowed = allowed_calls(outputs)?;
    let denied = SeccompAction::Errno(rustix::io::Errno::PERM.raw_os_error().unsigned_abs());
    for (rules, otherwise, matching) in [
        (
            deadly.collect(),
            SeccompAction::Allow,
            SeccompAction::KillProcess,
        ),
        (allowed, denied, SeccompAction::Allow),
    ] {
        let filter = SeccompFilter::new(rules, otherwise, matching, arch).ok()?;
        let program = BpfProgram::try_from(filter).ok()?;
        seccompiler::apply_filter_all_threads(&program).ok()?;
    }
    Some(())
}

/// System calls that connect, start or take over something. Opening a file is denied, not deadly:
/// the C library's allocator looks into `/proc` when it gives memory back, and does without.
fn deadly_calls() -> Vec<i64> {
    let mut calls = vec![
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_clone,
        libc::SYS_clone3,
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_kill,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_io_uring_setup,
        libc::SYS_memfd_create,
        libc::SYS_bpf,
    ];
    #[cfg(target_arch = "x86_64")]
    calls.extend([libc::SYS_fork, libc::SYS_vfork]);
    calls
}

/// System calls of a computation, with conditions on their arguments where those matter.
fn allowed_calls(outputs: &[BorrowedFd<'_>]) -> Option<BTreeMap<i64, Vec<SeccompRule>>> {
    const PROT_EXEC: u64 = 4;
    /// The C int −1, as the lower half of a register.
    const NO_DESCRIPTOR: u64 = 0xffff_ffff;
    let not_executable = || condition(2, Op::MaskedEq(PROT_EXEC), 0);
    let own_process = u64::from(std::process::id());
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> = [
        libc::SYS_brk,
        libc::SYS_clock_gettime,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_futex,
        libc::SYS_getpid,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_madvise,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
    ]
    .into_iter()
    .map(|call| (call, Vec::new()))
    .collect();
    calls.insert(libc::SYS_read, rules([[condition(0, Op::Eq, 0)?]])?);
    calls.insert(libc::SYS_mprotect, rules([[not_executable()?]])?);
    calls.insert(
        libc::SYS_mmap,
        rules([[not_executable()?, condition(4, Op::Eq, NO_DESCRIPTOR)?]])?,
    );
    calls.insert(
        libc::SYS_tgkill,
        rules([[condition(0, Op::Eq, own_process)?]])?,
    );
    let mut writes = Vec::new();
    for output in outputs {
        let number = u64::from(output.as_raw_fd().unsigned_abs());
        writes.push([condition(0, Op::Eq, number)?]);
    }
    calls.insert(libc::SYS_write, rules(writes)?);
    Some(calls)
}

/// A condition on the lower 32 bits of an argument: all that the kernel reads of these.
fn condition(argument: u8, operator: Op, value: u64) -> Option<SeccompCondition> {
    SeccompCondition::new(argument, Len::Dword, operator, value).ok()
}

/// Rules of which one must hold; of each, every condition must hold.
fn rules<const N: usize>(
    alternatives: impl IntoIterator<Item = [SeccompCondition; N]>,
) -> Option<Vec<SeccompRule>> {
    alternatives
        .into_iter()
        .map(|conditions| SeccompRule::new(conditions.into()).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        for byte in 0..4 {
            let sandbox = Sandbox::from_byte(byte).unwrap();
            assert_eq!(sandbox.to_byte(), byte);
            let missing = sandbox.missing();
            assert_eq!(missing.contains(&"seccomp"), !sandbox.seccomp);
            assert_eq!(missing.contains(&"Landlock"), !sandbox.landlock);
        }
        assert_eq!(Sandbox::from_byte(4), None);
    }

    #[test]
    fn no_call_is_both_deadly_and_allowed() {
        let allowed = allowed_calls(&[]).unwrap_or_default();
        assert!(
            deadly_calls()
                .iter()
                .all(|call| !allowed.contains_key(call))
        );
    }
}
