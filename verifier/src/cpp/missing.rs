//! What is said where the engine is not built in: nothing that could be taken for an opinion.

use bpf_object::Image;

use super::Judgement;
use crate::checks::Checked;
use crate::claims::SlotOf;
use crate::prevail::Proof;

const MISSING: &str = "the C++ PREVAIL is not built in";

pub(crate) fn judge(_image: &Image, _checked: &Checked<'_>) -> Judgement {
    Judgement::Silent(MISSING.into())
}

pub(crate) fn prove_as(
    _image: &Image,
    _checked: &Checked<'_>,
    _original: &Image,
    _slot_of: SlotOf<'_>,
) -> Proof {
    Proof::Unsupported(MISSING.into())
}
