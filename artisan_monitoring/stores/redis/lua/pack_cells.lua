-- Replace fields of cell hashes, if their hour was not written to since they were read.
-- KEYS: state, dirty, then the cell keys. ARGV: the hour, its commit number as read (empty: none); then for each key
-- how many fields to write, those with their values; how many to delete, those. Returns 1, or 0 if it was written to.
if (redis.call('HGET', KEYS[2], ARGV[1]) or '') ~= ARGV[2] then
  return 0
end
-- A commit prepared before this one must read again.
redis.call('HINCRBY', KEYS[1], 'commits', 1)
local at = 2
for i = 3, #KEYS do
  at = at + 1
  local last = at + 2 * tonumber(ARGV[at])
  while at < last do
    redis.call('HSET', KEYS[i], ARGV[at + 1], ARGV[at + 2])
    at = at + 2
  end
  -- Only now: an empty hash is gone, and its expiry with it.
  at = at + 1
  last = at + tonumber(ARGV[at])
  while at < last do
    at = at + 1
    redis.call('HDEL', KEYS[i], ARGV[at])
  end
end
return 1
