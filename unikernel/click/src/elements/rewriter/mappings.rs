//! Mappings of flows, and how long they last.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::flow::{FlowId, TcpState};

/// Mappings of one or more rewriters that share a capacity.
#[derive(Debug)]
pub(super) struct Mappings {
    pub(super) capacity: usize,
    flows: Vec<Option<Flow>>,
    free: Vec<usize>,
    /// Each flow twice: as its packets are seen, and as the answers to what they become.
    ends: BTreeMap<Key, End>,
    /// Flows whose guarantee may have ended, and others, by when that is at the earliest.
    queues: [BTreeSet<(u64, usize)>; 2],
}

/// A flow as a rewriter sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) rewriter: usize,
    pub(super) protocol: u8,
    pub(super) id: FlowId,
}

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) flow: usize,
    pub(super) is_reply: bool,
}

/// A mapping.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub(super) rewriter: usize,
    pub(super) protocol: u8,
    pub(super) input: usize,
    pub(super) outputs: [usize; 2],
    pub(super) from: FlowId,
    pub(super) to: FlowId,
    pub(super) reply_note: u8,
    pub(super) timeouts: Timeouts,
    /// Until when it is not removed for others; without guarantee, until when it lasts.
    expiry_ns: u64,
    is_guaranteed: bool,
    tcp: TcpFlow,
    /// Whether packets went back.
    replied: bool,
    /// Where it stands in the queues.
    queued: (usize, u64),
}

/// How long a mapping lasts, in nanoseconds since its last packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timeouts {
    /// At least, whatever others need; 0 for no guarantee.
    pub(super) guarantee_ns: u64,
    pub(super) ordinary_ns: u64,
    /// With data in both directions.
    pub(super) data_ns: u64,
    /// With both directions closed.
    pub(super) done_ns: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct TcpFlow {
    done: [bool; 2],
    data: [bool; 2],
}

const BEST_EFFORT: usize = 0;
const GUARANTEED: usize = 1;

impl Flow {
    /// How long it lasts after a packet, guarantees aside.
    const fn timeout_ns(&self) -> u64 {
        match self.tcp {
            TcpFlow {
                done: [true, true], ..
            } => self.timeouts.done_ns,
            TcpFlow {
                data: [true, true], ..
            } => self.timeouts.data_ns,
            // UDP in both directions is a stream.
            _ if self.replied && self.protocol != crate::headers::ipv4::TCP => {
                self.timeouts.data_ns
            }
            _ => self.timeouts.ordinary_ns,
        }
    }

    /// When it may be removed, guarantees aside.
    pub(super) const fn best_effort_ns(&self) -> u64 {
        if self.is_guaranteed {
            let end = self.expiry_ns.saturating_add(self.timeout_ns());
            end.saturating_sub(self.timeouts.guarantee_ns)
        } else {
            self.expiry_ns
        }
    }

    /// The flow that packets at one end become.
    pub(super) const fn rewritten(&self, is_reply: bool) -> FlowId {
        if is_reply {
            self.from.reverse()
        } else {
            self.to
        }
    }

    /// The flow that packets at one end have.
    pub(super) const fn seen(&self, is_reply: bool) -> FlowId {
        if is_reply {
            self.to.reverse()
        } else {
            self.from
        }
    }

    fn note(&mut self, tcp: TcpState, is_reply: bool, now_ns: u64) {
        let side = usize::from(is_reply);
        self.replied |= is_reply;
        if tcp.reset {
            self.tcp.done = [true; 2];
        }
        if let Some(done) = self.tcp.done.get_mut(side) {
            *done = (*done || tcp.fin) && !tcp.goes_on;
        }
        if let Some(data) = self.tcp.data.get_mut(side) {
            *data |= tcp.has_data;
        }
        let guarantee_ns = self.timeouts.guarantee_ns;
        self.is_guaranteed = guarantee_ns != 0;
        let lasts = if self.is_guaranteed {
            guarantee_ns
        } else {
            self.timeout_ns()
        };
        self.expiry_ns = now_ns.saturating_add(lasts);
    }
}

impl Mappings {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            flows: Vec::new(),
            free: Vec::new(),
            ends: BTreeMap::new(),
            queues: [BTreeSet::new(), BTreeSet::new()],
        }
    }

    /// Number of mappings.
    pub(super) fn size(&self) -> usize {
        self.flows.len().saturating_sub(self.free.len())
    }

    pub(super) fn find(&self, key: Key) -> Option<End> {
        self.ends.get(&key).copied()
    }

    pub(super) fn flow(&self, index: usize) -> Option<&Flow> {
        self.flows.get(index)?.as_ref()
    }

    pub(super) fn flow_mut(&mut self, index: usize) -> Option<&mut Flow> {
        self.flows.get_mut(index)?.as_mut()
    }

    /// The mappings of a rewriter as it sees them, one line for each end.
    pub(super) fn ends(&self, rewriter: usize) -> impl Iterator<Item = (&Flow, bool)> {
        let ends = self
            .ends
            .iter()
            .filter(move |(key, _)| key.rewriter == rewriter);
        ends.filter_map(|(_, end)| Some((self.flow(end.flow)?, end.is_reply)))
    }

    /// Notes a packet of a flow.
    pub(super) fn note(&mut self, end: End, tcp: TcpState, now_ns: u64) {
        let Some(flow) = self.flow_mut(end.flow) else {
            return;
        };
        flow.note(tcp, end.is_reply, now_ns);
        // A flow that lasts longer is put in its place when its turn comes.
        let (_, queued_ns) = flow.queued;
        if flow.expiry_ns < queued_ns {
            self.queue(end.flow);
        }
    }

    /// Adds a mapping. `None` if there is no room for it, which a guarantee of others may take.
    pub(super) fn add(&mut self, new: NewFlow, now_ns: u64) -> Option<End> {
        let index = self.free.pop().unwrap_or_else(|| {
            self.flows.push(None);
            self.flows.len().saturating_sub(1)
        });
        let mut flow = Flow {
            rewriter: new.rewriter,
            protocol: new.protocol,
            input: new.input,
            outputs: new.outputs,
            from: new.from,
            to: new.to,
            reply_note: new.reply_note,
            timeouts: new.timeouts,
            expiry_ns: 0,
            is_guaranteed: false,
            tcp: TcpFlow::default(),
            replied: false,
            queued: (BEST_EFFORT, 0),
        };
        flow.note(TcpState::default(), false, now_ns);
        *self.flows.get_mut(index)? = Some(flow);
        for is_reply in [false, true] {
            let key = self.key(index, is_reply)?;
            let old = self.ends.insert(
                key,
                End {
                    flow: index,
                    is_reply,
                },
            );
            if let Some(old) = old.filter(|old| old.flow != index) {
                // `remove` leaves ends alone that belong to others by now.
                self.remove(old.flow);
            }
        }
        self.queue(index);
        if self.size() > self.capacity {
            self.make_room(index, now_ns);
        }
        // A flow whose answers look like itself has one end only.
        let known = self.find(self.key(index, false)?)?;
        (known.flow == index).then_some(End {
            flow: index,
            is_reply: false,
        })
    }

    fn key(&self, index: usize, is_reply: bool) -> Option<Key> {
        let flow = self.flow(index)?;
        Some(Key {
            rewriter: flow.rewriter,
            protocol: flow.protocol,
            id: flow.seen(is_reply),
        })
    }

    /// Puts a flow in its place in its queue.
    fn queue(&mut self, index: usize) {
        let Some(flow) = self.flow_mut(index) else {
            return;
        };
        let old = flow.queued;
        let new = (usize::from(flow.is_guaranteed), flow.expiry_ns);
        flow.queued = new;
        if let Some(queue) = self.queues.get_mut(old.0) {
            queue.remove(&(old.1, index));
        }
        if let Some(queue) = self.queues.get_mut(new.0) {
            queue.insert((new.1, index));
        }
    }

    /// The flow of a queue that ends first.
    fn first(&mut self, queue: usize) -> Option<(u64, usize)> {
        // Every round puts a flow in its place, where it stays.
        loop {
            let (queued_ns, index) = self.queues.get(queue)?.first().copied()?;
            let flow = self.flow(index)?;
            if usize::from(flow.is_guaranteed) == queue && flow.expiry_ns == queued_ns {
                return Some((queued_ns, index));
            }
            self.queue(index);
        }
    }

    /// Moves flows whose guarantee has ended to the others.
    fn end_guarantees(&mut self, now_ns: u64) {
        while let Some((until_ns, index)) = self.first(GUARANTEED)
            && until_ns < now_ns
        {
            if let Some(flow) = self.flow_mut(index) {
                flow.expiry_ns = flow.best_effort_ns();
                flow.is_guaranteed = false;
            }
            self.queue(index);
        }
    }

    /// Removes the flow that ends first, or the newest if all others are guaranteed.
    fn make_room(&mut self, newest: usize, now_ns: u64) {
        self.end_guarantees(now_ns);
        let first = self.first(BEST_EFFORT).map_or(newest, |(_, index)| index);
        self.remove(first);
    }

    /// Removes flows that have ended, and those beyond the capacity.
    pub(super) fn reap(&mut self, now_ns: u64) {
        self.end_guarantees(now_ns);
        while let Some((until_ns, index)) = self.first(BEST_EFFORT)
            && until_ns < now_ns
        {
            self.remove(index);
        }
        while self.size() > self.capacity {
            let first = self.first(BEST_EFFORT).or_else(|| self.first(GUARANTEED));
            let Some((_, index)) = first else { break };
            self.remove(index);
        }
    }

    /// Removes the flows for which something holds.
    pub(super) fn remove_where(&mut self, is_meant: impl Fn(&Flow) -> bool) {
        for index in 0..self.flows.len() {
            if self.flow(index).is_some_and(&is_meant) {
                self.remove(index);
            }
        }
    }

    fn remove(&mut self, index: usize) {
        for is_reply in [false, true] {
            if let Some(key) = self.key(index, is_reply)
                && self.find(key).is_some_and(|end| end.flow == index)
            {
                self.ends.remove(&key);
            }
        }
        let Some(flow) = self.flows.get_mut(index).and_then(Option::take) else {
            return;
        };
        if let Some(queue) = self.queues.get_mut(flow.queued.0) {
            queue.remove(&(flow.queued.1, index));
        }
        self.free.push(index);
    }
}

/// A mapping that is to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewFlow {
    pub(super) rewriter: usize,
    pub(super) protocol: u8,
    pub(super) input: usize,
    pub(super) outputs: [usize; 2],
    pub(super) from: FlowId,
    pub(super) to: FlowId,
    pub(super) reply_note: u8,
    pub(super) timeouts: Timeouts,
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    fn new(port: u16, guarantee_ns: u64) -> NewFlow {
        let from = FlowId {
            source: Ipv4Addr::new(10, 0, 0, 1),
            source_port: port,
            destination: Ipv4Addr::new(20, 0, 0, 2),
            destination_port: 80,
        };
        NewFlow {
            rewriter: 0,
            protocol: 6,
            input: 0,
            outputs: [0, 1],
            from,
            to: FlowId {
                source: Ipv4Addr::new(1, 0, 0, 1),
                ..from
            },
            reply_note: 0,
            timeouts: Timeouts {
                guarantee_ns,
                ordinary_ns: 100,
                data_ns: 1000,
                done_ns: 50,
            },
        }
    }

    fn lives(mappings: &Mappings, port: u16) -> bool {
        let id = new(port, 0).from;
        let there = |id| {
            let key = Key {
                rewriter: 0,
                protocol: 6,
                id,
            };
            mappings.find(key).is_some()
        };
        assert_eq!(
            there(id),
            there(new(port, 0).to.reverse()),
            "both ends or none"
        );
        there(id)
    }

    #[test]
    fn mappings_last_from_their_last_packet() {
        let mut mappings = Mappings::new(10);
        let one = mappings.add(new(1, 0), 0).unwrap();
        mappings.add(new(2, 0), 0).unwrap();
        mappings.note(one, TcpState::default(), 60);
        mappings.reap(101);
        assert_eq!((lives(&mappings, 1), lives(&mappings, 2)), (true, false));
        // Data in both directions lets it last longer, the end of both shorter.
        let data = TcpState {
            has_data: true,
            goes_on: true,
            ..TcpState::default()
        };
        let reply = End {
            is_reply: true,
            ..one
        };
        mappings.note(one, data, 150);
        mappings.note(reply, data, 150);
        mappings.reap(1100);
        assert!(lives(&mappings, 1));
        let fin = TcpState {
            fin: true,
            ..TcpState::default()
        };
        mappings.note(one, fin, 1100);
        mappings.reap(2000);
        assert!(lives(&mappings, 1), "one direction is open");
        mappings.note(reply, fin, 2000);
        mappings.reap(2051);
        assert!(!lives(&mappings, 1));
        assert_eq!(mappings.size(), 0);
    }

    #[test]
    fn a_guarantee_keeps_others_out() {
        let mut mappings = Mappings::new(2);
        mappings.add(new(1, 10), 0).unwrap();
        mappings.add(new(2, 10), 5).unwrap();
        assert_eq!(mappings.add(new(3, 10), 9), None);
        assert!(
            mappings.add(new(4, 10), 12).is_some(),
            "the first guarantee has ended"
        );
        let living = [1, 2, 3, 4].map(|port| lives(&mappings, port));
        assert_eq!(living, [false, true, false, true]);
        assert_eq!(mappings.size(), 2);
        mappings.capacity = 1;
        mappings.reap(13);
        assert_eq!(mappings.size(), 1);
    }

    #[test]
    fn whoever_gets_the_answers_is_the_only_one() {
        let mut mappings = Mappings::new(10);
        mappings.add(new(1, 0), 0).unwrap();
        let other = NewFlow {
            from: new(9, 0).from,
            ..new(1, 0)
        };
        mappings.add(other, 0).unwrap();
        assert_eq!(mappings.size(), 1);
        mappings.remove_where(|flow| flow.from == other.from);
        assert_eq!((mappings.size(), lives(&mappings, 1)), (0, false));
    }
}
