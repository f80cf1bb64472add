-- Put before every script that needs the state: KEYS[1] is the state, KEYS[2] the processes, KEYS[3] the inbox.
-- The processes carry the epoch too: evicted alone, they would let a retried batch in twice.
local function ensure_state(fresh_epoch)
  local epoch = redis.call('HGET', KEYS[1], 'epoch')
  if epoch and redis.call('HGET', KEYS[2], 'epoch') == epoch then
    return epoch
  end
  local now = redis.call('TIME')
  redis.call('DEL', KEYS[2], KEYS[3])
  -- Commit numbers go on above those of an earlier epoch, or roll-ups would take new cells for old ones.
  local first = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
  local before = tonumber(redis.call('HGET', KEYS[1], 'commits') or '0')
  redis.call('HSET', KEYS[1], 'epoch', fresh_epoch, 'position', 0, 'offset', 0, 'appended', 0, 'trimmed', 0,
    'commits', string.format('%.0f', math.max(first, before + 1)))
  redis.call('HSET', KEYS[2], 'epoch', fresh_epoch)
  return fresh_epoch
end

-- Bytes appended and not trimmed; an inbox that was evicted has taken its bytes along.
local function waiting_bytes()
  local sums = redis.call('HMGET', KEYS[1], 'appended', 'trimmed')
  local waiting = tonumber(sums[1] or '0') - tonumber(sums[2] or '0')
  if waiting ~= 0 and redis.call('EXISTS', KEYS[3]) == 0 then
    redis.call('HSET', KEYS[1], 'trimmed', sums[1])
    return 0
  end
  return waiting
end
