//! Network devices: frames come and go through rings of buffers that are allocated once.
//!
//! The drivers of `virtio-drivers` tell the device of each buffer, and each time the whole machine stops
//! for that. Here, its queues are used directly, and the device is told once for a burst.

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

use bpf_runtime::PacketType;
use click_graph::HostError;
use click_graph::host::{Device, Frame};
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::Transport as _;

use super::{Machine, Transport};

/// Buffers of a queue: as many as QEMU's and Firecracker's devices have.
const QUEUE: usize = 256;

/// Bytes of a buffer: the header and the largest frame without jumbo frames.
const BUFFER: usize = 2048;

/// Buffers that are given back to the device before it is told so.
const BURST: usize = 64;

const RECEIVE: u16 = 0;
const SEND: u16 = 1;

bitflags::bitflags! {
    /// What devices offer, of what is taken here. Without event indices: `virtio-drivers` compares them
    /// without regard to their wrapping around.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Features: u64 {
        const MAC = 1 << 5;
        const VERSION_1 = 1 << 32;
    }
}

/// A device that is ready.
#[derive(Debug)]
pub(crate) struct Nic {
    pub(crate) address: [u8; 6],
    /// Until an element receives from it.
    pub(crate) receiver: Option<Receiver>,
    sender: Rc<RefCell<Queue>>,
}

/// One queue, its buffers, and who has them.
struct Queue {
    queue: VirtQueue<Machine, QUEUE>,
    number: u16,
    transport: Rc<RefCell<Transport>>,
    /// By buffer; never freed, since a device that misbehaves may write to them at any time.
    buffers: Vec<&'static mut [u8; BUFFER]>,
    /// By token of the queue: the buffer that the device has, and how much of it.
    with_device: [Option<(usize, usize)>; QUEUE],
    /// Buffers that we have.
    ours: Vec<usize>,
    /// Buffers that the device has been given without having been told.
    untold: usize,
    /// Bytes of the header before each frame.
    header: usize,
}

impl core::fmt::Debug for Queue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Nic {
    /// Makes a device ready.
    pub(crate) fn new(mut transport: Transport) -> Result<Self, String> {
        let error = |error: virtio_drivers::Error| format!("{error}");
        let features = transport.begin_init(Features::all());
        let mut address = [0; 6];
        for (offset, byte) in address.iter_mut().enumerate() {
            *byte = transport.read_config_space(offset).map_err(error)?;
        }
        let header = match features.contains(Features::VERSION_1) {
            true => 12,
            false => 10,
        };
        let receive = VirtQueue::new(&mut transport, RECEIVE, false, false).map_err(error)?;
        let send = VirtQueue::new(&mut transport, SEND, false, false).map_err(error)?;
        transport.finish_init();
        let transport = Rc::new(RefCell::new(transport));
        let queue = |queue, number| Queue::new(queue, number, Rc::clone(&transport), header);
        let mut receive = queue(receive, RECEIVE);
        while let Some(buffer) = receive.ours.pop() {
            receive.give_empty(buffer).map_err(error)?;
        }
        receive.tell();
        Ok(Self {
            address,
            receiver: Some(Receiver {
                queue: receive,
                current: None,
            }),
            sender: Rc::new(RefCell::new(queue(send, SEND))),
        })
    }

    /// A device to send with; all share one queue.
    pub(crate) fn sender(&self) -> Sender {
        Sender {
            queue: Rc::clone(&self.sender),
        }
    }
}

impl Queue {
    fn new(
        mut queue: VirtQueue<Machine, QUEUE>,
        number: u16,
        transport: Rc<RefCell<Transport>>,
        header: usize,
    ) -> Self {
        queue.set_dev_notify(false);
        Self {
            queue,
            number,
            transport,
            buffers: (0..QUEUE).map(|_| Box::leak(Box::new([0; BUFFER]))).collect(),
            with_device: [None; QUEUE],
            ours: (0..QUEUE).collect(),
            untold: 0,
            header,
        }
    }

    /// Gives the device a buffer to write to.
    fn give_empty(&mut self, number: usize) -> virtio_drivers::Result<()> {
        let Some(buffer) = self.buffers.get_mut(number) else {
            return Err(virtio_drivers::Error::InvalidParam);
        };
        // SAFETY: the buffer lives forever, and `with_device` keeps it from being used until it is popped.
        let token = unsafe { self.queue.add(&[], &mut [&mut buffer[..]]) }?;
        self.remember(token, number, BUFFER);
        Ok(())
    }

    /// Gives the device a buffer to read so many bytes of.
    fn give_full(&mut self, number: usize, len: usize) -> virtio_drivers::Result<()> {
        let bytes = self.buffers.get(number).and_then(|buffer| buffer.get(..len));
        let bytes = bytes.ok_or(virtio_drivers::Error::InvalidParam)?;
        // SAFETY: as above.
        let token = unsafe { self.queue.add(&[bytes], &mut []) }?;
        self.remember(token, number, len);
        Ok(())
    }

    fn remember(&mut self, token: u16, number: usize, len: usize) {
        if let Some(place) = self.with_device.get_mut(usize::from(token)) {
            *place = Some((number, len));
        }
        self.untold = self.untold.saturating_add(1);
    }

    /// Takes back a buffer that the device is done with: its number, and the bytes that were written.
    fn take_back(&mut self) -> Result<Option<(usize, usize)>, HostError> {
        let Some(token) = self.queue.peek_used() else {
            return Ok(None);
        };
        let place = self.with_device.get_mut(usize::from(token));
        let Some((number, len)) = place.and_then(Option::take) else {
            return Err(failed("it gives back what it does not have"));
        };
        let Some(buffer) = self.buffers.get_mut(number) else {
            return Err(failed("it gives back what it does not have"));
        };
        let whole: &mut [u8] = &mut buffer[..];
        let popped = match self.number {
            // SAFETY: the buffer that was added when the queue gave this token.
            RECEIVE => unsafe { self.queue.pop_used(token, &[], &mut [whole]) },
            _ => {
                let (sent, _) = whole.split_at(len.min(BUFFER));
                // SAFETY: as above, and as much of it.
                unsafe { self.queue.pop_used(token, &[sent], &mut []) }
            }
        };
        let written = popped.map_err(|error| failed(&format!("{error}")))?;
        let written = usize::try_from(written).unwrap_or(BUFFER);
        Ok(Some((number, written.min(BUFFER))))
    }

    /// Tells the device that it has got buffers.
    fn tell(&mut self) {
        if self.untold > 0 && self.queue.should_notify() {
            self.transport.borrow_mut().notify(self.number);
        }
        self.untold = 0;
    }
}

/// Receives from a device.
#[derive(Debug)]
pub(crate) struct Receiver {
    queue: Queue,
    /// The buffer whose frame was received last.
    current: Option<usize>,
}

impl Receiver {
    /// The buffer of the frame before goes back to the device.
    fn give_back(&mut self) -> Result<(), HostError> {
        let Some(number) = self.current.take() else {
            return Ok(());
        };
        let given = self.queue.give_empty(number);
        given.map_err(|error| failed(&format!("{error}")))?;
        if self.queue.untold >= BURST {
            self.queue.tell();
        }
        Ok(())
    }
}

impl Device for Receiver {
    fn receive(&mut self, now_ns: u64) -> Result<Option<Frame<'_>>, HostError> {
        // What is too short to be a frame is none; a device that sends nothing else does not keep us.
        for _ in 0..QUEUE {
            self.give_back()?;
            let Some((number, written)) = self.queue.take_back()? else {
                self.queue.tell();
                return Ok(None);
            };
            self.current = Some(number);
            if written > self.queue.header {
                let header = self.queue.header;
                let buffer = self.queue.buffers.get(number);
                let bytes = buffer.and_then(|buffer| buffer.get(header..written));
                let bytes = bytes.unwrap_or_default();
                return Ok(Some(Frame {
                    bytes,
                    time_ns: now_ns,
                    packet_type: packet_type(bytes),
                }));
            }
        }
        Ok(None)
    }

    fn next_ns(&self) -> Option<u64> {
        Some(u64::MAX)
    }

    fn send(&mut self, _: &[u8], _: u64) -> Result<bool, HostError> {
        Ok(false)
    }

    fn flush(&mut self, _: u64) -> Result<Option<u64>, HostError> {
        Ok(None)
    }

    fn finish(&mut self) -> Result<(), HostError> {
        Ok(())
    }
}

/// Sends with a device.
#[derive(Debug)]
pub(crate) struct Sender {
    queue: Rc<RefCell<Queue>>,
}

impl Device for Sender {
    fn receive(&mut self, _: u64) -> Result<Option<Frame<'_>>, HostError> {
        Ok(None)
    }

    fn next_ns(&self) -> Option<u64> {
        None
    }

    /// What is longer than a frame of the link can be is lost, as on a wire.
    fn send(&mut self, frame: &[u8], _: u64) -> Result<bool, HostError> {
        let queue = &mut *self.queue.borrow_mut();
        while let Some((number, _)) = queue.take_back()? {
            queue.ours.push(number);
        }
        let end = queue.header.saturating_add(frame.len());
        if end > BUFFER || frame.is_empty() {
            return Ok(true);
        }
        let Some(number) = queue.ours.pop() else {
            queue.tell();
            return Ok(false);
        };
        if let Some(buffer) = queue.buffers.get_mut(number) {
            let (header, rest) = buffer.split_at_mut(queue.header);
            // No checksum to be completed, nothing to be cut into segments.
            header.fill(0);
            if let Some(place) = rest.get_mut(..frame.len()) {
                place.copy_from_slice(frame);
            }
        }
        let given = queue.give_full(number, end);
        given.map_err(|error| failed(&format!("{error}")))?;
        Ok(true)
    }

    fn flush(&mut self, _: u64) -> Result<Option<u64>, HostError> {
        self.queue.borrow_mut().tell();
        Ok(None)
    }

    fn finish(&mut self) -> Result<(), HostError> {
        self.queue.borrow_mut().tell();
        Ok(())
    }
}

/// Whom a frame is sent to; whether it is for this machine is for the router to say.
fn packet_type(frame: &[u8]) -> PacketType {
    match frame.get(..6) {
        Some([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]) => PacketType::Broadcast,
        Some([first, ..]) if first & 1 != 0 => PacketType::Multicast,
        _ => PacketType::Host,
    }
}

fn failed(reason: &str) -> HostError {
    HostError::Device {
        name: "virtio".into(),
        reason: reason.into(),
    }
}
