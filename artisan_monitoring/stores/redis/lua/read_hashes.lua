-- Return hashes whole, all as of one moment: what is being moved from one to another is seen once. KEYS: the hashes.
local found = {}
for i = 1, #KEYS do
  found[i] = redis.call('HGETALL', KEYS[i])
end
return found
