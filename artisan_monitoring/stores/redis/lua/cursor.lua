-- Return epoch, position and offset. KEYS: state, processes, inbox. ARGV: a fresh epoch.
ensure_state(ARGV[1])
return redis.call('HMGET', KEYS[1], 'epoch', 'position', 'offset')
