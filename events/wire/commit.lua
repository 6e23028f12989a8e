-- One batch of decisions, or nothing. A zombie (older epoch) or a stale fold (other cursor) writes no line. A server
-- that failed over may have lost a term, and gives its number again: so the number counts together with the name. It
-- may have lost the event that was folded last: then nothing is decided.
-- KEYS: head, decisions, status, events
-- ARGV: MessagePack of: epoch, who leads, cursor before, cursor after, chain, number of events, the status words, and
--       the decisions, each an ID and its words
local epoch, who, before, after, chain, events, status, decisions = unpack(cmsgpack.unpack(ARGV[1]))
local head = redis.call('HMGET', KEYS[1], 'epoch', 'cursor', 'chain', 'folded', 'leads')
if head[1] ~= epoch or (head[5] and head[5] ~= who) then return {'epoch', head[1] or '', '', ''} end
if (head[2] or '0-0') ~= before then return {'cursor', head[1], head[2] or '0-0', head[3] or ''} end
if events > 0 and #redis.call('XRANGE', KEYS[4], after, after) == 0 then
  -- Trimmed away it counts all the same: then nothing is left that came before it.
  if redis.call('XRANGE', KEYS[4], '-', after, 'COUNT', 1)[1] then return {'gone', head[1], head[2] or '0-0', ''} end
end
local folded = tonumber(head[4] or '0')
if not folded then return redis.error_reply('head, folded: expected a whole number, got ' .. head[4]) end
for index, decision in ipairs(decisions) do
  local added = redis.pcall('XADD', KEYS[2], decision[1], unpack(decision[2]))
  -- Only the first can fail: IDs rise within a batch. So a failure leaves nothing behind.
  if type(added) == 'table' and added.err then
    if index == 1 then return {'decisions', head[1], head[2] or '0-0', added.err} end
    return redis.error_reply('half a batch was written: ' .. added.err)
  end
end
redis.call('HSET', KEYS[1], 'cursor', after, 'chain', chain, 'folded', string.format('%.0f', folded + events))
-- The status is no more than a view: whatever else lies under its name must not hold a decision back.
if redis.call('TYPE', KEYS[3]).ok ~= 'hash' then redis.call('DEL', KEYS[3]) end
if #status > 0 then redis.call('HSET', KEYS[3], unpack(status)) end
return {'done', epoch, after, tostring(redis.call('HLEN', KEYS[3]))}
