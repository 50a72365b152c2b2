#include "net/network_list.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

namespace telemetry::net {

namespace {

namespace ip = boost::asio::ip;

ip::address folded(const ip::address& one) {
  if (one.is_v6() && one.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, one.to_v6());
  return one;
}

std::string_view trimmed(std::string_view text) noexcept {
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos)
    return {};
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

std::optional<unsigned> read_bits(std::string_view text, unsigned most) noexcept {
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (error != std::errc() || end != text.data() + text.size() || bits > most)
    return std::nullopt;
  return bits;
}

/// Whether the first `bits` bits are the same.
bool agree(std::span<const unsigned char> a, std::span<const unsigned char> b,
           unsigned bits) noexcept {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin()))
    return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

failure refuse(std::string_view text, std::string_view why) {
  return {errc::invalid_option, '"' + std::string(text) + "\" " + std::string(why)};
}

} // namespace

result<network_list> network_list::read(std::string_view text) {
  network_list out;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto entry = trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    const auto slash = std::min(entry.find('/'), entry.size());
    boost::system::error_code ec;
    const auto base = folded(ip::make_address(std::string(entry.substr(0, slash)), ec));
    if (ec)
      return refuse(entry, "is neither an address nor a network such as 10.0.0.0/8");
    const unsigned most = base.is_v4() ? 32 : 128;
    const auto bits =
        slash == entry.size() ? std::optional(most) : read_bits(entry.substr(slash + 1), most);
    if (!bits)
      return refuse(entry, "has a wrong number of bits");
    if (*bits == 0)
      return refuse(entry, "has all addresses, so every client would be trusted");
    out.networks_.push_back({base, *bits});
  }
  return out;
}

bool network_list::contains(const ip::address& one) const noexcept {
  const auto address = folded(one);
  return std::ranges::any_of(networks_, [&address](const network& in) {
    if (address.is_v4() != in.base.is_v4())
      return false;
    if (address.is_v4())
      return agree(address.to_v4().to_bytes(), in.base.to_v4().to_bytes(), in.bits);
    return agree(address.to_v6().to_bytes(), in.base.to_v6().to_bytes(), in.bits);
  });
}

} // namespace telemetry::net
