// The one place where the functions of Asio and Beast that are no templates are compiled: it takes
// a third off the compile time of everything else (CMakeLists.txt).
#include <utility> // Boost 1.74's Asio needs it in C++20

#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
