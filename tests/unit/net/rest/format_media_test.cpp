#include "net/rest/format_media.hpp"

#include <gtest/gtest.h>

namespace telemetry::net {
namespace {

using enum event_format;

TEST(FormatMediaTest, FindsFormatsByTheirExactNames) {
  EXPECT_EQ(find_format("json"), json);
  EXPECT_EQ(find_format("csv"), csv);
  EXPECT_EQ(find_format("ndjson"), ndjson);
  EXPECT_EQ(find_format("geojson"), geojson);
  EXPECT_EQ(find_format("JSON"), std::nullopt);
  EXPECT_EQ(find_format(""), std::nullopt);
}

TEST(FormatMediaTest, ListsAllFormatsForAPerson) {
  EXPECT_EQ(list_of_formats(), "json, csv, ndjson or geojson");
}

TEST(FormatMediaTest, NamesContentTypes) {
  EXPECT_EQ(content_type(json), "application/json");
  EXPECT_EQ(content_type(csv), "text/csv; charset=utf-8; header=present");
  EXPECT_EQ(content_type(ndjson), "application/x-ndjson");
  EXPECT_EQ(content_type(geojson), "application/geo+json");
}

TEST(FormatMediaTest, TakesTheFormatOfTheHighestQuality) {
  EXPECT_EQ(negotiate("text/csv"), csv);
  EXPECT_EQ(negotiate("TEXT/CSV"), csv);
  EXPECT_EQ(negotiate("text/csv;q=0.5, application/x-ndjson;q=0.51"), ndjson);
  EXPECT_EQ(negotiate("text/csv; q=0.5 , application/geo+json ; Q=0.7"), geojson);
  EXPECT_EQ(negotiate("application/json;q=0.9,text/csv;q=1.000"), csv);
  EXPECT_EQ(negotiate("text/csv;header=present;q=0.2, application/geo+json;q=0.1"), csv);
}

TEST(FormatMediaTest, PrefersTheMorePreciseRange) {
  EXPECT_EQ(negotiate("*/*"), json);
  EXPECT_EQ(negotiate("text/csv, */*"), csv);
  EXPECT_EQ(negotiate("text/*"), csv);
  EXPECT_EQ(negotiate("application/*, text/csv;q=0.9"), json);
  EXPECT_EQ(negotiate("*/*;q=0.8, application/json;q=0.1"), csv);
  EXPECT_EQ(negotiate("application/json;q=0, application/*"), ndjson);
  EXPECT_EQ(negotiate("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8"), json);
}

TEST(FormatMediaTest, FallsBackToJson) {
  for (const char* accept :
       {"", "image/png", "text/csv;q=0", "*/*;q=0", ",;,=", "text", "text/", "*", "text/csv;q=x",
        "text/csv;q=0.0000", "text/csv;q=2", "application/geo+json;q="})
    EXPECT_EQ(negotiate(accept), json) << accept;
}

TEST(FormatMediaTest, CompressesIfGzipIsWantedAtLeastAsMuchAsNothing) {
  for (const char* wanted : {"gzip", "GZIP", "x-gzip", "*", "br, gzip;q=0.1", "deflate, gzip",
                             "gzip;q=0.5, identity;q=0.5", "identity;q=0, *;q=0.001",
                             "gzip;q=1.0, *;q=0", " gzip ; q=0.3 "})
    EXPECT_TRUE(accepts_gzip(wanted)) << wanted;
  for (const char* unwanted :
       {"", "br", "identity", "gzip;q=0", "gzip;q=0.000", "gzip;q=0, *", "*;q=0",
        "gzip;q=0.4, identity;q=0.5", "gzip;q=x", "gzipped", ",;,="})
    EXPECT_FALSE(accepts_gzip(unwanted)) << unwanted;
}

TEST(FormatMediaTest, FindsTheCodingOfABody) {
  for (const char* plain : {"", "identity", "Identity, identity", ",", " "})
    EXPECT_EQ(find_coding(plain), body_coding::identity) << plain;
  for (const char* gzip : {"gzip", "X-GZIP", "identity, gzip", "gzip,"})
    EXPECT_EQ(find_coding(gzip), body_coding::gzip) << gzip;
  for (const char* unknown : {"br", "deflate", "gzip, gzip", "gzip, br", "gzip;q=1", "zstd"})
    EXPECT_EQ(find_coding(unknown), std::nullopt) << unknown;
}

TEST(FormatMediaTest, StripsParametersOfMediaTypes) {
  EXPECT_EQ(essence("text/csv ; charset=utf-8"), "text/csv");
  EXPECT_EQ(essence(" text/csv"), "text/csv");
  EXPECT_EQ(essence(""), "");
}

} // namespace
} // namespace telemetry::net
