# Compiler settings that hold for every target.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 sees overlaps in `"x" + std::string` at -O2 that are not there (its bug 105329).
  add_compile_options(-Wno-restrict)
endif()
# The odometer promises a bit-exact fold (PROTOCOL.md §2): no fused multiply-add.
add_compile_options(-ffp-contract=off)
include_directories(${PROJECT_SOURCE_DIR})

if(TELEMETRY_SANITIZE)
  add_compile_options(-fsanitize=${TELEMETRY_SANITIZE} -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=${TELEMETRY_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumented code of Beast's parser looks uninitialised to GCC 12; its manual warns of that.
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
  if(TELEMETRY_SANITIZE MATCHES thread)
    # tsan does not understand fences; Asio's locks alone order what it runs.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
  if(TELEMETRY_SANITIZE MATCHES undefined)
    # null: CAF's headers bind references to null. vptr: its check opens a pipe to look at memory, and
    # so reports every object once the descriptors have run out, which a test of the server makes so.
    add_compile_options(-fno-sanitize=null,vptr -fno-sanitize-recover=undefined)
  endif()
endif()
