-- Return the number of entries, their bytes, the id of the oldest, and the time. KEYS: state, processes, inbox.
local waiting = waiting_bytes()
local oldest = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)
local now = redis.call('TIME')
return {redis.call('XLEN', KEYS[3]), waiting, oldest[1] and oldest[1][1] or '', now[1], now[2]}
