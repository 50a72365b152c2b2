# Debian ships jemalloc without a CMake config. Defines JeMalloc::JeMalloc, which replaces malloc.
find_library(JEMALLOC_LIBRARY jemalloc)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(JeMalloc REQUIRED_VARS JEMALLOC_LIBRARY)
if(JeMalloc_FOUND AND NOT TARGET JeMalloc::JeMalloc)
  add_library(JeMalloc::JeMalloc SHARED IMPORTED)
  set_target_properties(JeMalloc::JeMalloc PROPERTIES IMPORTED_LOCATION ${JEMALLOC_LIBRARY})
  # Nothing of it is called by name.
  target_link_options(JeMalloc::JeMalloc INTERFACE -Wl,--no-as-needed)
endif()
