//! Mistakes that tests plant in the checker, to see that the oracle finds them. Outside of this
//! crate's own tests there are none: [`planted`] is then constantly false.

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// A 32-bit operation keeps the upper half (RFC 9669, 4.1: it clears it).
    UpperHalfKept,
    /// `a < b` takes one number more from `a`.
    ComparisonOffByOne,
    /// Packet pointers survive a call that may move the packet.
    StalePointerKept,
    /// What is learned about a value, or that it is stale, does not reach its copies on the stack.
    StackForgotten,
    /// A value that may be null is used without a test.
    NullTestIgnored,
    /// The value that was found is taken for null, and the other way round.
    NullTestReversed,
    /// An access may reach eight bytes above its frame.
    FramesOverlap,
    /// An access to the packet may reach one byte further than what was compared.
    PacketOffByOne,
    /// A value of a map is a byte longer.
    ValueOffByOne,
    /// `r1` to `r5` survive the call of a helper.
    ArgumentsKept,
    /// Where paths meet, a number is that of one path.
    JoinOneSided,
    /// A store at a variable place changes nothing that is known.
    VariableStoreIgnored,
    /// A signed load is extended with zeros.
    SignDropped,
    /// A 32-bit sum is taken for one of 64 bits although it may wrap around.
    WrapForgotten,
    /// An `or` is taken for a sum although both sides may have a bit.
    OrForSum,
    /// A copy of 32 bits copies all 64.
    CopyUncut,
}

#[cfg(test)]
std::thread_local! {
    static PLANTED: core::cell::Cell<Option<Mistake>> = const { core::cell::Cell::new(None) };
}

/// Whether a test has planted this mistake.
#[cfg(test)]
pub(crate) fn planted(mistake: Mistake) -> bool {
    PLANTED.get() == Some(mistake)
}

/// No mistake is planted outside of tests.
#[cfg(not(test))]
pub(crate) const fn planted(_: Mistake) -> bool {
    false
}

/// Runs `work` with a mistake in the checker.
#[cfg(test)]
pub(crate) fn with<T>(mistake: Mistake, work: impl FnOnce() -> T) -> T {
    PLANTED.set(Some(mistake));
    let result = work();
    PLANTED.set(None);
    result
}
