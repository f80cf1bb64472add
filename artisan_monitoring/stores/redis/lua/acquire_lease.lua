-- Take a job's lease if it is free, has run out, or is the holder's already. KEYS: job, names. ARGV: name, holder, ms.
-- Returns the token, or nothing. Tokens follow the clock, so that they grow even when the store was wiped.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local job = redis.call('HMGET', KEYS[1], 'holder', 'until', 'token')
if tonumber(job[2] or '0') > now and job[1] ~= ARGV[2] then
  return false
end
local token = math.max(tonumber(job[3] or '0') + 1, now)
-- A full Redis refuses a script whose first write may take memory; but it is the drain that makes room again.
redis.call('HDEL', KEYS[1], '')
redis.call('HSET', KEYS[1], 'holder', ARGV[2], 'token', string.format('%.0f', token),
  'until', string.format('%.0f', now + tonumber(ARGV[3]) * 1000))
redis.call('SADD', KEYS[2], ARGV[1])
return token
