#pragma once

#include "net/rest/api.hpp"
#include "net/rest/format_events.hpp"
#include "net/rest/http_budget.hpp"
#include "net/rest/problem.hpp"
#include "net/rest/rest_context.hpp"
#include "net/rest/rest_parameters.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace telemetry::net {

/// Bytes per piece of a long body. A shorter body is sent whole, with its length.
inline constexpr std::size_t body_piece_bytes = 64u << 10;

/// Pulls pieces from a stream until there are enough. It loops instead of calling itself, because a
/// stream may answer within the call any number of times.
template <class Row>
class row_puller {
public:
  explicit row_puller(std::unique_ptr<pull_stream<Row>> rows) : rows_(std::move(rows)) {}

  /// Calls `take` with one piece after the other while it returns true.
  /// @pre the last call has ended.
  void pull(std::function<bool(result<std::vector<Row>>)> take) {
    take_ = std::move(take);
    run();
  }

private:
  enum class state { asked, again, done, waiting };

  void run() {
    do {
      state_ = state::asked;
      rows_->next([this](result<std::vector<Row>> rows) { on_rows(std::move(rows)); });
    } while (state_ == state::again);
    if (state_ == state::asked)
      state_ = state::waiting;
  }

  void on_rows(result<std::vector<Row>> rows) {
    const bool waited = state_ == state::waiting;
    const bool more = take_(std::move(rows));
    if (waited && more)
      run();
    else
      state_ = more ? state::again : state::done;
  }

  std::unique_ptr<pull_stream<Row>> rows_;
  std::function<bool(result<std::vector<Row>>)> take_;
  state state_ = state::done;
};

/// Bytes that rows take in memory.
inline std::size_t memory_bytes(std::span<const event_row> rows) noexcept {
  return rows.size_bytes();
}
inline std::size_t memory_bytes(std::span<const named_robot> rows) noexcept {
  std::size_t bytes = rows.size_bytes();
  for (const named_robot& row : rows)
    bytes += row.name.capacity();
  return bytes;
}

/// Rows that are in memory already, as a stream.
template <class Row>
class row_vector_stream final : public pull_stream<Row> {
public:
  row_vector_stream(std::vector<Row> rows, request_loan loan)
      : rows_(std::move(rows)), loan_(std::move(loan)) {}

  void next(callback<std::vector<Row>> done) override {
    constexpr std::size_t piece_rows = 1'000;
    const auto begin = std::make_move_iterator(rows_.begin() + static_cast<std::ptrdiff_t>(at_));
    const std::size_t count = std::min(piece_rows, rows_.size() - at_);
    at_ += count;
    done(std::vector<Row>(begin, begin + static_cast<std::ptrdiff_t>(count)));
  }

private:
  std::vector<Row> rows_;
  request_loan loan_;
  std::size_t at_ = 0;
};

/// Rows as text, in pieces of body_piece_bytes or a little more.
template <class Row>
class row_text final : public body_source {
public:
  row_text(std::unique_ptr<pull_stream<Row>> rows, std::unique_ptr<row_writer<Row>> writer)
      : rows_(std::move(rows)), writer_(std::move(writer)) {}

  void next(std::function<void(result<body_piece>)> done) override {
    done_ = std::move(done);
    piece_ = {};
    rows_.pull([this](result<std::vector<Row>> rows) { return take(std::move(rows)); });
  }

private:
  bool take(result<std::vector<Row>> rows) {
    if (!rows) {
      done_(rows.error());
      return false;
    }
    piece_.last = rows->empty();
    if (piece_.last)
      writer_->finish(piece_.text);
    else
      writer_->append(*rows, piece_.text);
    if (!piece_.last && piece_.text.size() < body_piece_bytes)
      return true;
    done_(std::move(piece_));
    return false;
  }

  row_puller<Row> rows_;
  std::unique_ptr<row_writer<Row>> writer_;
  std::function<void(result<body_piece>)> done_;
  body_piece piece_;
};

/// The parts of a list.
template <class Row>
struct list_plan {
  std::string target;                     ///< of the request, for a problem
  std::unique_ptr<pull_stream<Row>> rows; ///< up to `limit` + 1 rows, to see whether more follow
  std::unique_ptr<row_writer<Row>> writer;
  std::string_view content_type;
  std::string headers;
  std::size_t limit = no_limit;
  std::function<std::string(const Row&)> next_link; ///< Link value for the page after a row
};

/// Answers with a list: streamed, or one page with a Link to the next one if there is more.
///
/// A page, at most page_rows_max rows, is collected before its head is sent, because the head tells
/// whether there is more (ADR 0030).
template <class Row>
class list_operation final : public rest_operation {
public:
  list_operation(list_plan<Row> plan, request_budget& memory, answer_callback done)
      : plan_(std::move(plan)), done_(std::move(done)), loan_(memory) {}

  void start() {
    if (plan_.limit == no_limit)
      return write(std::move(plan_.rows));
    page_source_ = std::make_unique<row_puller<Row>>(std::move(plan_.rows));
    page_source_->pull([this](result<std::vector<Row>> rows) { return collect(std::move(rows)); });
  }

private:
  bool collect(result<std::vector<Row>> rows) {
    if (!rows) {
      done_(make_problem(rows.error(), plan_.target));
      return false;
    }
    const bool end = rows->empty();
    page_bytes_ += memory_bytes(*rows);
    if (!loan_.raise_to(page_bytes_)) {
      done_(make_problem(503, plan_.target, "too many large pages are being read"));
      return false;
    }
    std::move(rows->begin(), rows->end(), std::back_inserter(page_));
    if (!end && page_.size() <= plan_.limit)
      return true;
    if (page_.size() > plan_.limit) {
      page_.resize(plan_.limit);
      plan_.headers.append("Link: ").append(plan_.next_link(page_.back())).append("\r\n");
    }
    write(std::make_unique<row_vector_stream<Row>>(std::move(page_), std::move(loan_)));
    return false;
  }

  void write(std::unique_ptr<pull_stream<Row>> rows) {
    text_ = std::make_unique<row_text<Row>>(std::move(rows), std::move(plan_.writer));
    text_->next([this](result<body_piece> piece) { begin(std::move(piece)); });
  }

  void begin(result<body_piece> piece) {
    if (!piece)
      return done_(make_problem(piece.error(), plan_.target));
    http_answer answer;
    answer.content_type = plan_.content_type;
    answer.headers = std::move(plan_.headers);
    answer.body = std::move(piece->text);
    if (!piece->last)
      answer.more = std::move(text_);
    done_(std::move(answer));
  }

  list_plan<Row> plan_;
  answer_callback done_;
  std::unique_ptr<row_puller<Row>> page_source_;
  std::vector<Row> page_;
  std::size_t page_bytes_ = 0;
  request_loan loan_; ///< for page_
  std::unique_ptr<row_text<Row>> text_;
};

template <class Row>
std::shared_ptr<rest_operation> start_list(list_plan<Row> plan, request_budget& memory,
                                           answer_callback done) {
  auto operation = std::make_shared<list_operation<Row>>(std::move(plan), memory, std::move(done));
  operation->start();
  return operation;
}

} // namespace telemetry::net
