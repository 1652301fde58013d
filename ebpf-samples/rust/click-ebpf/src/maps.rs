//! Maps. Each is a `static` in the section `maps`, where the linker finds its definition.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::size_of;

use crate::Plain;
use crate::helpers::{map_delete_elem, map_lookup_elem, map_update_elem};

/// The definition of a map: what libbpf calls `struct bpf_map_def`, of the length that aya gives it.
#[repr(C)]
struct Definition {
    kind: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
    id: u32,
    pinning: u32,
}

macro_rules! maps {
    ($($(#[$doc:meta])* $name:ident $number:literal $flags:literal;)*) => {
        $($(#[$doc])*
        #[repr(transparent)]
        pub struct $name<K, V>(UnsafeCell<Definition>, PhantomData<(K, V)>);

        // SAFETY: a program runs alone, and the definition is never looked at.
        unsafe impl<K: Plain, V: Plain> Sync for $name<K, V> {}

        impl<K: Plain, V: Plain> $name<K, V> {
            /// A map with room for so many entries.
            pub const fn new(max_entries: u32) -> Self {
                Self(
                    UnsafeCell::new(Definition {
                        kind: $number,
                        key_size: size_of::<K>() as u32,
                        value_size: size_of::<V>() as u32,
                        max_entries,
                        flags: $flags,
                        id: 0,
                        pinning: 0,
                    }),
                    PhantomData,
                )
            }

            /// The value of a key, to be read and changed in place.
            #[inline(always)]
            pub fn with<R>(&self, key: &K, then: impl FnOnce(&mut V) -> R) -> Option<R> {
                // SAFETY: the map is one, and the key has its size.
                let value = unsafe { map_lookup_elem(self.0.get().cast(), (&raw const *key).cast()) };
                if value.is_null() {
                    return None;
                }
                // SAFETY: the value is there until the run ends, has this size, and no other reference
                // to it is left when this one is gone.
                Some(then(unsafe { &mut *value.cast::<V>() }))
            }

            /// A copy of the value of a key.
            #[inline(always)]
            pub fn get(&self, key: &K) -> Option<V> {
                self.with(key, |value| *value)
            }

            /// Sets the value of a key; whether there was room.
            #[inline(always)]
            pub fn set(&self, key: &K, value: &V) -> bool {
                let (map, key) = (self.0.get().cast(), (&raw const *key).cast());
                // SAFETY: the map is one, key and value have its sizes.
                unsafe { map_update_elem(map, key, (&raw const *value).cast(), 0) == 0 }
            }

            /// Takes a key out; whether it was there.
            #[inline(always)]
            pub fn remove(&self, key: &K) -> bool {
                // SAFETY: the map is one, and the key has its size.
                unsafe { map_delete_elem(self.0.get().cast(), (&raw const *key).cast()) == 0 }
            }
        })*
    };
}

maps! {
    /// A hash table.
    HashMap 1 0;
    /// Values by a 32-bit number, zero at first.
    Array 2 0;
    /// A hash table that gives up the entry used longest ago when it is full.
    LruHashMap 9 0;
    /// Values by prefix; keys are [`Prefix`].
    LpmTrie 11 1;
}

/// A prefix: a length in bits, and an address in network byte order.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Prefix<const N: usize> {
    /// Bits that count.
    pub length: u32,
    /// The address, in words as they are in packets.
    pub address: [u32; N],
}

// SAFETY: words without padding.
unsafe impl<const N: usize> Plain for Prefix<N> {}

/// Puts a map where the linker finds it, under the name that the control plane knows.
#[macro_export]
macro_rules! map {
    ($(#[$meta:meta])* $name:ident = $known_as:literal: $type:ty = $value:expr) => {
        $(#[$meta])*
        #[unsafe(link_section = "maps")]
        #[unsafe(export_name = $known_as)]
        static $name: $type = $value;
    };
}
