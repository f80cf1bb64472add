-- Read what a commit merges into. KEYS: state, totals, series, then one cell key for each slot.
-- ARGV: the number of slots, a field for each, then the ids of the series.
-- Returns the state, the time, how many totals and registered series there are, the cells, the totals.
local slots = tonumber(ARGV[1])
local cells, totals = {}, {}
for i = 1, slots do
  cells[i] = redis.call('HGET', KEYS[3 + i], ARGV[1 + i])
end
for i = slots + 2, #ARGV, 200 do
  for _, total in ipairs(redis.call('HMGET', KEYS[2], unpack(ARGV, i, math.min(i + 199, #ARGV)))) do
    totals[#totals + 1] = total
  end
end
return {
  redis.call('HMGET', KEYS[1], 'epoch', 'position', 'offset', 'commits'), redis.call('TIME'),
  redis.call('HLEN', KEYS[2]), redis.call('HLEN', KEYS[3]), cells, totals,
}
