//! Calls between functions: how deep they nest and how much stack that takes.

use bpf_object::{Image, Insn};
use platform_click::limits::MAX_CALL_FRAMES;

use crate::codes;
use crate::finding::Report;

/// Bytes of stack of the deepest chain of calls, given what each function uses of its own frame.
///
/// # Errors
/// The call that is recursive, or that would need a frame more than there may be.
pub(crate) fn max_stack(image: &Image, frame_use: &[u32]) -> Result<u32, Box<Report>> {
    let functions = image.functions().len();
    let mut walk = Walk {
        image,
        frame_use,
        summaries: vec![Summary::Unknown; functions],
    };
    walk.visit(0, 1, 0).map(|below| below.stack)
}

/// Checks that calls are neither recursive nor too deep.
///
/// # Errors
/// The first call that is.
pub(crate) fn check_calls(image: &Image) -> Result<(), Box<Report>> {
    max_stack(image, &[]).map(|_| ())
}

/// What is known of a function and those that it calls.
#[derive(Clone, Copy)]
enum Summary {
    Unknown,
    /// It is being visited: a call of it is recursive.
    Open,
    Known(Below),
}

/// Frames and bytes from a function downwards, its own included.
#[derive(Clone, Copy, Default)]
struct Below {
    frames: usize,
    stack: u32,
}

struct Walk<'a> {
    image: &'a Image,
    /// Bytes by function; none are none.
    frame_use: &'a [u32],
    summaries: Vec<Summary>,
}

impl Walk<'_> {
    /// Visits the function with this index, called at `call` as frame number `frame` from 1. The
    /// recursion is bounded by the number of frames.
    fn visit(&mut self, function: usize, frame: usize, call: u32) -> Result<Below, Box<Report>> {
        let too_deep = |frames: usize| {
            let reason = format!(
                "this call leads to {frames} nested frames, of which there may be {MAX_CALL_FRAMES}"
            );
            Err(Box::new(Report::new(codes::CALL_DEPTH, call, reason)))
        };
        if frame > MAX_CALL_FRAMES {
            return too_deep(frame);
        }
        match self.summaries.get(function).copied() {
            Some(Summary::Known(below)) => {
                let frames = frame.saturating_sub(1).saturating_add(below.frames);
                return if frames > MAX_CALL_FRAMES {
                    too_deep(frames)
                } else {
                    Ok(below)
                };
            }
            Some(Summary::Open) => {
                let reason = "this call is recursive";
                return Err(Box::new(Report::new(codes::CALL_DEPTH, call, reason)));
            }
            Some(Summary::Unknown) | None => {}
        }
        self.set(function, Summary::Open);
        let slots = self.image.function_slots(function).unwrap_or_default();
        let code = self.image.code().get(slots.clone()).unwrap_or_default();
        let mut deepest = Below::default();
        for (slot, insn) in slots.zip(code) {
            if let Insn::CallLocal { target } = *insn
                && let Some(callee) = function_at(self.image, target)
            {
                let slot = u32::try_from(slot).unwrap_or(u32::MAX);
                let below = self.visit(callee, frame.saturating_add(1), slot)?;
                deepest.frames = deepest.frames.max(below.frames);
                deepest.stack = deepest.stack.max(below.stack);
            }
        }
        let own = self.frame_use.get(function).copied().unwrap_or(0);
        let below = Below {
            frames: deepest.frames.saturating_add(1),
            stack: deepest.stack.saturating_add(own),
        };
        self.set(function, Summary::Known(below));
        Ok(below)
    }

    fn set(&mut self, function: usize, summary: Summary) {
        if let Some(place) = self.summaries.get_mut(function) {
            *place = summary;
        }
    }
}

/// The index of the function that starts at `slot`.
pub(crate) fn function_at(image: &Image, slot: u32) -> Option<usize> {
    image
        .functions()
        .binary_search_by_key(&slot, |function| function.start)
        .ok()
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "slots of small programs")]
mod tests {
    use bpf_object::RawInsn;
    use platform_click::ProgramKind;

    use super::*;
    use crate::testing::{exit, mov, op, with_functions};

    fn call(distance: i32) -> RawInsn {
        op(0x85, 0, 1, 0, distance)
    }

    /// Functions that each call the next, `n` of them.
    fn chain(n: u32) -> Image {
        let mut code = Vec::new();
        let mut starts = Vec::new();
        for i in 1..n {
            code.extend([call(1), exit()]);
            starts.push(2 * i);
        }
        code.extend([mov(0, 0), exit()]);
        with_functions(ProgramKind::Filter, &code, &starts)
    }

    #[test]
    fn a_chain_of_eight_frames_is_the_longest() {
        assert_eq!(max_stack(&chain(8), &[16; 8]), Ok(8 * 16));
        let error = check_calls(&chain(9)).unwrap_err();
        assert_eq!((error.code, error.slot), (codes::CALL_DEPTH, 2 * 7));
    }

    /// The second call of a function is judged by its own depth, not by that of the first.
    #[test]
    fn a_known_function_is_too_deep_from_further_down() {
        // 0 calls 6 (a chain of seven frames) directly, then 3, which calls 6 as well.
        let mut code = vec![call(5), call(1), exit(), call(2), mov(0, 0), exit()];
        let mut starts = vec![3];
        for i in 0..6 {
            starts.push(6 + 2 * i);
            code.extend([call(1), exit()]);
        }
        starts.push(18);
        code.extend([mov(0, 0), exit()]);
        let error = check_calls(&with_functions(ProgramKind::Filter, &code, &starts)).unwrap_err();
        assert_eq!((error.code, error.slot), (codes::CALL_DEPTH, 3));
    }

    #[test]
    fn recursion_is_refused() {
        let own = with_functions(ProgramKind::Filter, &[call(-1), exit()], &[]);
        assert!(check_calls(&own).unwrap_err().cause.contains("recursive"));
        let code = [call(1), exit(), call(-3), exit()];
        let mutual = with_functions(ProgramKind::Filter, &code, &[2]);
        assert_eq!(check_calls(&mutual).unwrap_err().slot, 2);
    }
}
