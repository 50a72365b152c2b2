// Debian's CAF is built without its actor profiler. But whatever sends a message, and however its
// receiver is run, ends in this virtual function; a program's own definition goes before the one of
// a shared library.

#include "tests/unit/actors/message_count.hpp"

#include <caf/all.hpp>
#include <dlfcn.h>

#include <atomic>
#include <cstdlib>

namespace {

std::atomic<std::uint64_t> messages{0};

using enqueue_function = void (*)(caf::scheduled_actor*, caf::mailbox_element_ptr,
                                  caf::execution_unit*);

/// CAF's own. A member function is called like one whose first argument is `this`.
enqueue_function find_enqueue() {
  auto* const found =
      dlsym(RTLD_NEXT, "_ZN3caf15scheduled_actor7enqueueESt10unique_ptrINS_15mailbox_"
                       "elementENS_6detail8disposerEEPNS_14execution_unitE");
  if (found == nullptr)
    std::abort();
  return reinterpret_cast<enqueue_function>(found);
}

} // namespace

std::uint64_t telemetry::test::messages_now() noexcept { return messages.load(); }

void caf::scheduled_actor::enqueue(mailbox_element_ptr what, execution_unit* unit) {
  static const auto real = find_enqueue();
  ++messages;
  real(this, std::move(what), unit);
}
