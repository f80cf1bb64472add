-- Return entries of an inbox behind an id: about `limit` bytes, at least one if there is one, at most 1,000.
local function entries_behind(inbox, after, limit)
  local found, size = {}, 0
  while #found < 1000 do
    local some = redis.call('XRANGE', inbox, '(' .. after, '+', 'COUNT', 4)
    for _, entry in ipairs(some) do
      size = size + #entry[2][8]
      if #found > 0 and size > limit then
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
end

