-- Return entries of about ARGV[2] bytes behind the id ARGV[1]; at least one if there is one. KEYS: inbox.
local found, size, after = {}, 0, ARGV[1]
while #found < 1000 do
  local some = redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', 4)
  for _, entry in ipairs(some) do
    size = size + #entry[2][8]
    if #found > 0 and size > tonumber(ARGV[2]) then
      return found
    end
    found[#found + 1] = {entry[1], entry[2][2], entry[2][4], entry[2][8]}
    after = entry[1]
  end
  if #some < 4 then
    return found
  end
end
return found
