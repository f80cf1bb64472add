-- Delete series that are silent since a time. KEYS: state, totals, series, seen; then for each id the key of its
-- metric's ids and of its gauge. ARGV: that time, the ids. Returns how many went.
local gone = 0
for i = 2, #ARGV do
  local seen = redis.call('ZSCORE', KEYS[4], ARGV[i])
  if seen and tonumber(seen) < tonumber(ARGV[1]) then
    redis.call('HDEL', KEYS[2], ARGV[i])
    redis.call('HDEL', KEYS[3], ARGV[i])
    redis.call('ZREM', KEYS[4], ARGV[i])
    redis.call('SREM', KEYS[2 * i + 1], ARGV[i])
    redis.call('DEL', KEYS[2 * i + 2])
    gone = gone + 1
  end
end
if gone > 0 then
  -- A commit that has read one of them must read again.
  redis.call('HINCRBY', KEYS[1], 'commits', 1)
end
return gone
