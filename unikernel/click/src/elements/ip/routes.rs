//! A routing table: the longest prefix that an address has.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use crate::names::{Prefix, mask_of};

/// Where packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) prefix: Prefix,
    /// The next hop, if it is not the destination itself.
    pub(super) gateway: Option<Ipv4Addr>,
    pub(super) output: usize,
}

/// Routes, and a trie over eight bits at a time: an address is found in four steps at most, whatever
/// the number of routes.
#[derive(Debug)]
pub(super) struct RouteTable {
    /// In the order in which they were added; places of removed ones are used again.
    routes: Vec<Option<Route>>,
    places: BTreeMap<Prefix, usize>,
    free: Vec<usize>,
    /// The first is the root.
    nodes: Vec<Node>,
}

/// For each value of eight bits: the route whose prefix ends within them, and the node for the next
/// eight.
type Node = Box<[Entry; 256]>;

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    route: Option<u32>,
    node: Option<u32>,
}

/// Routes of a table: those of the whole Internet.
const MAX_ROUTES: usize = 1 << 20;

/// Nodes of a table, of 4 KiB each: as many as routes for hosts in different networks of 256 take.
const MAX_NODES: usize = 1 << 16;

/// Why a route cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddError {
    /// There is one for its prefix.
    Exists(Route),
    /// There are too many.
    Full,
}

impl RouteTable {
    pub(super) fn new() -> Self {
        Self {
            routes: Vec::new(),
            places: BTreeMap::new(),
            free: Vec::new(),
            nodes: alloc::vec![new_node()],
        }
    }

    /// All routes, in the order of their places.
    pub(super) fn routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().flatten()
    }

    /// The route with this prefix.
    pub(super) fn get(&self, prefix: Prefix) -> Option<&Route> {
        self.routes.get(*self.places.get(&prefix)?)?.as_ref()
    }

    /// Adds a route. One for its prefix is replaced, and given back, where that is allowed.
    ///
    /// # Errors
    /// [`AddError`]; nothing has changed then.
    pub(super) fn add(&mut self, route: Route, replace: bool) -> Result<Option<Route>, AddError> {
        if let Some(place) = self.places.get(&route.prefix).copied() {
            let old = self.routes.get(place).copied().flatten();
            if let Some(old) = old.filter(|_| !replace) {
                return Err(AddError::Exists(old));
            }
            if let Some(slot) = self.routes.get_mut(place) {
                *slot = Some(route);
            }
            return Ok(old);
        }
        let place = self.free.last().copied().unwrap_or(self.routes.len());
        let number = u32::try_from(place).ok().filter(|_| place < MAX_ROUTES);
        let number = number.ok_or(AddError::Full)?;
        let (node, first, last) = self.span(route.prefix, true).ok_or(AddError::Full)?;
        let length = route.prefix.length();
        for index in first..=last {
            let known = self.entry(node, index).and_then(|entry| entry.route);
            let longer = known
                .and_then(|known| self.at(known))
                .is_some_and(|known| known.prefix.length() > length);
            if !longer && let Some(entry) = self.entry_mut(node, index) {
                entry.route = Some(number);
            }
        }
        self.free.pop();
        if place == self.routes.len() {
            self.routes.push(None);
        }
        if let Some(slot) = self.routes.get_mut(place) {
            *slot = Some(route);
        }
        self.places.insert(route.prefix, place);
        Ok(None)
    }

    /// Removes the route with this prefix, and gives it back.
    pub(super) fn remove(&mut self, prefix: Prefix) -> Option<Route> {
        let place = self.places.remove(&prefix)?;
        let route = self.routes.get_mut(place)?.take();
        self.free.push(place);
        let (node, first, last) = self.span(prefix, false)?;
        let shorter = self.next_shorter(prefix);
        let number = u32::try_from(place).ok();
        for index in first..=last {
            if let Some(entry) = self
                .entry_mut(node, index)
                .filter(|entry| entry.route == number)
            {
                entry.route = shorter;
            }
        }
        route
    }

    /// The route whose prefix is the longest one that an address has.
    pub(super) fn find(&self, address: Ipv4Addr) -> Option<&Route> {
        let mut best = None;
        let mut node = 0;
        for index in address.octets() {
            let Some(entry) = self.entry(node, index.into()) else {
                break;
            };
            best = entry.route.or(best);
            match entry.node {
                Some(next) => node = usize::try_from(next).ok()?,
                None => break,
            }
        }
        self.at(best?)
    }

    fn at(&self, number: u32) -> Option<&Route> {
        self.routes.get(usize::try_from(number).ok()?)?.as_ref()
    }

    /// The longest prefix around another one that ends within the same eight bits.
    fn next_shorter(&self, prefix: Prefix) -> Option<u32> {
        let length = prefix.length();
        let least = level(length).saturating_mul(8);
        let shorter = (0..length)
            .rev()
            .take_while(|length| *length > least || least == 0);
        let mut places = shorter.filter_map(|length| {
            let mask = mask_of(length);
            let address = prefix.address;
            self.places.get(&Prefix { address, mask }.network())
        });
        places.next().and_then(|place| u32::try_from(*place).ok())
    }

    /// The node within whose bits a prefix ends, and the values of these bits that it covers. Nodes on
    /// the way there are made, if `make` says so. `None` if there are too many, or none.
    fn span(&mut self, prefix: Prefix, make: bool) -> Option<(usize, usize, usize)> {
        let octets = prefix.address.to_be_bytes();
        let level = usize::try_from(level(prefix.length())).ok()?;
        let mut node = 0;
        for index in octets.get(..level)? {
            let index = usize::from(*index);
            node = match self.entry(node, index)?.node {
                Some(next) => usize::try_from(next).ok()?,
                None if make && self.nodes.len() < MAX_NODES => {
                    let next = self.nodes.len();
                    self.entry_mut(node, index)?.node = Some(u32::try_from(next).ok()?);
                    self.nodes.push(new_node());
                    next
                }
                None => return None,
            };
        }
        let first = usize::from(*octets.get(level)?);
        let hosts = (!prefix.mask).to_be_bytes();
        let last = first | usize::from(*hosts.get(level)?);
        Some((node, first, last))
    }

    fn entry(&self, node: usize, index: usize) -> Option<&Entry> {
        self.nodes.get(node)?.get(index)
    }

    fn entry_mut(&mut self, node: usize, index: usize) -> Option<&mut Entry> {
        self.nodes.get_mut(node)?.get_mut(index)
    }
}

/// How many times eight bits lie in front of those that a prefix ends in.
const fn level(length: u32) -> u32 {
    length.saturating_sub(1) / 8
}

fn new_node() -> Node {
    Box::new([Entry::default(); 256])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn route(address: u32, length: u32, output: usize) -> Route {
        let mask = mask_of(length);
        Route {
            prefix: Prefix { address, mask }.network(),
            gateway: None,
            output,
        }
    }

    /// The longest prefix, found by looking at all.
    fn slowly(table: &RouteTable, address: u32) -> Option<Route> {
        let fitting = table
            .routes()
            .filter(|route| route.prefix.contains(address));
        fitting.max_by_key(|route| route.prefix.length()).copied()
    }

    #[test]
    fn places_are_used_again() {
        let mut table = RouteTable::new();
        for (address, length) in [(0, 0), (0x0a00_0000, 8), (0x0a01_0000, 16), (0, 32)] {
            assert_eq!(table.add(route(address, length, 1), false), Ok(None));
        }
        let other = route(0x0a00_0000, 8, 2);
        assert_eq!(
            table.add(other, false),
            Err(AddError::Exists(route(0x0a00_0000, 8, 1)))
        );
        assert_eq!(table.add(other, true), Ok(Some(route(0x0a00_0000, 8, 1))));
        assert_eq!(table.remove(other.prefix), Some(other));
        assert_eq!(table.remove(other.prefix), None);
        table.add(route(0x0b00_0000, 8, 3), false).unwrap();
        let outputs: Vec<usize> = table.routes().map(|route| route.output).collect();
        assert_eq!(outputs, [1, 3, 1, 1]);
        assert_eq!(
            table
                .find(Ipv4Addr::new(10, 2, 0, 0))
                .unwrap()
                .prefix
                .length(),
            0
        );
        assert_eq!(
            table.find(Ipv4Addr::UNSPECIFIED).unwrap().prefix.length(),
            32
        );
    }

    proptest! {
        /// Few distinct bits, so that prefixes lie within each other.
        #[test]
        fn the_trie_finds_what_looking_at_all_finds(
            changes in prop::collection::vec((0..8_u32, 0..8_u32, 0..=32_u32, any::<bool>()), 1..60),
        ) {
            let mut table = RouteTable::new();
            for (number, (high, low, length, add)) in changes.into_iter().enumerate() {
                let address = high << 29 | high << 21 | low << 14 | low << 5 | high;
                let route = route(address, length, number);
                if add {
                    let _ = table.add(route, number % 2 == 0);
                } else {
                    table.remove(route.prefix);
                }
                for bits in 0..64_u32 {
                    let (high, low) = (bits >> 3, bits & 7);
                    let address = high << 29 | high << 21 | low << 14 | low << 5 | high;
                    let found = table.find(Ipv4Addr::from_bits(address)).copied();
                    prop_assert_eq!(found, slowly(&table, address));
                }
            }
        }
    }
}
