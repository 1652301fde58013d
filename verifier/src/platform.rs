//! The Click platform as PREVAIL sees it, derived from the platform table.

use ::prevail::elf_loader::UnmarshalError;
use ::prevail::ir::unmarshal::conformance_groups as groups;
use ::prevail::linux::spec_prototypes::{HelperPrototype, map_type_bit};
use ::prevail::platform::EbpfPlatform;
use ::prevail::spec::config::{EbpfRuntimeConfig, EbpfVerifierOptions, VerbosityOptions};
use ::prevail::spec::ebpf_base::{EbpfArgumentType, EbpfCtxDescriptor, EbpfReturnType};
use ::prevail::spec::type_descriptors::{
    EbpfMapDescriptor, EbpfMapType, EbpfMapValueType, EbpfProgramType,
};
use bpf_object::Image;
use platform_click::{
    Access, Arg, ArgKind, CONTEXT, CONTEXT_SIZE, HelperId, HelperSpec, MapKind, ProgramKind,
    ReturnKind, VerifierProfile,
};

/// Everything of the instruction set that `bpf-object` decodes: no packet access of classic BPF,
/// no call of a register.
pub(crate) const CONFORMANCE_GROUPS: u32 = groups::BASE32
    | groups::BASE64
    | groups::ATOMIC32
    | groups::ATOMIC64
    | groups::DIVMUL32
    | groups::DIVMUL64;

/// The context. `meta` is absent: -1.
static CONTEXT_DESCRIPTOR: EbpfCtxDescriptor = EbpfCtxDescriptor {
    size: narrow(CONTEXT_SIZE),
    data: offset_of(Access::PacketStart),
    end: offset_of(Access::PacketEnd),
    meta: -1,
};

#[expect(
    clippy::as_conversions,
    reason = "sizes and offsets of the context, at most 40"
)]
const fn narrow(value: usize) -> i32 {
    value as i32
}

/// The offset of the field of the context with this access; the table has one of each asked for.
const fn offset_of(access: Access) -> i32 {
    let mut rest = CONTEXT;
    while let [field, tail @ ..] = rest {
        match (field.access, access) {
            (Access::PacketStart, Access::PacketStart) | (Access::PacketEnd, Access::PacketEnd) => {
                return narrow(field.offset);
            }
            _ => rest = tail,
        }
    }
    -1
}

/// One image on the Click platform.
pub(crate) struct ClickPlatform {
    kind: ProgramKind,
    prototypes: Vec<(i32, HelperPrototype)>,
    maps: Vec<EbpfMapDescriptor>,
}

impl ClickPlatform {
    /// The platform for `image`: the helpers of its kind, its maps, and its data sections as arrays
    /// of one value.
    pub(crate) fn new(image: &Image) -> Self {
        let kind = image.kind();
        let prototypes = HelperId::ALL
            .iter()
            .map(|helper| helper.spec())
            .filter(|spec| spec.kinds.contains(kind))
            .map(|spec| (helper_number(spec.id), prototype(&spec)))
            .collect();
        let maps = image.maps().iter().map(|map| EbpfMapDescriptor {
            map_type: map.kind.number(),
            key_size: map.key_size,
            value_size: map.value_size,
            max_entries: map.max_entries,
            name: map.name.clone(),
            ..EbpfMapDescriptor::default()
        });
        let data = image.data().iter().map(|section| EbpfMapDescriptor {
            map_type: MapKind::Array.number(),
            key_size: 4,
            value_size: u32::try_from(section.bytes.len()).unwrap_or(u32::MAX),
            max_entries: 1,
            name: section.name.clone(),
            ..EbpfMapDescriptor::default()
        });
        let maps = maps
            .chain(data)
            .zip(1..)
            .map(|(descriptor, number)| EbpfMapDescriptor {
                original_fd: number,
                inner_map_fd: -1,
                ..descriptor
            })
            .collect();
        Self {
            kind,
            prototypes,
            maps,
        }
    }

    /// Descriptors of maps and data sections.
    pub(crate) fn descriptors(&self) -> &[EbpfMapDescriptor] {
        &self.maps
    }

    /// The number by which instructions for the engine name the map with this index.
    pub(crate) fn map_number(index: u32) -> i32 {
        index.cast_signed().saturating_add(1)
    }

    /// The number by which instructions for the engine name the data section with this index.
    pub(crate) fn data_number(image: &Image, index: u32) -> i32 {
        let maps = i32::try_from(image.maps().len()).unwrap_or(i32::MAX);
        Self::map_number(index).saturating_add(maps)
    }

    /// The engine's program type.
    pub(crate) fn program_type(&self) -> EbpfProgramType {
        EbpfProgramType {
            name: self.kind.name().into(),
            ctx_descriptor: Some(&CONTEXT_DESCRIPTOR),
            platform_specific_data: u64::from(self.kind.number()),
            section_prefixes: vec![self.kind.name().into()],
            is_privileged: false,
            is_sleepable: false,
        }
    }
}

/// The engine's options for `profile`; every option is set here, none is left to a default.
pub(crate) fn options(profile: &VerifierProfile) -> EbpfVerifierOptions {
    EbpfVerifierOptions {
        runtime: EbpfRuntimeConfig {
            strict: profile.strict,
            allow_division_by_zero: profile.allow_division_by_zero,
            setup_constraints: true,
            big_endian: false,
            check_for_termination: profile.check_termination,
            subprogram_stack_size: profile.stack_frame_size.cast_signed(),
            max_call_stack_frames: profile.max_call_frames.cast_signed(),
            max_packet_size: profile.max_packet_size.cast_signed(),
        },
        verbosity_opts: VerbosityOptions {
            simplify: false,
            print_invariants: false,
            print_failures: false,
            print_line_info: false,
            dump_btf_types_json: false,
            collect_instruction_deps: false,
        },
        must_have_exit: profile.must_have_exit,
        mock_map_fds: true,
    }
}

/// Helper numbers are below 2^31 (checked by a test).
fn helper_number(id: u32) -> i32 {
    id.cast_signed()
}

/// The register behind the arguments of a helper that overwrites memory of a map's value size. The
/// engine wants that size in a register, and programs have it nowhere:
/// [`crate::prevail::outputs`] sets it.
pub(crate) fn output_size_register(spec: &HelperSpec) -> Option<u8> {
    let overwrites = |arg: &Arg| arg.kind == ArgKind::MapValueOut;
    let last = spec.args.last().filter(|arg| overwrites(arg));
    last.and_then(|_| u8::try_from(spec.args.len().saturating_add(1)).ok())
}

fn prototype(spec: &HelperSpec) -> HelperPrototype {
    let mut arguments = [EbpfArgumentType::DontCare; 5];
    let size = output_size_register(spec).map(|_| EbpfArgumentType::ConstSize);
    let types = spec.args.iter().map(|arg| match arg.kind {
        ArgKind::Map | ArgKind::Queue | ArgKind::RingBuffer => EbpfArgumentType::PtrToMap,
        ArgKind::MapKey => EbpfArgumentType::PtrToMapKey,
        ArgKind::MapValue => EbpfArgumentType::PtrToMapValue,
        ArgKind::MapValueOut => EbpfArgumentType::PtrToWritableMem,
        ArgKind::ReadableMemory => EbpfArgumentType::PtrToReadableMem,
        ArgKind::OptionalMemory => EbpfArgumentType::PtrToReadableMemOrNull,
        ArgKind::MemorySize => EbpfArgumentType::ConstSize,
        ArgKind::MemorySizeOrZero => EbpfArgumentType::ConstSizeOrZero,
        ArgKind::Scalar => EbpfArgumentType::Anything,
        // Numbers come last; the checks before the engine and the checker look at them.
        ArgKind::Printed => EbpfArgumentType::DontCare,
    });
    for (argument, kind) in arguments.iter_mut().zip(types.chain(size)) {
        *argument = kind;
    }
    HelperPrototype {
        name: spec.name,
        return_type: match spec.ret {
            ReturnKind::Integer => EbpfReturnType::Integer,
            ReturnKind::MapValueOrNull => EbpfReturnType::PtrToMapValueOrNull,
        },
        argument_type: arguments,
        reallocate_packet: spec.reallocates_packet,
        ctx_descriptor: None,
        unsupported: false,
        might_sleep: false,
        zero_args_mask: 0,
        allowed_map_types: allowed_map_types(spec),
    }
}

/// The kinds of map that are used as one of the arguments asks; zero, which the engine takes for
/// all, where no argument is a map.
fn allowed_map_types(spec: &HelperSpec) -> u64 {
    let uses = spec.args.iter().filter_map(|arg| arg.kind.map_use());
    uses.flat_map(|usage| {
        MapKind::ALL
            .iter()
            .filter(move |kind| kind.usage() == usage)
    })
    .fold(0, |bits, kind| bits | map_type_bit(kind.number()))
}

impl EbpfPlatform for ClickPlatform {
    fn get_program_type(&self, _section: &str, _path: &str) -> EbpfProgramType {
        self.program_type()
    }

    /// The engine asks for helpers that [`Self::is_helper_usable`] allows, so there is one; for
    /// others the contract of the trait is to panic, which the caller turns into "undecided".
    #[expect(clippy::panic, reason = "the contract of the trait")]
    fn get_helper_prototype(&self, n: i32) -> &HelperPrototype {
        self.try_get_helper_prototype(n)
            .unwrap_or_else(|| panic!("helper {n} was not checked"))
    }

    fn try_get_helper_prototype(&self, n: i32) -> Option<&HelperPrototype> {
        self.prototypes
            .iter()
            .find(|(number, _)| *number == n)
            .map(|(_, prototype)| prototype)
    }

    fn is_helper_usable(&self, n: i32) -> bool {
        self.try_get_helper_prototype(n).is_some()
    }

    /// Used by the engine's own ELF loader only, which is not used.
    fn map_record_size(&self) -> usize {
        0
    }

    /// Used by the engine's own ELF loader only, which is not used.
    fn parse_maps_section(
        &mut self,
        _descriptors: &mut Vec<EbpfMapDescriptor>,
        _data: &[u8],
        _record_size: usize,
        _count: usize,
        _options: &EbpfVerifierOptions,
    ) {
    }

    /// Used by the engine's own ELF loader only, which is not used.
    fn resolve_inner_map_references(
        &self,
        _descriptors: &mut Vec<EbpfMapDescriptor>,
    ) -> Result<(), UnmarshalError> {
        Err(UnmarshalError("the platform has no maps of maps".into()))
    }

    fn get_map_descriptor(&self, number: i32) -> Option<&EbpfMapDescriptor> {
        self.maps.iter().find(|map| map.original_fd == number)
    }

    fn get_map_type(&self, number: u32) -> EbpfMapType {
        let kind = MapKind::from_number(number);
        EbpfMapType {
            platform_specific_type: number,
            name: kind.map_or("unsupported", MapKind::name).into(),
            is_array: matches!(kind, Some(MapKind::Array | MapKind::PercpuArray)),
            value_type: EbpfMapValueType::Any,
        }
    }

    fn supported_conformance_groups(&self) -> u32 {
        CONFORMANCE_GROUPS
    }
}

#[cfg(test)]
mod tests {
    use platform_click::PROFILE;

    use super::*;
    use crate::testing::{self, image};

    #[test]
    fn every_option_comes_from_the_profile() {
        let options = options(&PROFILE);
        let EbpfRuntimeConfig {
            strict,
            allow_division_by_zero,
            setup_constraints,
            big_endian,
            check_for_termination,
            subprogram_stack_size,
            max_call_stack_frames,
            max_packet_size,
        } = options.runtime;
        assert!(strict && check_for_termination && setup_constraints);
        assert!(!allow_division_by_zero && !big_endian);
        assert!(options.must_have_exit && options.mock_map_fds);
        assert_eq!(subprogram_stack_size, 512);
        assert_eq!(max_call_stack_frames, 8);
        assert_eq!(max_packet_size, 65_535);
        options.validate().unwrap();
    }

    /// An option that the profile turns round is turned round for the engine.
    #[test]
    fn each_option_follows_the_profile() {
        let flipped = VerifierProfile {
            strict: !PROFILE.strict,
            allow_division_by_zero: !PROFILE.allow_division_by_zero,
            check_termination: !PROFILE.check_termination,
            must_have_exit: !PROFILE.must_have_exit,
            stack_frame_size: 256,
            max_call_frames: 3,
            max_packet_size: 1500,
        };
        let options = options(&flipped);
        assert!(!options.runtime.strict && !options.runtime.check_for_termination);
        assert!(options.runtime.allow_division_by_zero && !options.must_have_exit);
        assert_eq!(options.runtime.subprogram_stack_size, 256);
        assert_eq!(options.runtime.max_call_stack_frames, 3);
        assert_eq!(options.runtime.max_packet_size, 1500);
    }

    #[test]
    fn the_context_is_the_tables() {
        assert_eq!(CONTEXT_DESCRIPTOR.size, 40);
        assert_eq!((CONTEXT_DESCRIPTOR.data, CONTEXT_DESCRIPTOR.end), (0, 8));
        assert_eq!(CONTEXT_DESCRIPTOR.meta, -1);
    }

    #[test]
    fn helpers_are_those_of_the_kind() {
        for kind in ProgramKind::ALL {
            let platform = ClickPlatform::new(&image(*kind, &testing::pass()));
            for helper in HelperId::ALL {
                let spec = helper.spec();
                let prototype = platform.try_get_helper_prototype(helper_number(spec.id));
                assert_eq!(prototype.is_some(), spec.kinds.contains(*kind));
                if let Some(prototype) = prototype {
                    assert_eq!(prototype.name, spec.name);
                    assert_eq!(prototype.reallocate_packet, spec.reallocates_packet);
                }
            }
            assert!(!platform.is_helper_usable(25) && !platform.is_helper_usable(-1));
        }
    }

    #[test]
    fn packet_access_and_calls_of_registers_are_off() {
        assert_eq!(CONFORMANCE_GROUPS & (groups::PACKET | groups::CALLX), 0);
        assert_eq!(CONFORMANCE_GROUPS, groups::DEFAULT_GROUPS);
    }
}
