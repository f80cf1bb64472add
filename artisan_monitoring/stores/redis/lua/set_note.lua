-- Keep a note. KEYS: notes of the kind. ARGV: name, life in ms, json.
local life = tonumber(ARGV[2])
local added = redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.0f ', now, now + life) .. ARGV[3])
if redis.call('PTTL', KEYS[1]) < life then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', life))
end
-- Not at every note: of a thousand processes each would look through the notes of all the others.
if added == 1 then
  local held = redis.call('HLEN', KEYS[1])
  if held > 256 and held % 64 == 0 then
    living_notes()
  end
end
return 1
