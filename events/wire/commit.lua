-- One batch of decisions, or nothing. A zombie (older epoch) or a stale fold (other cursor) writes no line.
-- KEYS: head, decisions, status
-- ARGV: epoch, cursor before, cursor after, chain, number of events, number of status words, status words...,
--       then for each decision: its ID, number of words, words...
local head = redis.call('HMGET', KEYS[1], 'epoch', 'cursor', 'chain', 'folded')
if head[1] ~= ARGV[1] then return {'epoch', head[1] or '', '', ''} end
if (head[2] or '0-0') ~= ARGV[2] then return {'cursor', head[1], head[2] or '0-0', head[3] or ''} end
local folded = tonumber(head[4] or '0')
if not folded then return redis.error_reply('head, folded: expected a whole number, got ' .. head[4]) end
local at = 7 + tonumber(ARGV[6])
local first = at
while at <= #ARGV do
  local words = tonumber(ARGV[at + 1])
  local added = redis.pcall('XADD', KEYS[2], ARGV[at], unpack(ARGV, at + 2, at + 1 + words))
  -- Only the first can fail: IDs rise within a batch. So a failure leaves nothing behind.
  if type(added) == 'table' and added.err then
    if at == first then return {'decisions', head[1], head[2] or '0-0', added.err} end
    return redis.error_reply('half a batch was written: ' .. added.err)
  end
  at = at + 2 + words
end
folded = string.format('%.0f', folded + tonumber(ARGV[5]))
redis.call('HSET', KEYS[1], 'cursor', ARGV[3], 'chain', ARGV[4], 'folded', folded)
-- The status is no more than a view: whatever else lies under its name must not hold a decision back.
if redis.call('TYPE', KEYS[3]).ok ~= 'hash' then redis.call('DEL', KEYS[3]) end
if first > 7 then redis.call('HSET', KEYS[3], unpack(ARGV, 7, first - 1)) end
return {'done', ARGV[1], ARGV[3], tostring(redis.call('HLEN', KEYS[3]))}
