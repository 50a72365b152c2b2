#include "config/log.hpp"
