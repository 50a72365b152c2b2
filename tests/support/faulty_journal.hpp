#pragma once

#include "storage/journal.hpp"
#include "tests/support/faulty_plan.hpp"

#include <memory>
#include <utility>

namespace telemetry::test {

/// A journal that fails on command. The plans are shared, so that a test can keep them when the
/// engine owns the journal.
class faulty_journal final : public journal {
public:
  struct plans {
    faulty_plan append;
    faulty_plan replay;
    faulty_plan trim;
  };

  faulty_journal(std::unique_ptr<journal> base, std::shared_ptr<plans> faults)
      : base_(std::move(base)), faults_(std::move(faults)) {}

  result<void> append(std::span<const journal_batch> batches) override {
    return faults_->append.run([&] { return base_->append(batches); });
  }
  result<void> replay(std::uint32_t shard, std::uint64_t after, const visitor& visit) override {
    return faults_->replay.run([&] { return base_->replay(shard, after, visit); });
  }
  result<std::uint64_t> last_batch(std::uint32_t shard) override {
    return base_->last_batch(shard);
  }
  result<void> trim(std::uint32_t shard, std::uint64_t upto) override {
    return faults_->trim.run([&] { return base_->trim(shard, upto); });
  }

private:
  std::unique_ptr<journal> base_;
  std::shared_ptr<plans> faults_;
};

} // namespace telemetry::test
