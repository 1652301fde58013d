//! Data sections, before a program is linked with them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::role::Role;
use crate::elf::{Elf, Section};
use crate::image::DataSection;

/// A section that code may refer to.
#[derive(Clone, Debug)]
pub(super) struct Data {
    pub(super) section: usize,
    pub(super) name: String,
    pub(super) size: u64,
    /// The bytes; fewer than `size` when the rest is zero and not in the file.
    bytes: Vec<u8>,
    writable: bool,
}

impl Data {
    fn new(section: &Section<'_>, writable: bool) -> Self {
        Self {
            section: section.index,
            name: section.name.to_string(),
            size: section.size,
            bytes: section.contents.to_vec(),
            writable,
        }
    }

    /// The section with all of its bytes. The caller has bounded its size.
    pub(super) fn load(&self) -> DataSection {
        let mut bytes = self.bytes.clone();
        bytes.resize(usize::try_from(self.size).unwrap_or(bytes.len()), 0);
        DataSection {
            name: self.name.clone(),
            bytes,
            writable: self.writable,
        }
    }
}

/// Every data section of the object, in the order of the section table.
pub(super) fn collect(elf: &Elf<'_>, roles: &[Role]) -> Vec<Data> {
    elf.sections()
        .iter()
        .zip(roles)
        .filter_map(|(section, role)| match role {
            Role::Data { writable } => Some(Data::new(section, *writable)),
            _ => None,
        })
        .collect()
}
