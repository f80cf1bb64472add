-- Apply a commit if nothing moved since it was prepared, all of it or nothing.
-- KEYS: state, totals, series, seen, dirty, processes; then a cell key for each cell, a key of the series of each hour,
-- a key of the ids of each new series' metric, and a key for each gauge.
-- ARGV: epoch, position, offset and commits as they were read; the new position and offset; the time;
-- the numbers of hours, cells, totals, new series, gauges, producers, losses; then those, each flat:
-- hour, expiry | number of its hour, field, cell | id, total | id, text | process, time, value, life | process, drained
-- | reason, count. Returns 1, or 0 if something moved.
local state = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'offset', 'commits')
for i = 1, 4 do
  if state[i] ~= ARGV[i] then
    return 0
  end
end
-- A full Redis refuses a script whose first write may take memory; but it is the drain that makes room again.
redis.call('HDEL', KEYS[1], '')
local number = redis.call('HINCRBY', KEYS[1], 'commits', 1)
redis.call('HSET', KEYS[1], 'position', ARGV[5], 'offset', ARGV[6])

local now, at = ARGV[7], 14
local hours, cells, totals, series, gauges, producers, losses =
  tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12]),
  tonumber(ARGV[13]), tonumber(ARGV[14])

local hour_at = at
for i = 1, hours do
  redis.call('HSET', KEYS[5], ARGV[at + 1], number)
  at = at + 2
end
for i = 1, cells do
  local key, hour = KEYS[6 + i], tonumber(ARGV[at + 1])
  if redis.call('HSET', key, ARGV[at + 2], ARGV[at + 3]) == 1 and redis.call('HLEN', key) == 1 then
    local members = KEYS[6 + cells + hour]
    local expiry = ARGV[hour_at + 2 * hour]
    redis.call('EXPIREAT', key, expiry)
    redis.call('SADD', members, string.match(key, '([^:]+):%-?%d+$'))
    redis.call('EXPIREAT', members, expiry)
  end
  at = at + 3
end
for i = 1, totals, 100 do
  local some = math.min(100, totals - i + 1)
  redis.call('HSET', KEYS[2], unpack(ARGV, at + 1, at + 2 * some))
  local seen = {}
  for k = 1, some do
    seen[2 * k - 1], seen[2 * k] = now, ARGV[at + 2 * k - 1]
  end
  redis.call('ZADD', KEYS[4], unpack(seen))
  at = at + 2 * some
end
local base = 6 + cells + hours
for i = 1, series do
  redis.call('HSET', KEYS[3], ARGV[at + 1], ARGV[at + 2])
  redis.call('SADD', KEYS[base + i], ARGV[at + 1])
  at = at + 2
end
base = base + series
for i = 1, gauges do
  local known = redis.call('HGET', KEYS[base + i], ARGV[at + 1])
  -- An older time never wins.
  if not known or tonumber(string.match(known, '^%S+')) <= tonumber(ARGV[at + 2]) then
    redis.call('HSET', KEYS[base + i], ARGV[at + 1], ARGV[at + 2] .. ' ' .. ARGV[at + 3])
  end
  redis.call('EXPIRE', KEYS[base + i], ARGV[at + 4])
  at = at + 4
end
for i = 1, producers do
  redis.call('HSET', KEYS[6], 'd:' .. ARGV[at + 1], ARGV[at + 2])
  at = at + 2
end
for i = 1, losses do
  -- A sum beyond 64 bits is an error, and an error here would leave half a commit.
  redis.pcall('HINCRBY', KEYS[1], 'loss:' .. ARGV[at + 1], ARGV[at + 2])
  at = at + 2
end
return 1
