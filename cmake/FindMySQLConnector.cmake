# Debian ships MySQL Connector/C++ 1.1 without a CMake config or .pc file. Defines MySQL::connector.
find_path(MYSQL_CONNECTOR_INCLUDE_DIR cppconn/connection.h)
find_library(MYSQL_CONNECTOR_LIBRARY mysqlcppconn)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(MySQLConnector REQUIRED_VARS MYSQL_CONNECTOR_LIBRARY
                                  MYSQL_CONNECTOR_INCLUDE_DIR)
if(MySQLConnector_FOUND AND NOT TARGET MySQL::connector)
  add_library(MySQL::connector SHARED IMPORTED)
  set_target_properties(MySQL::connector PROPERTIES IMPORTED_LOCATION ${MYSQL_CONNECTOR_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${MYSQL_CONNECTOR_INCLUDE_DIR})
endif()
