-- Raise the number of shards ever used, and return it. KEYS: state of the first shard. ARGV: the number now.
local known = tonumber(redis.call('HGET', KEYS[1], 'shards') or '0')
if known < tonumber(ARGV[1]) then
  known = tonumber(ARGV[1])
  redis.call('HSET', KEYS[1], 'shards', known)
end
return known
