-- Put before the scripts of notes: KEYS[1] holds the notes of a kind, each `written until json` in milliseconds.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function living_notes()
  local all, living = redis.call('HGETALL', KEYS[1]), {}
  for i = 1, #all, 2 do
    local written, ends = string.match(all[i + 1], '^(%d+) (%d+) ')
    if ends and tonumber(ends) > now then
      living[#living + 1] = {all[i], now - tonumber(written), all[i + 1]}
    else
      redis.call('HDEL', KEYS[1], all[i])
    end
  end
  return living
end
