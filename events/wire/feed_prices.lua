-- Writes last prices, or nothing where the feed was replaced; a symbol's prices never go back in time, but for
-- one that is dated later than now: it would keep all others away until then.
-- KEYS: feed head, prices
-- ARGV: epoch, who feeds, source, then for each symbol its name, its price, when that was made, in ms ('': now),
--       and the contract it is of ('': not known)
local head = redis.call('HMGET', KEYS[1], 'epoch', 'leads')
if head[1] ~= ARGV[1] or (head[2] and head[2] ~= ARGV[2]) then return 'epoch' end
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
for i = 4, #ARGV, 4 do
  local at = tonumber(ARGV[i + 2]) or now
  local before = tonumber((redis.call('HGET', KEYS[2], ARGV[i]) or ''):match('^%S+ (%d+)') or '')
  if not before or before <= at or before > now then
    local of = ARGV[i + 3] ~= '' and ' ' .. ARGV[i + 3] or ''
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1] .. ' ' .. string.format('%.0f', at) .. ' ' .. ARGV[3] .. of)
  end
end
return 'done'
