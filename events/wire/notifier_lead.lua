-- Takes a destination's lease if it is free or mine, and with it a new term, which shuts every earlier one out.
-- It goes on after what was delivered; where nothing says that, as for a new destination or after somebody removed or
-- overwrote its cursor, where the log is decided up to now. A cursor that the log has not come to is none.
-- The last value answered is '1' where somebody overwrote it, until the next delivery is noted.
-- Earlier versions read by a consumer group, and had the same cursor: whatever that group had read and not delivered
-- lies behind it, so it is read again, and the group goes.
-- KEYS: lease, cursor of the destination, events, head   ARGV: who, lease in ms, consumer group of earlier versions
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {'0', holder, '', '', '', ''} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local kind, lost = redis.call('TYPE', KEYS[2]).ok, ''
local noted = kind == 'hash' and redis.call('HMGET', KEYS[2], 'cursor', 'part', 'term') or {}
local decided = redis.call('HGET', KEYS[4], 'cursor') or '0-0'
local function number(text, digits)  -- as the server writes one, which counts up no other
  return text and #text <= digits and (text == '0' or text:find('^[1-9]%d*$'))
end
local ms, seq = (noted[1] or ''):match('^(%d+)%-(%d+)$')
local from = number(ms, 19) and number(seq, 19) and noted[1]
local function is_reached(id)
  return id == '0-0' or id == decided or #redis.call('XREVRANGE', KEYS[3], '+', id, 'COUNT', 1) > 0
end
if not from or not is_reached(from) then
  if noted[1] or kind ~= 'hash' and kind ~= 'none' then lost = '1' end
  if lost == '1' then redis.call('DEL', KEYS[2]) end
  redis.call('HSET', KEYS[2], 'cursor', decided, 'part', '0', 'book', '', 'lost', lost)
elseif noted[2] and not number(noted[2], 9) then
  redis.call('HSET', KEYS[2], 'part', '0')
end
-- What term it was is gone with the rest: a later one than any that was counted is the time.
if lost == '1' or noted[3] and not number(noted[3], 14) then
  local now = redis.call('TIME')
  redis.call('HSET', KEYS[2], 'term', string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000)))
end
if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('XGROUP', 'DESTROY', KEYS[3], ARGV[3]) end
local term = redis.call('HINCRBY', KEYS[2], 'term', 1)
noted = redis.call('HMGET', KEYS[2], 'cursor', 'part', 'book', 'lost')
return {string.format('%.0f', term), ARGV[1], noted[1], noted[2] or '0', noted[3] or '', noted[4] or ''}
