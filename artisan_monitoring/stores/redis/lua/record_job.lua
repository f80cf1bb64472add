-- Keep the outcome of a run. KEYS: job, names. ARGV: name, runner, start, duration, end, error.
-- A full Redis refuses a script whose first write may take memory; but it is the drain that makes room again.
redis.call('HDEL', KEYS[1], '')
redis.call('HSET', KEYS[1], 'runner', ARGV[2], 'last_start', ARGV[3], 'last_duration_s', ARGV[4], 'last_error', ARGV[6])
redis.call('HINCRBY', KEYS[1], 'runs', 1)
if ARGV[6] == '' then
  redis.call('HSET', KEYS[1], 'last_success', ARGV[5])
else
  redis.call('HINCRBY', KEYS[1], 'failures', 1)
end
redis.call('SADD', KEYS[2], ARGV[1])
return 1
