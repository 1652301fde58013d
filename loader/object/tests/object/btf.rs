//! Builds type information.

/// A section `.BTF` in the making.
pub(crate) struct Btf {
    types: Vec<u8>,
    count: u32,
    strings: Vec<u8>,
}

impl Btf {
    pub(crate) fn new() -> Self {
        Self {
            types: Vec::new(),
            count: 0,
            strings: vec![0],
        }
    }

    /// Adds a string; gives its offset.
    pub(crate) fn string(&mut self, text: impl AsRef<[u8]>) -> u32 {
        let offset = self.strings.len() as u32;
        self.strings.extend_from_slice(text.as_ref());
        self.strings.push(0);
        offset
    }

    /// Adds a type with the name at `name`, `entries` in its info, and what follows it; gives its
    /// number.
    pub(crate) fn add(
        &mut self,
        name: u32,
        kind: u32,
        entries: u32,
        size_or_type: u32,
        rest: &[u32],
    ) -> u32 {
        for word in [name, kind << 24 | entries, size_or_type] {
            self.types.extend_from_slice(&word.to_le_bytes());
        }
        for word in rest {
            self.types.extend_from_slice(&word.to_le_bytes());
        }
        self.count += 1;
        self.count
    }

    /// `int`, of 4 bytes.
    pub(crate) fn int(&mut self) -> u32 {
        self.add(0, 1, 0, 4, &[32])
    }

    /// A pointer.
    pub(crate) fn pointer(&mut self, to: u32) -> u32 {
        self.add(0, 2, 0, to, &[])
    }

    /// An array.
    pub(crate) fn array(&mut self, of: u32, count: u32) -> u32 {
        self.add(0, 3, 0, 0, &[of, of, count])
    }

    /// What `__uint` writes.
    pub(crate) fn number(&mut self, value: u32) -> u32 {
        let int = self.int();
        let array = self.array(int, value);
        self.pointer(array)
    }

    /// A structure with these members.
    pub(crate) fn structure(&mut self, members: &[(&str, u32)]) -> u32 {
        let mut rest = Vec::new();
        for (name, of) in members {
            rest.extend([self.string(name), *of, 0]);
        }
        self.add(0, 4, members.len() as u32, 0, &rest)
    }

    /// A section `.maps` with these variables.
    pub(crate) fn maps(&mut self, variables: &[(&str, u32)]) -> u32 {
        let mut rest = Vec::new();
        for (name, of) in variables {
            let name = self.string(name);
            let variable = self.add(name, 14, 0, *of, &[1]);
            rest.extend([variable, 0, 0]);
        }
        let name = self.string(".maps");
        self.add(name, 15, variables.len() as u32, 0, &rest)
    }

    /// The section.
    pub(crate) fn finish(&self) -> Vec<u8> {
        let mut out = vec![0x9f, 0xeb, 1, 0];
        let types = self.types.len() as u32;
        for word in [24, 0, types, types, self.strings.len() as u32] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.types);
        out.extend_from_slice(&self.strings);
        out
    }
}

/// A section `.BTF.ext` with lines of one section: the offset of its name, and records.
pub(crate) fn line_section(section: u32, records: &[[u32; 4]]) -> Vec<u8> {
    let len = 12 + 16 * records.len() as u32;
    let mut out = vec![0x9f, 0xeb, 1, 0];
    for word in [24, 0, 0, 0, len, 16, section, records.len() as u32] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    for word in records.iter().flatten() {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out
}
