//! What a verifier must have been told to prove.

/// The options of a proof. They decide what "accepted" means: an engine's defaults accept an
/// endless loop and a division by zero. They are part of every statement; a loader refuses a
/// statement whose profile is not [`PROFILE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VerifierProfile {
    /// Array indices and pointer comparisons are checked strictly.
    pub strict: bool,
    /// A division by a register that may be zero is accepted.
    pub allow_division_by_zero: bool,
    /// Every loop is proved to end.
    pub check_termination: bool,
    /// A program without a reachable exit is refused.
    pub must_have_exit: bool,
    /// Bytes of stack that one frame may use.
    pub stack_frame_size: u32,
    /// Frames of nested local calls.
    pub max_call_frames: u32,
    /// The verifier's bound on packets in bytes; packets of this length and more are impossible for
    /// it, so the runtime keeps them shorter ([`crate::limits::MAX_PACKET_SIZE`]).
    pub max_packet_size: u32,
}

/// The profile of this platform.
#[expect(
    clippy::as_conversions,
    reason = "constants below 2^16; `TryFrom` is not const"
)]
pub const PROFILE: VerifierProfile = VerifierProfile {
    strict: true,
    allow_division_by_zero: false,
    check_termination: true,
    must_have_exit: true,
    stack_frame_size: crate::limits::STACK_FRAME_SIZE as u32,
    max_call_frames: crate::limits::MAX_CALL_FRAMES as u32,
    max_packet_size: crate::limits::MAX_PACKET_SIZE as u32 + 1,
};

impl VerifierProfile {
    /// Every option by name, for the canonical text and for people.
    #[must_use]
    pub fn options(&self) -> [(&'static str, u32); 7] {
        [
            ("strict", u32::from(self.strict)),
            (
                "allow-division-by-zero",
                u32::from(self.allow_division_by_zero),
            ),
            ("check-termination", u32::from(self.check_termination)),
            ("must-have-exit", u32::from(self.must_have_exit)),
            ("stack-frame-size", self.stack_frame_size),
            ("max-call-frames", self.max_call_frames),
            ("max-packet-size", self.max_packet_size),
        ]
    }
}
