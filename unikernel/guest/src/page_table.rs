//! Page tables of x86-64, four levels deep.
//!
//! There is no access that is both to write and to execute, so no table made here gives one.

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// Bytes of a large page.
pub const LARGE_PAGE: u64 = 1 << 21;

/// Entries of a table.
pub const ENTRIES: usize = 512;

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const WRITE_THROUGH: u64 = 1 << 3;
const UNCACHED: u64 = 1 << 4;
/// In an entry of the level above the last: it is a large page and no table.
const LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// What may be done with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read it.
    Read,
    /// Read and write it.
    Write,
    /// Read and execute it.
    Execute,
    /// Read and write what is no memory but a device.
    Device,
}

impl Access {
    const fn bits(self) -> u64 {
        match self {
            Self::Read => PRESENT | NO_EXECUTE,
            Self::Write => PRESENT | WRITABLE | NO_EXECUTE,
            Self::Execute => PRESENT,
            Self::Device => PRESENT | WRITABLE | NO_EXECUTE | WRITE_THROUGH | UNCACHED,
        }
    }

    const fn of(entry: u64) -> Self {
        match (
            entry & WRITABLE != 0,
            entry & NO_EXECUTE != 0,
            entry & UNCACHED != 0,
        ) {
            (true, _, true) => Self::Device,
            (true, _, false) => Self::Write,
            (false, true, _) => Self::Read,
            (false, false, _) => Self::Execute,
        }
    }
}

/// Where tables are kept: memory, by physical address.
pub trait Tables {
    /// A new table, full of zeros. `None` when there is no memory.
    fn allocate(&mut self) -> Option<u64>;
    /// An entry of a table that [`Self::allocate`] gave.
    fn read(&self, table: u64, index: usize) -> u64;
    /// Changes an entry of such a table.
    fn write(&mut self, table: u64, index: usize, entry: u64);
}

/// Why something cannot be mapped. What was mapped before the error stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// No memory for a table.
    #[error("there is no memory for page tables")]
    OutOfMemory,
    /// Something is mapped there already.
    #[error("something else is mapped at {0:#x}")]
    Occupied(u64),
    /// Nothing, or a large page, is mapped there.
    #[error("no page is mapped at {0:#x}")]
    Absent(u64),
    /// An address is not that of a page.
    #[error("{0:#x} is not the address of a page")]
    Unaligned(u64),
}

/// A piece of memory at a virtual address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Where it is seen.
    pub virtual_start: u64,
    /// Where it is.
    pub physical_start: u64,
    /// Bytes.
    pub len: u64,
    /// What may be done with it.
    pub access: Access,
}

/// A set of tables, by the physical address of the topmost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageTable {
    root: u64,
}

impl PageTable {
    /// One that maps nothing.
    ///
    /// # Errors
    /// There is no memory.
    pub fn new(tables: &mut dyn Tables) -> Result<Self, MapError> {
        let root = tables.allocate().ok_or(MapError::OutOfMemory)?;
        Ok(Self { root })
    }

    /// The physical address of the topmost table.
    #[must_use]
    pub const fn root(self) -> u64 {
        self.root
    }

    /// Maps a piece of memory, with large pages where they fit.
    ///
    /// # Errors
    /// No memory, an address that is not of a page, or something that is mapped there.
    pub fn map(self, tables: &mut dyn Tables, mapping: Mapping) -> Result<(), MapError> {
        let Mapping {
            mut virtual_start,
            mut physical_start,
            mut len,
            access,
        } = mapping;
        for address in [virtual_start, physical_start, len] {
            if !address.is_multiple_of(PAGE) {
                return Err(MapError::Unaligned(address));
            }
        }
        while len > 0 {
            let fits = |address: u64| address.is_multiple_of(LARGE_PAGE);
            let large = fits(virtual_start) && fits(physical_start) && len >= LARGE_PAGE;
            let (depth, bits, step) = match large {
                true => (2, LARGE, LARGE_PAGE),
                false => (3, 0, PAGE),
            };
            let table = self.table(tables, virtual_start, depth)?;
            let place = index(virtual_start, depth);
            if tables.read(table, place) != 0 {
                return Err(MapError::Occupied(virtual_start));
            }
            tables.write(table, place, physical_start | access.bits() | bits);
            virtual_start = virtual_start.wrapping_add(step);
            physical_start = physical_start.wrapping_add(step);
            len = len.saturating_sub(step);
        }
        Ok(())
    }

    /// Changes what may be done with a page, and gives its physical address.
    ///
    /// # Errors
    /// No small page is mapped there.
    pub fn protect(
        self,
        tables: &mut dyn Tables,
        page: u64,
        access: Access,
    ) -> Result<u64, MapError> {
        let (table, place, entry) = self.small_page(tables, page)?;
        let physical = entry & ADDRESS;
        tables.write(table, place, physical | access.bits());
        Ok(physical)
    }

    /// Unmaps a page, and gives its physical address.
    ///
    /// # Errors
    /// No small page is mapped there.
    pub fn unmap(self, tables: &mut dyn Tables, page: u64) -> Result<u64, MapError> {
        let (table, place, entry) = self.small_page(tables, page)?;
        tables.write(table, place, 0);
        Ok(entry & ADDRESS)
    }

    /// Where an address leads, and what may be done there.
    #[must_use]
    pub fn translate(self, tables: &dyn Tables, address: u64) -> Option<(u64, Access)> {
        let mut table = self.root;
        for depth in 0..=3 {
            let entry = tables.read(table, index(address, depth));
            if entry & PRESENT == 0 {
                return None;
            }
            let page = match depth {
                3 => PAGE,
                2 if entry & LARGE != 0 => LARGE_PAGE,
                _ => {
                    table = entry & ADDRESS;
                    continue;
                }
            };
            let offset = address & page.saturating_sub(1);
            return Some((entry & ADDRESS | offset, Access::of(entry)));
        }
        None
    }

    fn small_page(self, tables: &dyn Tables, page: u64) -> Result<(u64, usize, u64), MapError> {
        let mut table = self.root;
        for depth in 0..3 {
            let entry = tables.read(table, index(page, depth));
            if entry & PRESENT == 0 || depth == 2 && entry & LARGE != 0 {
                return Err(MapError::Absent(page));
            }
            table = entry & ADDRESS;
        }
        let place = index(page, 3);
        match tables.read(table, place) {
            entry if entry & PRESENT != 0 => Ok((table, place, entry)),
            _ => Err(MapError::Absent(page)),
        }
    }

    /// The table of a depth, 0 being the topmost, that has the entry of an address. It is made if it is
    /// not there.
    fn table(self, tables: &mut dyn Tables, address: u64, depth: u32) -> Result<u64, MapError> {
        let mut table = self.root;
        for above in 0..depth {
            let place = index(address, above);
            let entry = tables.read(table, place);
            table = if entry & PRESENT == 0 {
                let made = tables.allocate().ok_or(MapError::OutOfMemory)?;
                // What a page may be used for is said where the page is.
                tables.write(table, place, made | PRESENT | WRITABLE);
                made
            } else if above == 2 && entry & LARGE != 0 {
                return Err(MapError::Occupied(address));
            } else {
                entry & ADDRESS
            };
        }
        Ok(table)
    }
}

/// The entry of an address in a table of a depth.
fn index(address: u64, depth: u32) -> usize {
    let shift = 39_u32.saturating_sub(depth.saturating_mul(9));
    usize::try_from(address >> shift & 0x1ff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// Tables from 0x10_0000 on, and how many more there may be.
    #[derive(Default)]
    struct Memory(Vec<[u64; ENTRIES]>, usize);

    impl Memory {
        fn number(table: u64) -> usize {
            usize::try_from((table - 0x10_0000) / PAGE).unwrap()
        }
    }

    impl Tables for Memory {
        fn allocate(&mut self) -> Option<u64> {
            self.1 = self.1.checked_sub(1)?;
            self.0.push([0; ENTRIES]);
            Some(0x10_0000 + (u64::try_from(self.0.len()).unwrap() - 1) * PAGE)
        }

        fn read(&self, table: u64, index: usize) -> u64 {
            self.0[Self::number(table)][index]
        }

        fn write(&mut self, table: u64, index: usize, entry: u64) {
            self.0[Self::number(table)][index] = entry;
        }
    }

    fn mapping(virtual_start: u64, physical_start: u64, len: u64, access: Access) -> Mapping {
        Mapping {
            virtual_start,
            physical_start,
            len,
            access,
        }
    }

    const HIGH: u64 = 0xffff_8000_0000_0000;

    #[test]
    fn what_is_mapped_is_found_and_nothing_else() {
        let mut memory = Memory(Vec::new(), 100);
        let table = PageTable::new(&mut memory).unwrap();
        // Small pages up to where a large one fits, one large page, and small ones behind it.
        let start = HIGH + LARGE_PAGE - 2 * PAGE;
        let len = 2 * PAGE + LARGE_PAGE + PAGE;
        let physical = 0x4000_0000 - 2 * PAGE;
        for (start, access) in [(start, Access::Write), (start + (1 << 40), Access::Execute)] {
            table
                .map(&mut memory, mapping(start, physical, len, access))
                .unwrap();
            for offset in [0, 1, PAGE + 7, 2 * PAGE, LARGE_PAGE, len - 1] {
                let found = table.translate(&memory, start + offset);
                assert_eq!(found, Some((physical + offset, access)));
            }
            for address in [start - 1, start + len, 0, 0x1000, start & 0xffff_ffff] {
                assert_eq!(table.translate(&memory, address), None, "{address:#x}");
            }
        }
        assert!(memory.0.len() <= 10, "{} tables", memory.0.len());
    }

    #[test]
    fn pages_change_what_may_be_done_with_them_and_go() {
        let mut memory = Memory(Vec::new(), 100);
        let table = PageTable::new(&mut memory).unwrap();
        let data = mapping(HIGH, 0x7000, 2 * PAGE, Access::Write);
        table.map(&mut memory, data).unwrap();
        assert_eq!(
            table.protect(&mut memory, HIGH, Access::Execute),
            Ok(0x7000)
        );
        assert_eq!(
            table.translate(&memory, HIGH + 5),
            Some((0x7005, Access::Execute))
        );
        let next = table.translate(&memory, HIGH + PAGE);
        assert_eq!(next, Some((0x8000, Access::Write)));
        assert_eq!(table.unmap(&mut memory, HIGH), Ok(0x7000));
        assert_eq!(table.translate(&memory, HIGH), None);
        let absent = Err(MapError::Absent(HIGH));
        assert_eq!(table.unmap(&mut memory, HIGH), absent);
        assert_eq!(table.protect(&mut memory, HIGH, Access::Read), absent);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut memory = Memory(Vec::new(), 100);
        let table = PageTable::new(&mut memory).unwrap();
        let large = mapping(HIGH, 0, LARGE_PAGE, Access::Read);
        table.map(&mut memory, large).unwrap();
        let mut refused = |mapping| table.map(&mut memory, mapping).unwrap_err();
        assert_eq!(refused(large), MapError::Occupied(HIGH));
        let within = mapping(HIGH + PAGE, 0, PAGE, Access::Write);
        assert_eq!(refused(within), MapError::Occupied(HIGH + PAGE));
        for (start, physical, len) in [(1, 0, PAGE), (0, 8, PAGE), (0, 0, 7)] {
            let odd = mapping(HIGH + LARGE_PAGE + start, physical, len, Access::Read);
            assert!(matches!(refused(odd), MapError::Unaligned(_)));
        }
        assert_eq!(
            table.unmap(&mut memory, HIGH + PAGE),
            Err(MapError::Absent(HIGH + PAGE)),
            "large pages stay whole"
        );
        let mut small = Memory(Vec::new(), 2);
        let table = PageTable::new(&mut small).unwrap();
        assert_eq!(table.map(&mut small, large), Err(MapError::OutOfMemory));
    }

    /// The type has no such access; this says that the bits have none either.
    #[test]
    fn no_access_is_to_write_and_to_execute() {
        for access in [Access::Read, Access::Write, Access::Execute, Access::Device] {
            let bits = access.bits();
            assert!(bits & WRITABLE == 0 || bits & NO_EXECUTE != 0, "{access:?}");
            assert_eq!(Access::of(bits), access);
        }
    }
}
