// Between cxx and PREVAIL: one question, one answer, no exception.
#pragma once

#include <cstdint>

namespace click {
struct Question;
struct Answer;
struct Helper;

Answer analyse(const Question &question) noexcept;
Helper helper(std::uint8_t kind, std::int32_t number) noexcept;
} // namespace click
