-- End a lease that is still this one. KEYS: job. ARGV: holder, token.
local job = redis.call('HMGET', KEYS[1], 'holder', 'token')
if job[1] == ARGV[1] and job[2] == ARGV[2] then
  redis.call('HSET', KEYS[1], 'until', 0)
end
return 1
