#pragma once

#include <string_view>

/// Scripts for changes that must be atomic. Redis runs no other command during a script, and
/// appends its writes to the append-only file as one transaction. After a crash either all of them
/// or none are there.
///
/// A refusal is an array whose first element is a word. Numbers above 32 bits are passed as text,
/// because Lua would write them with an exponent.
namespace telemetry::redis::redis_scripts {

/// Appends one entry per batch: all of them, or none.
/// KEYS: owner, heads, then the stream of each batch. ARGV: our owner value; then for each batch:
/// shard, number, epoch, arrival, horizon, wall, kind, payload.
/// @returns "OK"; {"owner", value}: the owner value is not ours ("": it is gone);
///          {"head", shard, head}: the batch does not continue the shard (head "": it is gone);
///          {"differs", shard, number}: another batch is stored under this number.
inline constexpr std::string_view append = R"lua(
local owner = redis.call('GET', KEYS[1])
if owner ~= ARGV[1] then return {'owner', owner or ''} end
local heads, missing = {}, {}
for i = 3, #KEYS do
  local a = 2 + (i - 3) * 8
  local shard, number = ARGV[a], tonumber(ARGV[a + 1])
  local head = heads[shard] or redis.call('HGET', KEYS[2], shard)
  if not head then return {'head', shard, ''} end
  head = tonumber(head)
  if number > head + 1 then return {'head', shard, string.format('%.0f', head)} end
  if number == head + 1 then
    head = number
    missing[#missing + 1] = i
  else
    local id = ARGV[a + 1] .. '-0'
    local entry = redis.call('XRANGE', KEYS[i], id, id)[1]
    for field = 1, 6 do
      if not entry or entry[2][2 * field] ~= ARGV[a + 1 + field] then
        return {'differs', shard, ARGV[a + 1]}
      end
    end
  end
  heads[shard] = head
end
if #missing == 0 then -- a write all the same: what is there may have been written without a sync
  redis.call('HSET', KEYS[2], ARGV[2], string.format('%.0f', heads[ARGV[2]]))
end
for _, i in ipairs(missing) do
  local a = 2 + (i - 3) * 8
  redis.call('XADD', KEYS[i], ARGV[a + 1] .. '-0', 'epoch', ARGV[a + 2], 'arrival', ARGV[a + 3],
    'horizon', ARGV[a + 4], 'wall', ARGV[a + 5], 'kind', ARGV[a + 6], 'payload', ARGV[a + 7])
  redis.call('HSET', KEYS[2], ARGV[a], ARGV[a + 1])
end
return 'OK'
)lua";

/// Makes this process the owner of the journal. Creates the keys of a new journal.
/// KEYS: meta, owner, heads. ARGV: format, store, number of shards, token.
/// @returns {"new" or "known", owner value}; {"foreign", format, store, shards}: it is another
///          journal; {"remains"}: the key heads is there, but meta is not.
inline constexpr std::string_view take_over = R"lua(
local meta = redis.call('HMGET', KEYS[1], 'format', 'store', 'shards')
local state = 'known'
if not (meta[1] or meta[2] or meta[3]) then
  if redis.call('EXISTS', KEYS[3]) == 1 then return {'remains'} end
  redis.call('HSET', KEYS[1], 'format', ARGV[1], 'store', ARGV[2], 'shards', ARGV[3])
  for shard = 0, tonumber(ARGV[3]) - 1 do redis.call('HSET', KEYS[3], tostring(shard), '0') end
  state = 'new'
elseif meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] or meta[3] ~= ARGV[3] then
  return {'foreign', meta[1], meta[2], meta[3]}
end
local owner = redis.call('HINCRBY', KEYS[1], 'generation', 1) .. ' ' .. ARGV[4]
redis.call('SET', KEYS[2], owner)
return {state, owner}
)lua";

/// Reads entries of a stream, from id ARGV[1] on, until they have ARGV[2] bytes or are ARGV[3]
/// entries; at least one entry, if the stream has one. KEYS: the stream.
inline constexpr std::string_view read_page = R"lua(
local page, bytes, from = {}, 0, ARGV[1]
while bytes < tonumber(ARGV[2]) and #page < tonumber(ARGV[3]) do
  local entry = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 1)[1]
  if not entry then break end
  page[#page + 1] = entry
  for _, part in ipairs(entry[2]) do bytes = bytes + #part end
  from = '(' .. entry[1]
end
return page
)lua";

/// Reads head, first and last entry of every shard. KEYS: heads, then the stream of each shard,
/// from shard 0 on.
/// @returns for each shard {head, first id, last id, number of entries}, with nil for absent
/// values.
inline constexpr std::string_view survey = R"lua(
local out = {}
for i = 2, #KEYS do
  local first = redis.call('XRANGE', KEYS[i], '-', '+', 'COUNT', 1)[1]
  local last = redis.call('XREVRANGE', KEYS[i], '+', '-', 'COUNT', 1)[1]
  out[i - 1] = {redis.call('HGET', KEYS[1], tostring(i - 2)), first and first[1] or false,
    last and last[1] or false, redis.call('XLEN', KEYS[i])}
end
return out
)lua";

/// Raises heads to the given numbers, never lowers them. KEYS: owner, heads. ARGV: our owner value;
/// then for each shard: shard, number. @returns "OK"; {"owner", value}.
inline constexpr std::string_view raise_heads = R"lua(
local owner = redis.call('GET', KEYS[1])
if owner ~= ARGV[1] then return {'owner', owner or ''} end
for a = 2, #ARGV, 2 do
  local head = tonumber(redis.call('HGET', KEYS[2], ARGV[a]) or '0')
  if tonumber(ARGV[a + 1]) > head then redis.call('HSET', KEYS[2], ARGV[a], ARGV[a + 1]) end
end
return 'OK'
)lua";

/// Records an accepted loss. KEYS: owner, heads, meta, forgiven, losses. ARGV: our owner value, a
/// line for the list of losses; then for each shard: shard, number above which batches continue.
/// @returns "OK"; {"owner", value}.
inline constexpr std::string_view accept_loss = R"lua(
local owner = redis.call('GET', KEYS[1])
if owner ~= ARGV[1] then return {'owner', owner or ''} end
for a = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[2], ARGV[a], ARGV[a + 1])
  redis.call('HSET', KEYS[4], ARGV[a], ARGV[a + 1])
end
redis.call('RPUSH', KEYS[5], ARGV[2])
redis.call('HDEL', KEYS[3], 'accept_loss')
return 'OK'
)lua";

} // namespace telemetry::redis::redis_scripts
