// Which errors of a server pass, and which end the process.
#include "storage/mysql/mysql_session.hpp"

#include <cppconn/exception.h>
#include <gtest/gtest.h>

namespace telemetry::mysql {
namespace {

errc code_of(int number, const std::string& state = "HY000", const std::string& text = "text") {
  return to_failure(sql::SQLException(text, state, number), "test").code;
}

TEST(MysqlErrorsTest, WhatPassesEndsNoProcess) {
  for (const int number :
       {1004, 1015, 1016, 1020, 1023, 1024, 1026, 1028, 1037, 1038, 1040, 1041, 1047,
        1053, 1080, 1135, 1152, 1158, 1159, 1160, 1161, 1180, 1181, 1184, 1197, 1203,
        1205, 1206, 1213, 1226, 1290, 1317, 1412, 1461, 1598, 1615, 1637, 1689, 1792,
        1836, 1927, 1969, 2002, 2003, 2006, 2008, 2012, 2013, 2014, 2026, 2027, 2055,
        3024, 3032, 3058, 3100, 3101, 3168, 3169, 3170, 3185, 3572, 4031, 9001})
    EXPECT_EQ(code_of(number), errc::unavailable) << number;
}

TEST(MysqlErrorsTest, UnknownNumbersAreJudgedByTheirState) {
  EXPECT_EQ(code_of(29'999, "08S01"), errc::unavailable);
  EXPECT_EQ(code_of(29'999, "40001"), errc::unavailable);
  EXPECT_EQ(code_of(29'999, "HY000"), errc::corrupt);
}

TEST(MysqlErrorsTest, WhatNoRepetitionMendsStillEndsTheProcess) {
  for (const int number : {
           1054, // unknown column
           1062, // duplicate key
           1064, // syntax
           1146, // no such table
           1194, // a damaged table
           1264, // out of range
           1406, // too long
           1712, // a damaged index
       })
    EXPECT_EQ(code_of(number, "42000"), errc::corrupt) << number;
}

TEST(MysqlErrorsTest, FullDisksAndMissingRightsKeepTheirOwnCodes) {
  EXPECT_EQ(code_of(1021), errc::no_space);
  EXPECT_EQ(code_of(1114), errc::no_space);
  EXPECT_EQ(code_of(1026, "HY000", "Error writing file (Errcode: 28 \"No space left\")"),
            errc::no_space);
  EXPECT_EQ(code_of(1142, "42000"), errc::invalid_option);
}

} // namespace
} // namespace telemetry::mysql
