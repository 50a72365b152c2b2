// A segment of the journal that is anything: the bytes of the input themselves, or records that the
// writer makes from it and that are then damaged at places it names. No input may crash the reader
// or make it read outside of the file; what it takes is a prefix of what was written, and what it
// does not take is refused unless it was the last record. The other way round, every head that a
// writer may make comes back from its bytes.

#include "storage/file_journal/file_journal_reader.hpp"
#include "tests/fuzz/require.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <limits>

namespace {

using namespace telemetry;
using namespace telemetry::journal_files;

constexpr std::uint64_t no_end = std::numeric_limits<std::uint64_t>::max();

/// A file in memory.
class memory_file final : public rocksdb::FSRandomAccessFile {
public:
  explicit memory_file(std::string bytes) : bytes_(std::move(bytes)) {}
  rocksdb::IOStatus Read(std::uint64_t offset, std::size_t size, const rocksdb::IOOptions&,
                         rocksdb::Slice* result, char* scratch,
                         rocksdb::IODebugContext*) const override {
    fuzz::require(offset <= bytes_.size() && size <= bytes_.size() - offset);
    std::memcpy(scratch, bytes_.data() + offset, size);
    *result = rocksdb::Slice(scratch, size);
    return {};
  }

private:
  std::string bytes_;
};

/// What a start makes of a file that is the last segment.
struct outcome {
  bool is_opened = false;
  bool is_refused = false; ///< by its tail
  std::uint64_t records = 0;
};

outcome read(std::string bytes) {
  const std::uint64_t size = bytes.size();
  auto opened = segment_reader::open(std::make_unique<memory_file>(std::move(bytes)), "s", size);
  if (!opened)
    return {};
  outcome seen{true, false, 0};
  const auto end = scan_records(*opened, no_end, [&](const record_head& record, std::uint64_t at) {
    for (const record_batch& one : record.batches)
      fuzz::require(opened->read_payload(at, one).has_value());
    ++seen.records;
    return result<void>();
  });
  fuzz::require(end.has_value());
  seen.is_refused = !check_tail(*opened, *end);
  return seen;
}

segment_head make_head(std::uint64_t size) { return {3, 4, 5, size, 6, 7, {{8, 1}, {9, 2}}}; }

/// A segment of as many records as `sizes` has bytes, each with a payload of 40 times that.
std::string make_segment(std::string_view sizes, std::vector<std::uint64_t>& begins) {
  std::string records;
  std::uint64_t commit = 6;
  for (const char size : sizes) {
    const std::string payload(40 * static_cast<unsigned char>(size), size);
    const std::array<std::string_view, 1> parts{payload};
    const std::array batches{journal_batch{1, 1, {commit, 1, 0, 0}, record_kind::events, parts}};
    begins.push_back(journal_page_bytes + records.size());
    std::string record(record_bytes(batches, 0), '\0');
    write_record(record.data(), make_head(0), commit++, 7, batches, {});
    records += record;
  }
  std::string file = write_segment_head(make_head(journal_page_bytes + records.size()));
  file.resize(journal_page_bytes);
  return file + records;
}

/// Sizes, a zero, then triples of a place and a bit to flip.
void read_damaged(std::string_view input) {
  const std::string_view sizes = input.substr(0, std::min<std::size_t>(input.find('\0'), 8));
  input.remove_prefix(std::min(input.size(), sizes.size() + 1));
  std::vector<std::uint64_t> begins;
  std::string file = make_segment(sizes, begins);
  const std::string intact = file;
  for (; input.size() >= 3; input.remove_prefix(3)) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(input[i]); };
    const std::size_t at = (byte(0) * 256U + byte(1)) % file.size();
    file[at] = static_cast<char>(file[at] ^ (1 << byte(2) % 8));
  }
  const outcome seen = read(file);
  if (!seen.is_opened)
    return fuzz::require(file.substr(0, journal_page_bytes) !=
                         intact.substr(0, journal_page_bytes));
  fuzz::require(seen.records <= sizes.size());
  if (seen.records == sizes.size())
    return;
  // Something about the first record that is missing was damaged, or it would have been taken…
  const std::uint64_t begin = begins[seen.records];
  const bool is_last = seen.records + 1 == sizes.size();
  const std::uint64_t end = is_last ? file.size() : begins[seen.records + 1];
  fuzz::require(file.substr(begin, end - begin) != intact.substr(begin, end - begin));
  // … and if a later one is whole, that is not taken for a torn end.
  for (std::size_t later = seen.records + 1; later < begins.size(); ++later)
    if (file.compare(begins[later], journal_page_bytes, intact, begins[later],
                     journal_page_bytes) == 0)
      fuzz::require(seen.is_refused);
}

/// From values to bytes and back: a head of a segment and a record, with numbers from the input.
void write_and_read(std::string_view input) {
  const auto number = [&input] {
    std::uint64_t value = 0;
    input.copy(reinterpret_cast<char*>(&value), sizeof value);
    input.remove_prefix(std::min(input.size(), sizeof value));
    return value;
  };
  segment_head head = make_head(0);
  head.number = number();
  head.journal_id = number();
  head.salt = number();
  head.opening = number();
  const std::array trims{journal_trim{0, number()}, journal_trim{1, number()}};
  const batch_stamp stamp{number(), static_cast<std::int64_t>(number()),
                          static_cast<std::int64_t>(number()), static_cast<wall_ms>(number())};
  const std::uint64_t commit = number();
  const std::uint64_t opening = number();
  const std::array<std::string_view, 1> parts{input.substr(0, 4'096)};
  const std::array batches{journal_batch{1, 1, stamp, record_kind::events, parts}};
  std::string record(record_bytes(batches, trims.size()), '\0');
  head.size = journal_page_bytes + record.size();
  write_record(record.data(), head, commit, opening, batches, trims);
  const auto length = record_head_bytes(record.substr(0, record_prefix_bytes), record.size());
  fuzz::require(length.has_value());
  const auto read = read_record_head(record.substr(0, *length), head, record.size());
  fuzz::require(read && read->commit == commit && read->opening == opening &&
                read->bytes == record.size() && read->batches.size() == 1 &&
                std::equal(trims.begin(), trims.end(), read->trims.begin(), read->trims.end()));
  const record_batch& one = read->batches.front();
  fuzz::require(one.batch.shard == 1 && one.batch.stamp.batch_no == stamp.batch_no &&
                one.batch.stamp.arrival_ms == stamp.arrival_ms &&
                one.batch.stamp.horizon_ms == stamp.horizon_ms &&
                one.batch.stamp.wall == stamp.wall && one.payload_bytes == parts[0].size() &&
                record.compare(one.payload_offset, one.payload_bytes, parts[0]) == 0 &&
                one.checksum == payload_checksum(parts[0], head));
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  write_and_read(input);
  read(std::string(input));
  // With a head that is right, so that the reader looks at what follows.
  std::string file = write_segment_head(make_head(2 * journal_page_bytes + size / 4096 * 4096));
  file.resize(journal_page_bytes);
  file += input;
  file.resize(2 * journal_page_bytes + size / 4096 * 4096);
  read(std::move(file));
  read_damaged(input);
  return 0;
}
