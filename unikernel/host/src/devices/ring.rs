//! Memory that packet sockets share with the kernel, and what else only a raw call of the system does.
//!
//! A ring is an array of frames of equal size. Each begins with a header whose first field says whom the
//! frame belongs to: the kernel or us. Whoever it belongs to reads and writes the rest of it, and then
//! gives it away by writing the field last. TPACKET_V2 of `linux/if_packet.h`.
#![expect(
    unsafe_code,
    reason = "shared memory and structures of the system; each block has its proof"
)]
#![expect(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    reason = "constants of the system whose types differ from place to place, and numbers below the size of a ring"
)]

use core::ffi::{c_int, c_void};
use core::mem::{MaybeUninit, offset_of, size_of};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU32, Ordering};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use bpf_runtime::PacketType;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Bytes of a block, which the kernel allocates in one piece.
const BLOCK_SIZE: u32 = 1 << 16;

/// Blocks of a ring: 4 MiB, which holds what arrives in some milliseconds at 10 Gbit/s.
const BLOCKS: u32 = 64;

/// Bytes of a frame with its header: the largest of an interface without jumbo frames, rounded up to
/// what divides a block. What is longer is cut by the kernel and dropped here.
const FRAME_SIZE: u32 = 1 << 11;

const FRAMES: u32 = BLOCK_SIZE / FRAME_SIZE * BLOCKS;

/// Where the bytes of a frame that is sent begin: behind the header (`TPACKET2_HDRLEN` less the
/// address of the link layer, as `packet_mmap.rst` says for frames that are sent).
const SEND_OFFSET: usize =
    size_of::<libc::tpacket2_hdr>().next_multiple_of(libc::TPACKET_ALIGNMENT);

/// A ring of a socket, unmapped when it is dropped.
#[derive(Debug)]
struct Ring {
    memory: NonNull<c_void>,
    socket: OwnedFd,
    /// The frame that is looked at next.
    next: u32,
}

/// Which way the frames of a ring go.
#[derive(Clone, Copy, Debug)]
enum Way {
    Receive,
    Send,
}

/// One frame of a ring that belongs to us.
struct Slot(NonNull<libc::tpacket2_hdr>);

impl Ring {
    const LEN: usize = BLOCK_SIZE as usize * BLOCKS as usize;

    fn open(interface: &str, way: Way) -> io::Result<Self> {
        // Nothing is received before the socket is bound.
        // SAFETY: no pointers.
        let socket = unsafe {
            libc::socket(
                libc::AF_PACKET,
                libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK,
                0,
            )
        };
        let socket = cvt(socket)?;
        // SAFETY: a descriptor that was just made and that nobody else has.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        set_option(
            &socket,
            libc::PACKET_VERSION,
            &(libc::tpacket_versions::TPACKET_V2 as c_int),
        )?;
        let request = libc::tpacket_req {
            tp_block_size: BLOCK_SIZE,
            tp_block_nr: BLOCKS,
            tp_frame_size: FRAME_SIZE,
            tp_frame_nr: FRAMES,
        };
        let (option, protocol) = match way {
            Way::Receive => (libc::PACKET_RX_RING, libc::ETH_P_ALL),
            Way::Send => (libc::PACKET_TX_RING, 0),
        };
        set_option(&socket, option, &request)?;
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the system chooses a place where there is nothing.
        let memory = unsafe { mmap(ptr::null_mut(), Self::LEN, access, flags, &socket, 0)? };
        let memory = NonNull::new(memory).ok_or(io::ErrorKind::OutOfMemory)?;
        let ring = Self {
            memory,
            socket,
            next: 0,
        };
        bind(&ring.socket, interface, protocol)?;
        Ok(ring)
    }

    /// The next frame, if it belongs to us: its status is one for which `ours` holds.
    fn slot(&self, ours: impl FnOnce(u32) -> bool) -> Option<Slot> {
        let offset = usize::try_from(self.next % FRAMES).ok()? * FRAME_SIZE as usize;
        // SAFETY: `next % FRAMES` is the number of a frame, and all frames lie in the ring, one behind
        // the other, since their size divides that of a block.
        let header = unsafe { self.memory.byte_add(offset) }.cast::<libc::tpacket2_hdr>();
        let slot = Slot(header);
        ours(slot.status().load(Ordering::Acquire)).then_some(slot)
    }

    /// Gives a frame to the kernel, and goes on to the next.
    fn give(&mut self, slot: &Slot, status: u32) {
        slot.status().store(status, Ordering::Release);
        self.next = (self.next + 1) % FRAMES;
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: mapped by `open` with this length, and nothing refers to it any more. It fails for
        // other arguments only.
        let _ = unsafe { munmap(self.memory.as_ptr(), Self::LEN) };
    }
}

impl Slot {
    fn status(&self) -> &AtomicU32 {
        // SAFETY: the header lies in the ring, at a multiple of the frame size.
        let place = unsafe { self.0.byte_add(offset_of!(libc::tpacket2_hdr, tp_status)) };
        // SAFETY: the field has 4 bytes, is aligned to them, and both sides access it as a whole.
        unsafe { AtomicU32::from_ptr(place.cast::<u32>().as_ptr()) }
    }

    /// The header, once the status says that it is ours.
    fn header(&self) -> libc::tpacket2_hdr {
        // SAFETY: the header lies in the ring and is ours: the kernel does not write it now. All bits
        // are legal.
        unsafe { self.0.read() }
    }

    fn bytes(&self, offset: usize) -> NonNull<u8> {
        // SAFETY: callers pass what lies within the frame.
        unsafe { self.0.byte_add(offset) }.cast()
    }
}

/// A frame as the kernel received it.
pub(super) struct Received<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) time_ns: u64,
    /// Whom it was for, where the kernel knows.
    pub(super) to: Option<PacketType>,
}

/// Frames that arrive at an interface.
#[derive(Debug)]
pub(super) struct RxRing {
    ring: Ring,
    /// The frame that was received last.
    buffer: Vec<u8>,
}

impl RxRing {
    pub(super) fn open(
        interface: &str,
        promiscuous: bool,
        fanout: Option<u16>,
    ) -> io::Result<Self> {
        let ring = Ring::open(interface, Way::Receive)?;
        set_option(&ring.socket, libc::PACKET_IGNORE_OUTGOING, &1_i32)?;
        if promiscuous {
            let request = libc::packet_mreq {
                mr_ifindex: index(interface)?,
                mr_type: libc::PACKET_MR_PROMISC as u16,
                mr_alen: 0,
                mr_address: [0; 8],
            };
            set_option(&ring.socket, libc::PACKET_ADD_MEMBERSHIP, &request)?;
        }
        if let Some(group) = fanout {
            let request = u32::from(group) | (libc::PACKET_FANOUT_HASH << 16);
            set_option(&ring.socket, libc::PACKET_FANOUT, &request)?;
        }
        Ok(Self {
            ring,
            buffer: Vec::with_capacity(FRAME_SIZE as usize),
        })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.ring.socket.as_fd()
    }

    /// The next frame. One that the kernel has cut is left out.
    pub(super) fn receive(&mut self) -> Option<Received<'_>> {
        loop {
            let slot = self
                .ring
                .slot(|status| status & libc::TP_STATUS_USER != 0)?;
            let header = slot.header();
            let (offset, len) = (usize::from(header.tp_mac), header.tp_snaplen as usize);
            let whole = header.tp_snaplen == header.tp_len;
            let fits = offset + len <= FRAME_SIZE as usize;
            self.buffer.clear();
            if whole && fits {
                // SAFETY: `offset + len` lies within the frame, which is ours until it is given away.
                let bytes =
                    unsafe { core::slice::from_raw_parts(slot.bytes(offset).as_ptr(), len) };
                self.buffer.extend_from_slice(bytes);
            }
            let to = slot.packet_type();
            self.ring.give(&slot, libc::TP_STATUS_KERNEL);
            if whole && fits {
                let seconds = u64::from(header.tp_sec) * 1_000_000_000;
                return Some(Received {
                    bytes: &self.buffer,
                    time_ns: seconds + u64::from(header.tp_nsec),
                    to,
                });
            }
        }
    }
}

impl Slot {
    /// Whom the kernel takes a frame to be for, by the address behind the header.
    fn packet_type(&self) -> Option<PacketType> {
        let address = self.bytes(SEND_OFFSET).cast::<libc::sockaddr_ll>();
        // SAFETY: the kernel writes an address of this type there, aligned to 16, before it gives the
        // frame to us.
        let address = unsafe { address.read() };
        match address.sll_pkttype {
            libc::PACKET_HOST => Some(PacketType::Host),
            libc::PACKET_BROADCAST => Some(PacketType::Broadcast),
            libc::PACKET_MULTICAST => Some(PacketType::Multicast),
            libc::PACKET_OTHERHOST => Some(PacketType::OtherHost),
            _ => None,
        }
    }
}

/// Frames that leave through an interface.
#[derive(Debug)]
pub(super) struct TxRing {
    ring: Ring,
    /// Whether there are frames that the kernel was not told of.
    waiting: bool,
}

impl TxRing {
    pub(super) fn open(interface: &str) -> io::Result<Self> {
        let ring = Ring::open(interface, Way::Send)?;
        // Not every driver can do without the queue of the system.
        let _ = set_option(&ring.socket, libc::PACKET_QDISC_BYPASS, &1_i32);
        Ok(Self {
            ring,
            waiting: false,
        })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.ring.socket.as_fd()
    }

    /// Takes a frame; `false` if the ring is full. The kernel hears of it from [`Self::kick`].
    pub(super) fn send(&mut self, frame: &[u8]) -> io::Result<bool> {
        if SEND_OFFSET + frame.len() > FRAME_SIZE as usize {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a frame of {} bytes is too long", frame.len()),
            ));
        }
        let free = |status| {
            status == libc::TP_STATUS_AVAILABLE || status & libc::TP_STATUS_WRONG_FORMAT != 0
        };
        let Some(slot) = self.ring.slot(free) else {
            self.kick()?;
            return Ok(false);
        };
        let len = u32::try_from(frame.len()).unwrap_or(0);
        // SAFETY: the frame is ours, and what is written lies within it, as was just checked.
        unsafe {
            ptr::copy_nonoverlapping(
                frame.as_ptr(),
                slot.bytes(SEND_OFFSET).as_ptr(),
                frame.len(),
            );
        }
        // SAFETY: a field of the header of a frame that is ours.
        let place = unsafe { slot.0.byte_add(offset_of!(libc::tpacket2_hdr, tp_len)) };
        // SAFETY: the field has 4 bytes and is aligned to them.
        unsafe { place.cast::<u32>().write(len) };
        self.ring.give(&slot, libc::TP_STATUS_SEND_REQUEST);
        self.waiting = true;
        Ok(true)
    }

    /// Tells the kernel that there is something to send.
    pub(super) fn kick(&mut self) -> io::Result<()> {
        if !core::mem::take(&mut self.waiting) {
            return Ok(());
        }
        // SAFETY: no data and no address: frames and interface are known to the kernel.
        let sent = unsafe {
            libc::sendto(
                self.ring.socket.as_raw_fd(),
                ptr::null(),
                0,
                libc::MSG_DONTWAIT,
                ptr::null(),
                0,
            )
        };
        if sent >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        let later = [libc::EAGAIN, libc::ENOBUFS, libc::ENETDOWN, libc::EINTR];
        match error.raw_os_error() {
            Some(errno) if later.contains(&errno) => {
                self.waiting = true;
                Ok(())
            }
            _ => Err(error),
        }
    }
}

/// Makes a descriptor of `/dev/net/tun` that of a TAP interface, without headers of its own.
pub(super) fn attach_tap(tun: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    // SAFETY: a request of zeros is legal.
    let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    write_name(&mut request.ifr_name, name);
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as i16;
    // SAFETY: the request is one that this call reads and writes.
    cvt(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })?;
    Ok(())
}

/// Names are shorter than their place, so that a zero follows.
fn write_name(place: &mut [libc::c_char], name: &str) {
    for (place, byte) in place.iter_mut().zip(name.bytes()) {
        *place = byte.cast_signed();
    }
}

fn index(interface: &str) -> io::Result<c_int> {
    let name = std::ffi::CString::new(interface)?;
    // SAFETY: a text that ends in a zero.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => c_int::try_from(index).map_err(io::Error::other),
    }
}

fn bind(socket: &OwnedFd, interface: &str, protocol: c_int) -> io::Result<()> {
    // SAFETY: an address of zeros is legal.
    let mut address: libc::sockaddr_ll = unsafe { MaybeUninit::zeroed().assume_init() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (protocol as u16).to_be();
    address.sll_ifindex = index(interface)?;
    let len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: an address of the socket's family, with its length.
    cvt(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) })?;
    Ok(())
}

fn set_option<T>(socket: &OwnedFd, option: c_int, value: &T) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    // SAFETY: a value with its length; the kernel copies it.
    cvt(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            ptr::from_ref(value).cast(),
            len,
        )
    })?;
    Ok(())
}

fn cvt(result: c_int) -> io::Result<c_int> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        value => Ok(value),
    }
}
