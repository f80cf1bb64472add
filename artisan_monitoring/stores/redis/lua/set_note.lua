-- Keep a note. KEYS: notes of the kind. ARGV: name, life in ms, json.
local life = tonumber(ARGV[2])
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.0f ', now, now + life) .. ARGV[3])
if redis.call('PTTL', KEYS[1]) < life then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', life))
end
if redis.call('HLEN', KEYS[1]) > 256 then
  living_notes()
end
return 1
