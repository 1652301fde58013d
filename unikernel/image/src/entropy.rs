//! Random numbers: from a device, or from the processor. Without either, the machine does not start.

use alloc::vec::Vec;
use core::arch::x86_64::{__cpuid, _rdrand64_step};

use virtio_drivers::transport::DeviceType;

use crate::virtio::{self, Transport};

/// Times that the processor is asked again: Intel's manual wants ten.
const RETRIES: u32 = 32;

/// Random bytes that nobody outside knows, and where they are from.
pub(crate) fn gather(devices: &mut Vec<Transport>) -> Option<([u8; 32], &'static str)> {
    let mut bytes = [0; 32];
    for device in virtio::take(devices, DeviceType::EntropySource) {
        if virtio::entropy(device, &mut bytes) {
            return Some((bytes, "virtio-rng"));
        }
    }
    const RDRAND: u32 = 1 << 30;
    if __cpuid(1).ecx & RDRAND == 0 {
        return None;
    }
    for chunk in bytes.chunks_exact_mut(8) {
        // SAFETY: the processor says that it has the instruction.
        let number = unsafe { from_processor() }?;
        chunk.copy_from_slice(&number.to_le_bytes());
    }
    Some((bytes, "rdrand"))
}

#[target_feature(enable = "rdrand")]
fn from_processor() -> Option<u64> {
    (0..RETRIES).find_map(|_| {
        let mut number = 0;
        (_rdrand64_step(&mut number) == 1).then_some(number)
    })
}
