#include "net/rest/compressed_answer.hpp"

#include "net/rest/format_media.hpp"
#include "net/rest/gzip.hpp"

#include <utility>

namespace telemetry::net {
namespace {

/// Compresses the pieces of another source, one by one. Passes an error on unchanged, so that a
/// body that breaks off is not ended in order.
class gzip_source final : public body_source {
public:
  gzip_source(std::unique_ptr<body_source> plain, gzip_writer writer, request_loan loan)
      : plain_(std::move(plain)), writer_(std::move(writer)), loan_(std::move(loan)) {}

  void next(std::function<void(result<body_piece>)> done) override {
    done_ = std::move(done);
    plain_->next([this](result<body_piece> piece) {
      if (!piece)
        return done_(piece.error());
      body_piece packed;
      packed.last = piece->last;
      writer_.append(piece->text, piece->last, packed.text);
      done_(std::move(packed));
    });
  }

private:
  std::unique_ptr<body_source> plain_;
  gzip_writer writer_;
  request_loan loan_; ///< for writer_
  std::function<void(result<body_piece>)> done_;
};

} // namespace

void compress(http_answer& answer, std::string_view accept_encoding, request_budget& memory) {
  if (!answer.more && answer.body.size() < compressed_bytes_min)
    return;
  if (answer.headers.find("Vary:") == std::string::npos)
    answer.headers += "Vary: Accept-Encoding\r\n";
  request_loan loan(memory);
  if (!accepts_gzip(accept_encoding) || !loan.raise_to(gzip_writer::memory_bytes))
    return;
  gzip_writer writer;
  std::string packed;
  writer.append(answer.body, !answer.more, packed);
  answer.body = std::move(packed);
  answer.headers += "Content-Encoding: gzip\r\n";
  if (answer.more)
    answer.more =
        std::make_unique<gzip_source>(std::move(answer.more), std::move(writer), std::move(loan));
}

} // namespace telemetry::net
