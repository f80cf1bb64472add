-- Delete entries up to an id. KEYS: state, inbox. ARGV: that id, the id after it. Returns how many went.
local last = redis.call('XREVRANGE', KEYS[2], ARGV[1], '-', 'COUNT', 1)
if #last == 0 then
  return 0
end
-- In this order: a full Redis refuses a script whose first write may take memory.
local gone = redis.call('XTRIM', KEYS[2], 'MINID', ARGV[2])
redis.call('HSET', KEYS[1], 'trimmed', last[1][2][6])
return gone
