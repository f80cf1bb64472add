-- Put cells into archives, if neither their hour nor an archive was written to since they were read.
-- KEYS: state, dirty; then for each series the hash of its hour, and the hash that takes the archive (the same one, or a
-- block's). ARGV: the hour, its commit number as read (empty: none), when a block expires; then for each series the
-- archive's field, the archive, the block's version as read (empty: none), how many fields of the hour go, those.
-- Returns 1, or 0 if something was written to.
if (redis.call('HGET', KEYS[2], ARGV[1]) or '') ~= ARGV[2] then
  return 0
end
local at = 4
for i = 3, #KEYS, 2 do
  if (redis.call('HGET', KEYS[i + 1], 'v') or '') ~= ARGV[at + 2] then
    return 0
  end
  at = at + 4 + tonumber(ARGV[at + 3])
end
-- A commit prepared before this one must read again.
redis.call('HINCRBY', KEYS[1], 'commits', 1)
at = 4
for i = 3, #KEYS, 2 do
  redis.call('HSET', KEYS[i + 1], ARGV[at], ARGV[at + 1])
  if KEYS[i + 1] ~= KEYS[i] then
    redis.call('HINCRBY', KEYS[i + 1], 'v', 1)
    redis.call('EXPIREAT', KEYS[i + 1], ARGV[3])
  end
  -- Only now: an empty hash is gone, and its expiry with it.
  local first = at + 4
  at = first + tonumber(ARGV[at + 3])
  for gone = first, at - 1 do
    redis.call('HDEL', KEYS[i], ARGV[gone])
  end
end
return 1
