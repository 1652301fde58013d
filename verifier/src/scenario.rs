//! Runs of a program, described so that they can be repeated anywhere: everything that a run depends
//! on, and nothing that it does not.

use bpf_object::Image;
use bpf_runtime::{
    Annotations, DeterministicEnvironment, Environment, Errno, Fault, HelperCall, Instance, Maps,
    Observer, Outcome, Packet,
};
use platform_click::HelperId;

use crate::wire::{Bytes, Input, Malformed, Wire, wire_struct};

/// Keys hashes in runs that are repeated; no program sees a difference.
const MAP_SECRET: [u64; 2] = [0, 0];

/// Keys of lookups that are noted in one run.
const MAX_LOOKUPS: usize = 16;

/// Runs of one program, one after the other, that begin with empty maps and data as linked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scenario {
    /// The runs. What one leaves in maps and data is there in the next.
    pub steps: Vec<Step>,
}

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Entries that are put into maps before.
    pub entries: Vec<Entry>,
    /// The packet; at most [`platform_click::limits::MAX_PACKET_SIZE`] bytes.
    pub packet: Vec<u8>,
    /// What the context says besides.
    pub annotations: Annotations,
    /// The clock.
    pub clock: Clock,
    /// The random numbers.
    pub draws: Draws,
    /// Calls of helpers that fail.
    pub refusals: Vec<Refusal>,
    /// The seed of the addresses that the program sees
    /// ([`Instance::set_address_seed`](bpf_runtime::Instance::set_address_seed)).
    pub addresses: u64,
}

/// An entry that is put into a map, unless the map does not take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Index of the map in the image.
    pub map: u32,
    /// The key, of the map's key size.
    pub key: Vec<u8>,
    /// The value, of the map's value size.
    pub value: Vec<u8>,
}

/// What `bpf_ktime_get_ns` returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// At first, in nanoseconds.
    pub start_ns: u64,
    /// How much more each time, in nanoseconds; 0 for a clock that stands still.
    pub step_ns: u64,
}

/// What `bpf_get_prandom_u32` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draws {
    /// The same number each time.
    Constant(u32),
    /// The numbers of [`DeterministicEnvironment`] of this seed.
    Seed(u64),
}

impl Default for Draws {
    fn default() -> Self {
        Self::Constant(0)
    }
}

/// Calls of one helper that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The helper.
    pub helper: HelperId,
    /// The first call of it that fails, from 0.
    pub first: u32,
    /// How many fail, from that on.
    pub count: u32,
    /// How they fail.
    pub errno: Errno,
}

impl Scenario {
    /// Repeats the runs and tells how the last one ended. None when there are no runs, or when the
    /// program cannot be made ready.
    #[must_use]
    pub fn replay(&self, image: &Image, fuel: u64) -> Option<Result<Outcome, Fault>> {
        let mut instance = instance(image).ok()?;
        let mut last = None;
        for step in &self.steps {
            let prepared = step.prepare(&mut instance).ok()?;
            last = Some(
                prepared
                    .run(&mut instance, fuel, &mut bpf_runtime::NoObserver)
                    .0,
            );
        }
        last
    }
}

/// A new instance, as scenarios begin with.
pub(crate) fn instance(image: &Image) -> Result<Instance, String> {
    let maps = Maps::new(image.maps(), MAP_SECRET).map_err(|error| error.to_string())?;
    Instance::new(image, maps).map_err(|error| error.to_string())
}

/// A run that is ready to begin.
pub(crate) struct Prepared<'a> {
    packet: Packet,
    world: World<'a>,
}

impl Step {
    /// Fills maps, moves the program's memory and makes the packet.
    pub(crate) fn prepare(&self, instance: &mut Instance) -> Result<Prepared<'_>, String> {
        for entry in &self.entries {
            let map = usize::try_from(entry.map).unwrap_or(usize::MAX);
            if let Some(map) = instance.maps_mut().get_mut(map) {
                // A full map, or an index out of range, is as good a content as another.
                let _ = map.update(&entry.key, &entry.value, 0);
            }
        }
        instance.set_address_seed(self.addresses);
        let mut packet = Packet::new(&self.packet).map_err(|error| error.to_string())?;
        packet.annotations = self.annotations;
        Ok(Prepared {
            packet,
            world: World::new(self),
        })
    }
}

/// A key that a program looked up: the map's index, and the key.
pub(crate) type Lookup = (u32, Vec<u8>);

impl Prepared<'_> {
    /// Runs: how it ended, and which keys were looked up.
    pub(crate) fn run(
        mut self,
        instance: &mut Instance,
        fuel: u64,
        observer: &mut impl Observer,
    ) -> (Result<Outcome, Fault>, Vec<Lookup>) {
        let result = instance.run_observed(&mut self.packet, &mut self.world, fuel, observer);
        (result, self.world.lookups)
    }
}

/// The environment of one run.
struct World<'a> {
    step: &'a Step,
    environment: DeterministicEnvironment,
    /// Calls so far of each helper that was called.
    calls: Vec<(HelperId, u32)>,
    lookups: Vec<Lookup>,
}

impl<'a> World<'a> {
    fn new(step: &'a Step) -> Self {
        let seed = match step.draws {
            Draws::Seed(seed) => seed,
            Draws::Constant(_) => 0,
        };
        let mut environment = DeterministicEnvironment::new(seed);
        environment.now_ns = step.clock.start_ns;
        environment.step_ns = step.clock.step_ns;
        Self {
            step,
            environment,
            calls: Vec::new(),
            lookups: Vec::new(),
        }
    }

    /// How often the helper was called before.
    fn count(&mut self, helper: HelperId) -> u32 {
        match self.calls.iter_mut().find(|(called, _)| *called == helper) {
            Some((_, count)) => {
                let before = *count;
                *count = before.saturating_add(1);
                before
            }
            None => {
                self.calls.push((helper, 1));
                0
            }
        }
    }
}

impl Environment for World<'_> {
    fn refuse(&mut self, call: &HelperCall<'_>) -> Option<Errno> {
        if let (HelperId::MapLookupElem, Some(map)) = (call.helper, call.map)
            && self.lookups.len() < MAX_LOOKUPS
        {
            self.lookups.push((map, call.key.to_vec()));
        }
        if self.step.refusals.is_empty() {
            return None;
        }
        let before = self.count(call.helper);
        let refusals = self.step.refusals.iter();
        let mut refusals = refusals.filter(|refusal| {
            let last = refusal.first.saturating_add(refusal.count);
            refusal.helper == call.helper && (refusal.first..last).contains(&before)
        });
        refusals.next().map(|refusal| refusal.errno)
    }

    fn clock_ns(&mut self) -> u64 {
        self.environment.clock_ns()
    }

    fn random_u32(&mut self) -> u32 {
        match self.step.draws {
            Draws::Constant(number) => number,
            Draws::Seed(_) => self.environment.random_u32(),
        }
    }

    fn trace(&mut self, text: &str) {
        self.environment.trace(text);
    }
}

/// The errors that a helper may be made to return.
pub(crate) const ERRNOS: [Errno; 6] = [
    Errno::TooBig,
    Errno::NoEntry,
    Errno::Exists,
    Errno::Invalid,
    Errno::TryAgain,
    Errno::NoMemory,
];

wire_struct!(Scenario { steps });
wire_struct!(Clock { start_ns, step_ns });

impl Wire for Step {
    fn put(&self, out: &mut Vec<u8>) {
        let Self {
            entries,
            packet,
            annotations,
            clock,
            draws,
            refusals,
            addresses,
        } = self;
        entries.put(out);
        Bytes(packet.clone()).put(out);
        annotations.port.put(out);
        annotations.mark.put(out);
        annotations.rx_time_ns.put(out);
        annotations.delay_ns.put(out);
        clock.put(out);
        draws.put(out);
        refusals.put(out);
        addresses.put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            entries: Wire::get(input)?,
            packet: Bytes::get(input)?.0,
            annotations: Annotations {
                port: Wire::get(input)?,
                mark: Wire::get(input)?,
                rx_time_ns: Wire::get(input)?,
                delay_ns: Wire::get(input)?,
            },
            clock: Wire::get(input)?,
            draws: Wire::get(input)?,
            refusals: Wire::get(input)?,
            addresses: Wire::get(input)?,
        })
    }
}

impl Wire for Entry {
    fn put(&self, out: &mut Vec<u8>) {
        self.map.put(out);
        Bytes(self.key.clone()).put(out);
        Bytes(self.value.clone()).put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            map: Wire::get(input)?,
            key: Bytes::get(input)?.0,
            value: Bytes::get(input)?.0,
        })
    }
}

impl Wire for Draws {
    fn put(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Constant(number) => (0_u8, u64::from(number)).put(out),
            Self::Seed(seed) => (1_u8, seed).put(out),
        }
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        match <(u8, u64)>::get(input)? {
            (0, number) => u32::try_from(number)
                .map(Self::Constant)
                .map_err(|_| Malformed),
            (1, seed) => Ok(Self::Seed(seed)),
            _ => Err(Malformed),
        }
    }
}

impl Wire for Refusal {
    fn put(&self, out: &mut Vec<u8>) {
        self.helper.spec().id.put(out);
        self.first.put(out);
        self.count.put(out);
        u32::from(self.errno.number()).put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            helper: HelperId::from_number(Wire::get(input)?).ok_or(Malformed)?,
            first: Wire::get(input)?,
            count: Wire::get(input)?,
            errno: {
                let number = u32::get(input)?;
                let mut errnos = ERRNOS.into_iter();
                let errno = errnos.find(|errno| u32::from(errno.number()) == number);
                errno.ok_or(Malformed)?
            },
        })
    }
}
