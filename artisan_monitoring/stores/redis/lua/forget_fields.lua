-- Delete fields of a hash whose values are still what they were. KEYS: the hash. ARGV: field, value, field, value, ...
local gone = 0
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    gone = gone + redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
return gone
