-- Return what a round of the drain begins with. KEYS: state, processes, inbox. ARGV: a fresh epoch, a limit in bytes.
-- Returns the cursor, the time, how many entries there are, the oldest of them, and what is known of their processes.
ensure_state(ARGV[1])
local found = entries_behind(KEYS[3], '0-0', tonumber(ARGV[2]))
local known, asked = {}, {}
for _, entry in ipairs(found) do
  local process = entry[2]
  if not asked[process] then
    asked[process] = true
    known[#known + 1] = {process, redis.call('HGET', KEYS[2], 'd:' .. process)}
  end
end
return {
  redis.call('HMGET', KEYS[1], 'epoch', 'position', 'offset'), redis.call('TIME'),
  redis.call('XLEN', KEYS[3]), found, known,
}
