-- Takes history that is archived off both streams in one step, or nothing.
-- KEYS: head, events, decisions, archive
-- ARGV: the first event to keep, the smallest ID its decisions can have, the archive's folder
local function is_after(a, b)  -- IDs hold 64-bit numbers, which Lua's do not
  local a_ms, a_seq = a:match('^(%d+)-(%d+)$')
  local b_ms, b_seq = b:match('^(%d+)-(%d+)$')
  if a_ms ~= b_ms then return #a_ms > #b_ms or (#a_ms == #b_ms and a_ms > b_ms) end
  return #a_seq > #b_seq or (#a_seq == #b_seq and a_seq > b_seq)
end
local cursor = redis.call('HGET', KEYS[1], 'cursor')
if not cursor or is_after(ARGV[1], cursor) then return {'undecided', 0, 0} end
if #redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1]) == 0 then return {'gone', 0, 0} end
local last_decision = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
if not last_decision or is_after(ARGV[2], last_decision[1]) then return {'emptied', 0, 0} end
local last_gone = redis.call('XREVRANGE', KEYS[2], '(' .. ARGV[1], '-', 'COUNT', 1)[1]
if not last_gone then return {'done', 0, 0} end
redis.call('HSET', KEYS[4], 'up_to', last_gone[1], 'folder', ARGV[3], 'kept_from', ARGV[1])
local events = redis.call('XTRIM', KEYS[2], 'MINID', '=', ARGV[1])
return {'done', events, redis.call('XTRIM', KEYS[3], 'MINID', '=', ARGV[2])}
