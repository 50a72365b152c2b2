// Compiles the non-template functions of Asio and Beast. This saves a third of the compile time of
// all other files (CMakeLists.txt).
#include <utility> // Boost 1.74's Asio needs it in C++20

#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
