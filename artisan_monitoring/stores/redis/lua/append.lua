-- Append a batch once. KEYS: state, processes, inbox. ARGV: process, sequence, payload, limit in bytes, a fresh epoch.
-- Returns what happened, the epoch, the bytes waiting, and the time.
local epoch = ensure_state(ARGV[5])
local now = redis.call('TIME')
local waiting = waiting_bytes()
local guard = 'a:' .. ARGV[1]
local last = redis.call('HGET', KEYS[2], guard)
if last and tonumber(string.match(last, '^%S+')) >= tonumber(ARGV[2]) then
  return {'duplicate', epoch, waiting, now[1], now[2]}
end
local size = #ARGV[3]
if waiting + size > tonumber(ARGV[4]) then
  return {'full', epoch, waiting, now[1], now[2]}
end
-- Each entry carries the sum of bytes up to itself, so that trimming needs to look at one entry only.
local sum = redis.call('HINCRBY', KEYS[1], 'appended', size)
redis.call('XADD', KEYS[3], '*', 'p', ARGV[1], 's', ARGV[2], 'c', string.format('%.0f', sum), 'b', ARGV[3])
redis.call('HSET', KEYS[2], guard, ARGV[2] .. ' ' .. now[1])
return {'appended', epoch, waiting + size, now[1], now[2]}
