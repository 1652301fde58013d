#include "prevail-cpp/shim/shim.hpp"

#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>

#include <prevail.hpp>

#include "prevail-cpp/shim/click_platform.hpp"
#include "prevail-cpp/src/bridge.rs.h"

namespace click {
namespace {

constexpr std::size_t MAX_FAILURES = 64;

const HelperRow *find_helper(const std::int32_t number, const std::uint64_t kind) {
    for (const HelperRow &row : HELPERS) {
        if (row.number == number && (row.kinds >> kind & 1) != 0) {
            return &row;
        }
    }
    return nullptr;
}

prevail::EbpfHelperPrototype get_helper_prototype(const std::int32_t number, const prevail::EbpfProgramType &type) {
    const HelperRow *row = find_helper(number, type.platform_specific_data);
    if (row == nullptr) {
        throw std::runtime_error("helper " + std::to_string(number) + " was not checked");
    }
    prevail::EbpfHelperPrototype prototype{};
    prototype.name = row->name;
    prototype.return_type = row->returns;
    std::memcpy(prototype.argument_type, row->arguments, sizeof prototype.argument_type);
    prototype.reallocate_packet = row->reallocates_packet;
    prototype.allowed_map_types = row->map_types;
    return prototype;
}

bool is_helper_usable(const std::int32_t number, const prevail::EbpfProgramType &type) {
    return find_helper(number, type.platform_specific_data) != nullptr;
}

const prevail::EbpfMapDescriptor &get_map_descriptor(const int number,
                                                     const std::vector<prevail::EbpfMapDescriptor> &descriptors) {
    for (const prevail::EbpfMapDescriptor &descriptor : descriptors) {
        if (descriptor.original_fd == number) {
            return descriptor;
        }
    }
    throw std::runtime_error("there is no map " + std::to_string(number));
}

prevail::EbpfMapType get_map_type(const std::uint32_t number) {
    for (const MapRow &row : MAPS) {
        if (row.number == number) {
            return {number, row.name, row.is_array, prevail::EbpfMapValueType::ANY};
        }
    }
    return {number, "unsupported", false, prevail::EbpfMapValueType::ANY};
}

// What only PREVAIL's own ELF loader asks for, and programs that are refused before.
[[noreturn]] void not_used() { throw std::logic_error("the platform has no such thing"); }

const prevail::ebpf_platform_t PLATFORM = {
    .get_program_type = [](const std::string &, const std::string &) -> prevail::EbpfProgramType { not_used(); },
    .get_helper_prototype = get_helper_prototype,
    .is_helper_usable = is_helper_usable,
    .resolve_builtin_call = [](const std::string &) -> std::optional<std::int32_t> { return std::nullopt; },
    .resolve_ksym_btf_id = [](const std::string &) -> std::optional<prevail::KsymBtfId> { return std::nullopt; },
    .get_builtin_call = [](std::int32_t) -> std::optional<prevail::ResolvedCall> { return std::nullopt; },
    .resolve_kfunc_call = [](std::int32_t, std::int16_t, const prevail::EbpfProgramType &,
                             std::string *) -> std::optional<prevail::ResolvedCall> { return std::nullopt; },
    .map_record_size = 0,
    .parse_maps_section = [](std::vector<prevail::EbpfMapDescriptor> &, const char *, std::size_t, int,
                             const prevail::ebpf_platform_t *, const prevail::VerifierOptions &) { not_used(); },
    .get_map_descriptor = get_map_descriptor,
    .get_map_type = get_map_type,
    .resolve_inner_map_references = [](std::vector<prevail::EbpfMapDescriptor> &) { not_used(); },
    .sock_common_layout = nullptr,
    // No packet access of classic BPF, no call of a register.
    .supported_conformance_groups = bpf_conformance_groups_t::default_groups,
};

// Every option that changes a verdict is set here, none is left to a default.
prevail::VerifierOptions options() {
    prevail::VerifierOptions options{};
    options.runtime.strict = STRICT;
    options.runtime.allow_division_by_zero = ALLOW_DIVISION_BY_ZERO;
    options.runtime.setup_constraints = true;
    options.runtime.big_endian = false;
    options.runtime.check_for_termination = CHECK_TERMINATION;
    options.runtime.subprogram_stack_size = STACK_FRAME_SIZE;
    options.runtime.max_call_stack_frames = MAX_CALL_FRAMES;
    options.runtime.max_packet_size = MAX_PACKET_SIZE;
    options.verbosity_opts.simplify = false;
    options.must_have_exit = MUST_HAVE_EXIT;
    options.mock_map_fds = true;
    options.runtime.validate();
    return options;
}

prevail::RawProgram raw_program(const Question &question) {
    prevail::RawProgram raw{};
    for (const Insn &insn : question.code) {
        prevail::EbpfInst inst{};
        inst.opcode = insn.opcode;
        inst.dst = insn.dst & 15;
        inst.src = insn.src & 15;
        inst.offset = insn.offset;
        inst.imm = insn.imm;
        raw.prog.push_back(inst);
    }
    raw.info.platform = &PLATFORM;
    for (const Map &map : question.maps) {
        prevail::EbpfMapDescriptor descriptor{};
        descriptor.original_fd = map.number;
        descriptor.type = map.kind;
        descriptor.key_size = map.key_size;
        descriptor.value_size = map.value_size;
        descriptor.max_entries = map.max_entries;
        descriptor.inner_map_fd = -1;
        raw.info.map_descriptors.push_back(descriptor);
    }
    raw.info.type.name = "click";
    raw.info.type.ctx_descriptor = &CONTEXT;
    raw.info.type.platform_specific_data = question.kind;
    return raw;
}

// The size of what a helper writes is put into the register behind its arguments: the engine knows
// memory that is written by its address and its size, both in registers.
prevail::InstructionSeq with_sizes(const prevail::InstructionSeq &sequence, const Question &question) {
    prevail::InstructionSeq sized;
    for (const auto &[label, instruction, line] : sequence) {
        const auto *call = std::get_if<prevail::Call>(&instruction);
        const HelperRow *row = call == nullptr ? nullptr : find_helper(call->func, question.kind);
        const Size *known = nullptr;
        for (const Size &size : question.sizes) {
            known = size.slot == label.from ? &size : known;
        }
        if (row == nullptr || row->size_register == 0 || known == nullptr) {
            sized.emplace_back(label, instruction, line);
            continue;
        }
        prevail::Bin size{};
        size.op = prevail::Bin::Op::MOV;
        size.dst = prevail::Reg{row->size_register};
        size.v = prevail::Imm{known->bytes};
        size.is64 = true;
        // Jumps to the call lead to the size; the call gets the label of a jump from its own slot to
        // itself, which no other instruction there has.
        sized.emplace_back(label, size, line);
        sized.emplace_back(prevail::Label{label.from, label.from}, instruction, line);
    }
    return sized;
}

// Labels with a second half are taken for those of edges. The engine itself uses -1 and slots.
void lengthen(prevail::InstructionSeq &sequence) {
    constexpr int SECOND = -2;
    for (auto &[label, instruction, line] : sequence) {
        label.to = SECOND;
        if (auto *jump = std::get_if<prevail::Jmp>(&instruction)) {
            jump->target.to = SECOND;
        } else if (auto *call = std::get_if<prevail::CallLocal>(&instruction)) {
            call->target.to = SECOND;
        }
    }
}

std::optional<std::int64_t> bounded(const prevail::ExtendedNumber &bound) {
    const std::optional<prevail::Number> number = bound.number();
    if (!number || !number->fits<std::int64_t>()) {
        return std::nullopt;
    }
    return number->narrow<std::int64_t>();
}

void read(const prevail::AnalysisResult &result, Answer &answer) {
    answer.answered = true;
    answer.accepted = !result.failed;
    answer.max_loop_count = static_cast<std::uint32_t>(result.max_loop_count < 0 ? 0 : result.max_loop_count);
    for (const auto &[label, state] : result.invariants) {
        const bool before = !state.pre.is_bottom();
        if (before && state.error && answer.failures.size() < MAX_FAILURES) {
            Failure failure;
            failure.slot = label.from;
            failure.message = rust::String::lossy(state.error->message);
            answer.failures.push_back(std::move(failure));
        }
        if (label.special_label.empty()) {
            answer.places.push_back(Place{label.from, label.to, before, !state.post.is_bottom()});
        }
    }
    const auto low = bounded(result.exit_value.lb());
    const auto high = bounded(result.exit_value.ub());
    if (low && high) {
        answer.exit_known = true;
        answer.exit_low = *low;
        answer.exit_high = *high;
    }
}

Answer ask(const Question &question) {
    Answer answer{};
    const prevail::ThreadLocalGuard guard;
    const prevail::VerifierOptions with = options();
    const prevail::RawProgram raw = raw_program(question);
    auto decoded = prevail::unmarshal(raw, with);
    if (const auto *reason = std::get_if<std::string>(&decoded)) {
        answer.reason = rust::String::lossy(*reason);
        return answer;
    }
    auto &instructions = std::get<prevail::InstructionSeq>(decoded);
    if (question.long_labels) {
        lengthen(instructions);
    }
    const auto sequence = with_sizes(instructions, question);
    const auto program = prevail::Program::from_sequence(sequence, raw.info, with);
    read(prevail::analyze(program, with), answer);
    return answer;
}

Answer silent(const char *why) {
    Answer answer{};
    answer.reason = rust::String::lossy(why);
    return answer;
}

} // namespace

// What the handlers themselves throw, for want of memory, ends the process: the caller's is confined,
// and takes that for no answer.
Answer analyse(const Question &question) noexcept {
    try {
        return ask(question);
    } catch (const std::exception &error) {
        return silent(error.what());
    } catch (...) {
        return silent("an exception of an unknown type");
    }
}

Helper helper(const std::uint8_t kind, const std::int32_t number) noexcept {
    prevail::EbpfProgramType type{};
    type.platform_specific_data = kind;
    Helper seen{};
    if (!PLATFORM.is_helper_usable(number, type)) {
        return seen;
    }
    const prevail::EbpfHelperPrototype prototype = PLATFORM.get_helper_prototype(number, type);
    seen.usable = true;
    seen.name = rust::String::lossy(prototype.name);
    seen.returns = static_cast<std::uint32_t>(prototype.return_type);
    for (std::size_t i = 0; i < seen.arguments.size(); i++) {
        seen.arguments[i] = static_cast<std::uint32_t>(prototype.argument_type[i]);
    }
    seen.reallocates_packet = prototype.reallocate_packet;
    seen.map_types = prototype.allowed_map_types;
    return seen;
}

} // namespace click
