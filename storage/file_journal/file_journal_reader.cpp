#include "storage/file_journal/file_journal_reader.hpp"

#include <algorithm>
#include <utility>

namespace telemetry::journal_files {
namespace {

/// Bytes of a read, unless more are asked for.
constexpr std::uint64_t window_bytes = 256u << 10;

} // namespace

segment_reader::segment_reader(std::unique_ptr<rocksdb::FSRandomAccessFile> file, std::string path,
                               std::uint64_t size)
    : file_(std::move(file)), path_(std::move(path)), size_(size) {}

result<segment_reader> segment_reader::open(rocksdb::FileSystem& files, const std::string& path) {
  std::uint64_t size = 0;
  rocksdb::Status status = files.GetFileSize(path, rocksdb::IOOptions(), &size, nullptr);
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  if (status.ok())
    status = files.NewRandomAccessFile(path, rocksdb::FileOptions(), &file, nullptr);
  if (!status.ok())
    return failure{errc::unavailable, "cannot open " + path + ": " + status.ToString()};
  return open(std::move(file), path, size);
}

result<segment_reader> segment_reader::open(std::unique_ptr<rocksdb::FSRandomAccessFile> file,
                                            std::string path, std::uint64_t size) {
  segment_reader opened(std::move(file), std::move(path), size);
  const auto first = opened.read(0, std::min<std::uint64_t>(size, window_bytes));
  if (!first)
    return first.error();
  auto head = read_segment_head(*first);
  if (!head && size > window_bytes) // the head may be longer because of many shards
    if (const auto all = opened.read(0, std::min(size, segment_head_bytes(1u << 16))))
      head = read_segment_head(*all);
  if (!head)
    return failure{head.error().code, opened.path_ + " " + head.error().text};
  if (head->size != size || size % journal_page_bytes != 0 ||
      round_to_pages(segment_head_bytes(static_cast<std::uint32_t>(head->shards.size()))) > size)
    return failure{errc::corrupt, opened.path_ + " has " + std::to_string(size) +
                                      " bytes, but should have " + std::to_string(head->size)};
  opened.head_ = std::move(*head);
  return opened;
}

std::uint64_t segment_reader::first_record() const noexcept {
  return round_to_pages(segment_head_bytes(static_cast<std::uint32_t>(head_.shards.size())));
}

result<std::string_view> segment_reader::read(std::uint64_t offset, std::uint64_t bytes) {
  assert(offset <= size_ && bytes <= size_ - offset);
  if (offset < window_offset_ || offset - window_offset_ > window_.size() ||
      bytes > window_.size() - (offset - window_offset_)) {
    window_.resize(std::max(bytes, std::min(window_bytes, size_ - offset)));
    window_offset_ = offset;
    rocksdb::Slice got;
    const rocksdb::Status status =
        file_->Read(offset, window_.size(), rocksdb::IOOptions(), &got, window_.data(), nullptr);
    if (!status.ok() || got.size() != window_.size()) {
      window_.clear();
      return failure{errc::unavailable, "cannot read " + path_ + " at offset " +
                                            std::to_string(offset) + ": " + status.ToString()};
    }
    if (got.data() != window_.data())
      window_.assign(got.data(), got.size());
  }
  return std::string_view(window_).substr(offset - window_offset_, bytes);
}

result<std::optional<record_head>> segment_reader::read_record(std::uint64_t offset) {
  const std::uint64_t room = size_ - offset;
  if (room < journal_page_bytes)
    return std::optional<record_head>();
  const auto prefix = read(offset, record_prefix_bytes);
  if (!prefix)
    return prefix.error();
  const auto bytes = record_head_bytes(*prefix, room);
  if (!bytes)
    return std::optional<record_head>();
  const auto head = read(offset, *bytes);
  if (!head)
    return head.error();
  return read_record_head(*head, head_, room);
}

result<std::string_view> segment_reader::read_payload(std::uint64_t offset,
                                                      const record_batch& batch) {
  auto payload = read(offset + batch.payload_offset, batch.payload_bytes);
  if (payload && payload_checksum(*payload, head_) != batch.checksum)
    return damaged(offset, "its payload does not fit its checksum");
  return payload;
}

failure segment_reader::damaged(std::uint64_t offset, std::string_view why) const {
  return {errc::corrupt, path_ + " is damaged in the record at offset " + std::to_string(offset) +
                             ": " + std::string(why)};
}

namespace {

/// Whether the payloads of the record at `offset` have their checksums.
result<bool> has_its_payloads(segment_reader& segment, std::uint64_t offset,
                              const record_head& record) {
  for (const record_batch& batch : record.batches) {
    const auto payload = segment.read_payload(offset, batch);
    if (!payload && payload.error().code == errc::corrupt)
      return false;
    if (!payload)
      return payload.error();
  }
  return true;
}

} // namespace

result<scan_end> scan_records(segment_reader& segment, std::uint64_t commit_end,
                              const record_visitor& visit) {
  scan_end end{segment.first_record(), segment.head().first_commit};
  while (end.commit < commit_end) {
    const auto record = segment.read_record(end.offset);
    if (!record)
      return record.error();
    if (!*record || (*record)->commit != end.commit)
      break;
    const auto whole = has_its_payloads(segment, end.offset, **record);
    if (!whole)
      return whole.error();
    if (!*whole)
      break;
    if (auto visited = visit(**record, end.offset); !visited)
      return visited.error();
    end.offset += (*record)->bytes;
    ++end.commit;
  }
  return end;
}

result<void> check_tail(segment_reader& segment, const scan_end& end) {
  for (std::uint64_t offset = end.offset + journal_page_bytes;
       offset + journal_page_bytes <= segment.head().size; offset += journal_page_bytes) {
    const auto record = segment.read_record(offset);
    if (!record)
      return record.error();
    if (*record && (*record)->commit >= end.commit)
      return segment.damaged(end.offset, "commit " + std::to_string(end.commit) +
                                             " should be here, and commit " +
                                             std::to_string((*record)->commit) + " is at offset " +
                                             std::to_string(offset));
  }
  return {};
}

} // namespace telemetry::journal_files
