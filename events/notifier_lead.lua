-- Takes a destination's lease if it is free or mine, and with it a new term, which shuts every earlier one out.
-- Sees to it that the consumer group is there. It begins where the destination has been told up to; where nothing
-- says that, as for a new one or after somebody removed the place, where the log is decided up to now.
-- KEYS: lease, place, events, head   ARGV: who, lease in ms, group
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {'0', holder, '', '', ''} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local from = redis.call('HGET', KEYS[2], 'cursor')
if not from then
  from = redis.call('HGET', KEYS[4], 'cursor') or '0-0'
  if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('XGROUP', 'DESTROY', KEYS[3], ARGV[3]) end
  redis.call('HSET', KEYS[2], 'cursor', from, 'part', '0', 'book', '')
end
local made = redis.pcall('XGROUP', 'CREATE', KEYS[3], ARGV[3], from, 'MKSTREAM')
if made.err and not made.err:find('BUSYGROUP') then return made end
local term = redis.call('HINCRBY', KEYS[2], 'term', 1)
local place = redis.call('HMGET', KEYS[2], 'cursor', 'part', 'book')
return {tostring(term), ARGV[1], place[1], place[2] or '0', place[3] or ''}
