//! What ARP has found out, and packets that wait for it.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use core::net::Ipv4Addr;

use crate::names::EtherAddress;
use crate::packet::Packet;
use crate::render::seconds;

/// Addresses of neighbours, each with the packets that wait for it.
#[derive(Debug)]
pub(super) struct ArpTable {
    limits: Limits,
    entries: BTreeMap<Ipv4Addr, Entry>,
    /// Entries by when they were last confirmed, oldest first; the second number tells those apart
    /// that were confirmed at one time.
    ages: BTreeMap<(u64, u64), Ipv4Addr>,
    next_number: u64,
    packets: u64,
    drops: u64,
}

/// What a table may hold, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Packets; 0 for any number.
    pub(super) packets: u64,
    /// Entries; 0 for [`MAX_ENTRIES`].
    pub(super) entries: u64,
    /// Packets of one entry; 0 for any number.
    pub(super) entry_packets: u64,
    /// When there are too many packets, one part of this many goes; at least 1.
    pub(super) slim_factor: u64,
    /// How long an entry holds, in nanoseconds; 0 for ever.
    pub(super) timeout_ns: u64,
}

/// Entries of a table for which no limit is given: each takes some hundred bytes. Click has no bound.
const MAX_ENTRIES: u64 = 1 << 16;

/// How long nobody is asked a second time.
const POLL_NS: u64 = 100_000_000;

/// The same after [`PATIENCE`] questions without an answer.
const SLOW_POLL_NS: u64 = 2_000_000_000;

/// Questions without an answer until they become rarer.
const PATIENCE: u8 = 10;

#[derive(Debug)]
struct Entry {
    address: Option<EtherAddress>,
    /// When it was last confirmed.
    live_ns: u64,
    number: u64,
    polled_ns: Option<u64>,
    polls_since_reply: u8,
    waiting: VecDeque<Packet>,
}

/// What came of looking an address up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) address: EtherAddress,
    /// Whether it is time to ask whether it is still so.
    pub(super) ask_again: bool,
}

impl Entry {
    const fn is_expired(&self, now_ns: u64, timeout_ns: u64) -> bool {
        timeout_ns != 0 && self.live_ns.saturating_add(timeout_ns) < now_ns
    }

    fn known(&self, now_ns: u64, timeout_ns: u64) -> Option<EtherAddress> {
        self.address
            .filter(|_| !self.is_expired(now_ns, timeout_ns))
    }

    /// Whether it is time to ask for it; notes that this happens.
    fn poll(&mut self, now_ns: u64) -> bool {
        let pause = match self.polls_since_reply {
            PATIENCE.. => SLOW_POLL_NS,
            _ => POLL_NS,
        };
        let due = self.polled_ns.map_or(0, |last| last.saturating_add(pause));
        let polls = now_ns >= due;
        if polls {
            self.polled_ns = Some(now_ns);
            self.polls_since_reply = self.polls_since_reply.saturating_add(1);
        }
        polls
    }
}

impl ArpTable {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: BTreeMap::new(),
            ages: BTreeMap::new(),
            next_number: 0,
            packets: 0,
            drops: 0,
        }
    }

    /// Number of entries.
    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }

    /// Number of packets that wait.
    pub(super) const fn packets(&self) -> u64 {
        self.packets
    }

    /// Packets that were dropped because they were too many, or waited for too long.
    pub(super) const fn drops(&self) -> u64 {
        self.drops
    }

    /// Forgets everything. Packets that wait are dropped.
    pub(super) fn clear(&mut self) {
        self.drops = self.drops.saturating_add(self.packets);
        self.packets = 0;
        self.entries.clear();
        self.ages.clear();
    }

    /// The Ethernet address of a neighbour. `poll_ns`: after what time it is asked whether it is still
    /// there; 0 for never.
    pub(super) fn look_up(&mut self, ip: Ipv4Addr, now_ns: u64, poll_ns: u64) -> Option<Found> {
        let entry = self.entries.get_mut(&ip)?;
        let address = entry.known(now_ns, self.limits.timeout_ns)?;
        let old = poll_ns != 0 && now_ns >= entry.live_ns.saturating_add(poll_ns);
        let ask_again = old && entry.poll(now_ns);
        Some(Found { address, ask_again })
    }

    /// Notes the address of a neighbour, or that it is not known, and gives the packets that waited
    /// for it, oldest first.
    pub(super) fn insert(
        &mut self,
        ip: Ipv4Addr,
        address: Option<EtherAddress>,
        now_ns: u64,
    ) -> VecDeque<Packet> {
        self.ensure(ip, now_ns);
        self.set_age(ip, now_ns);
        let Some(entry) = self.entries.get_mut(&ip) else {
            return VecDeque::new();
        };
        entry.address = address;
        entry.polls_since_reply = 0;
        entry.polled_ns = None;
        let waiting = core::mem::take(&mut entry.waiting);
        self.packets = self.packets.saturating_sub(count(&waiting));
        waiting
    }

    /// Lets a packet wait for the address of a neighbour, and says whether it is time to ask for it.
    pub(super) fn wait(&mut self, ip: Ipv4Addr, packet: Packet, now_ns: u64) -> bool {
        self.ensure(ip, now_ns);
        // What packets are waiting for is not forgotten before them.
        let oldest = now_ns.saturating_sub(self.limits.timeout_ns);
        if self.limits.timeout_ns != 0 && self.entries.get(&ip).is_some_and(|e| e.live_ns < oldest)
        {
            self.set_age(ip, oldest);
        }
        let most = self.limits.entry_packets;
        let full = |entry: &Entry| most != 0 && count(&entry.waiting) >= most;
        if self.entries.get(&ip).is_none_or(full) {
            self.drops = self.drops.saturating_add(1);
            return false;
        }
        self.packets = self.packets.saturating_add(1);
        if self.limits.packets != 0 && self.packets > self.limits.packets {
            self.slim(now_ns);
        }
        let Some(entry) = self.entries.get_mut(&ip) else {
            self.packets = self.packets.saturating_sub(1);
            return false;
        };
        entry.waiting.push_back(packet);
        entry.poll(now_ns)
    }

    /// Makes sure that there is an entry.
    fn ensure(&mut self, ip: Ipv4Addr, now_ns: u64) {
        if self.entries.contains_key(&ip) {
            return;
        }
        self.make_room(now_ns);
        let number = self.number();
        self.ages.insert((now_ns, number), ip);
        let entry = Entry {
            address: None,
            live_ns: now_ns,
            number,
            polled_ns: None,
            polls_since_reply: 0,
            waiting: VecDeque::new(),
        };
        self.entries.insert(ip, entry);
    }

    const fn number(&mut self) -> u64 {
        self.next_number = self.next_number.wrapping_add(1);
        self.next_number
    }

    fn set_age(&mut self, ip: Ipv4Addr, live_ns: u64) {
        let number = self.number();
        if let Some(entry) = self.entries.get_mut(&ip) {
            self.ages.remove(&(entry.live_ns, entry.number));
            (entry.live_ns, entry.number) = (live_ns, number);
            self.ages.insert((live_ns, number), ip);
        }
    }

    /// Removes entries, the oldest first, until there is room for one more.
    fn make_room(&mut self, now_ns: u64) {
        let most = match self.limits.entries {
            0 => MAX_ENTRIES,
            most => most,
        };
        let fits = |table: &Self| u64::try_from(table.entries.len()).is_ok_and(|len| len < most);
        if fits(self) {
            return;
        }
        self.expire(now_ns);
        while !fits(self) && self.remove_oldest() {}
    }

    /// Removes the entries that hold no longer, and packets until there are few enough again.
    pub(super) fn slim(&mut self, now_ns: u64) {
        self.expire(now_ns);
        let most = self.limits.packets;
        if most == 0 || self.packets <= most {
            return;
        }
        let part = most.checked_div(self.limits.slim_factor).unwrap_or(most);
        // The packet that came last may not be among those that wait yet.
        let wanted = most.saturating_sub(part).max(1);
        for ip in self.ages.values() {
            let Some(entry) = self.entries.get_mut(ip) else {
                continue;
            };
            while self.packets > wanted && entry.waiting.pop_front().is_some() {
                self.packets = self.packets.saturating_sub(1);
                self.drops = self.drops.saturating_add(1);
            }
        }
    }

    fn expire(&mut self, now_ns: u64) {
        let timeout_ns = self.limits.timeout_ns;
        let is_old = |table: &Self| {
            let oldest = table.ages.first_key_value();
            let entry = oldest.and_then(|(_, ip)| table.entries.get(ip));
            entry.is_some_and(|entry| entry.is_expired(now_ns, timeout_ns))
        };
        while is_old(self) && self.remove_oldest() {}
    }

    /// Removes the oldest entry and the packets that wait for it. Whether there was one.
    fn remove_oldest(&mut self) -> bool {
        let Some((_, ip)) = self.ages.pop_first() else {
            return false;
        };
        if let Some(entry) = self.entries.remove(&ip) {
            let waiting = count(&entry.waiting);
            self.packets = self.packets.saturating_sub(waiting);
            self.drops = self.drops.saturating_add(waiting);
        }
        true
    }

    /// A line for each entry, oldest first: address, whether it is known, Ethernet address, age.
    pub(super) fn list(&self, now_ns: u64) -> String {
        let entries = self.ages.values();
        let entries = entries.filter_map(|ip| Some((ip, self.entries.get(ip)?)));
        let lines = entries.map(|(ip, entry)| {
            let known = entry.known(now_ns, self.limits.timeout_ns).is_some();
            let address = entry.address.unwrap_or(EtherAddress::BROADCAST);
            let age = seconds(now_ns.saturating_sub(entry.live_ns));
            format!("{ip} {} {address} {age}\n", u8::from(known))
        });
        lines.collect()
    }
}

fn count(packets: &VecDeque<Packet>) -> u64 {
    u64::try_from(packets.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn table(packets: u64, entries: u64) -> ArpTable {
        ArpTable::new(Limits {
            packets,
            entries,
            entry_packets: 0,
            slim_factor: 2,
            timeout_ns: SECOND,
        })
    }

    fn ip(last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, last)
    }

    const HOST: Option<EtherAddress> = Some(EtherAddress([2, 0, 0, 0, 0, 1]));

    #[test]
    fn packets_wait_for_an_answer() {
        let mut table = table(10, 0);
        assert!(table.wait(ip(1), Packet::empty(), 0), "the first asks");
        assert!(!table.wait(ip(1), Packet::empty(), POLL_NS - 1));
        assert!(table.wait(ip(1), Packet::empty(), POLL_NS));
        assert_eq!((table.packets(), table.look_up(ip(1), 0, 0)), (3, None));
        assert_eq!(table.insert(ip(1), HOST, POLL_NS).len(), 3);
        assert_eq!(table.packets(), 0);
        let found = |ask_again| HOST.map(|address| Found { address, ask_again });
        assert_eq!(table.look_up(ip(1), SECOND, 0), found(false));
        assert_eq!(table.look_up(ip(1), SECOND, SECOND / 2), found(true));
        assert_eq!(table.look_up(ip(1), SECOND + 1, SECOND / 2), found(false));
        assert_eq!(
            table.look_up(ip(1), SECOND + POLL_NS + 1, 0),
            None,
            "too old"
        );
        table.insert(ip(1), None, SECOND);
        assert_eq!(table.look_up(ip(1), SECOND, 0), None);
    }

    #[test]
    fn questions_become_rarer() {
        let mut table = table(0, 0);
        let asked = (0..40).filter(|step| table.wait(ip(1), Packet::empty(), step * POLL_NS));
        assert_eq!(asked.count(), 11, "ten at once, one two seconds later");
    }

    #[test]
    fn packets_and_entries_are_bounded() {
        let mut table = table(4, 2);
        for _ in 0..4 {
            table.wait(ip(1), Packet::empty(), 0);
        }
        table.wait(ip(2), Packet::empty(), 1);
        assert_eq!(
            (table.packets(), table.drops()),
            (2, 3),
            "half went, oldest first"
        );
        table.insert(ip(3), HOST, 2);
        assert_eq!((table.count(), table.packets(), table.drops()), (2, 1, 4));
        table.slim(SECOND + 2);
        assert_eq!((table.count(), table.packets(), table.drops()), (1, 0, 5));
        assert_eq!(table.list(2), "10.0.0.3 1 02-00-00-00-00-01 0.000000\n");
        table.clear();
        assert_eq!((table.count(), table.list(2).as_str()), (0, ""));
    }

    #[test]
    fn a_table_without_limit_is_bounded_too() {
        let mut table = ArpTable::new(Limits {
            packets: 0,
            entries: 0,
            entry_packets: 1,
            slim_factor: 2,
            timeout_ns: 0,
        });
        for number in 0..u32::try_from(MAX_ENTRIES).unwrap() + 3 {
            table.insert(Ipv4Addr::from_bits(number), HOST, number.into());
        }
        assert_eq!(u64::try_from(table.count()), Ok(MAX_ENTRIES));
        table.wait(ip(1), Packet::empty(), 0);
        table.wait(ip(1), Packet::empty(), 0);
        assert_eq!((table.packets(), table.drops()), (1, 1));
    }
}
