-- Delete entries up to an id, if the epoch is still this. KEYS: state, inbox. ARGV: that id, the id after it, the epoch.
-- Returns how many went.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[3] then
  return 0
end
local last = redis.call('XREVRANGE', KEYS[2], ARGV[1], '-', 'COUNT', 1)
if #last == 0 then
  return 0
end
-- In this order: a full Redis refuses a script whose first write may take memory.
local gone = redis.call('XTRIM', KEYS[2], 'MINID', ARGV[2])
redis.call('HSET', KEYS[1], 'trimmed', last[1][2][6])
return gone
