//! What a process may do once its devices are open.

use std::ffi::CString;
use std::io;

use nix::unistd::{Gid, Uid, User, initgroups, setgid, setgroups, setuid};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};

/// What becomes of the privileges that a process started with, once all devices and files are open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Privileges {
    /// They stay: for whoever has other things to do in the process.
    #[default]
    Keep,
    /// Capabilities go, where devices of the system were opened, and so does the right to get any by
    /// executing something. With a name, the process belongs to that user from then on, and to that
    /// user's groups.
    Drop {
        /// The user.
        user: Option<String>,
    },
}

/// Becomes `user`, if there is a name, and gives up all capabilities for good.
pub(crate) fn give_up(user: Option<&str>) -> io::Result<()> {
    if let Some(name) = user {
        become_user(name)?;
    }
    set_no_new_privs(true)?;
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, none)?;
    Ok(())
}

/// Groups come first: a process that is no longer root cannot change them.
fn become_user(name: &str) -> io::Result<()> {
    let unknown = || {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no user `{name}`"),
        )
    };
    let user = User::from_name(name)?.ok_or_else(unknown)?;
    if user.uid == Uid::current() && user.gid == Gid::current() {
        return Ok(());
    }
    setgroups(&[])?;
    initgroups(&CString::new(name)?, user.gid)?;
    setgid(user.gid)?;
    setuid(user.uid)?;
    Ok(())
}
