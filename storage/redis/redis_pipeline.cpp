#include "storage/redis/redis_pipeline.hpp"

#include <array>
#include <charconv>

namespace telemetry::redis {
namespace {

constexpr std::string_view line_end = "\r\n";

template <class Number>
std::string_view decimal(Number number, std::array<char, 24>& buffer) noexcept {
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

} // namespace

redis_pipeline& redis_pipeline::command(std::initializer_list<std::string_view> arguments) {
  begin(arguments.size());
  for (const std::string_view argument : arguments)
    add(argument);
  return *this;
}

redis_pipeline& redis_pipeline::begin(std::size_t arguments) {
  assert(missing_ == 0 && arguments > 0);
  header('*', arguments);
  missing_ = arguments;
  ++commands_;
  return *this;
}

redis_pipeline& redis_pipeline::add(std::string_view argument) {
  return add(std::span(&argument, 1));
}

redis_pipeline& redis_pipeline::add(std::uint64_t number) {
  std::array<char, 24> buffer{};
  return add(decimal(number, buffer));
}

redis_pipeline& redis_pipeline::add(std::int64_t number) {
  std::array<char, 24> buffer{};
  return add(decimal(number, buffer));
}

redis_pipeline& redis_pipeline::add(std::span<const std::string_view> parts) {
  assert(missing_ > 0);
  --missing_;
  std::size_t size = 0;
  for (const std::string_view part : parts)
    size += part.size();
  header('$', size);
  for (const std::string_view part : parts)
    bytes_ += part;
  bytes_ += line_end;
  return *this;
}

void redis_pipeline::clear() noexcept {
  bytes_.clear();
  commands_ = 0;
  missing_ = 0;
}

void redis_pipeline::header(char kind, std::size_t count) {
  std::array<char, 24> buffer{};
  bytes_ += kind;
  bytes_ += decimal(count, buffer);
  bytes_ += line_end;
}

} // namespace telemetry::redis
