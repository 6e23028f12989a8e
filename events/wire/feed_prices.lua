-- Writes last prices, or nothing where the feed was replaced; a symbol's prices never go back in time, but for
-- one that is dated later than now: it would keep all others away until then.
-- KEYS: feed head, prices
-- ARGV: epoch, source, then for each symbol its name, its price, when that was made, in ms ('': now), and the
--       contract it is of ('': not known)
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 'epoch' end
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
for i = 3, #ARGV, 4 do
  local at = tonumber(ARGV[i + 2]) or now
  local before = tonumber((redis.call('HGET', KEYS[2], ARGV[i]) or ''):match('^%S+ (%d+)') or '')
  if not before or before <= at or before > now then
    local of = ARGV[i + 3] ~= '' and ' ' .. ARGV[i + 3] or ''
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1] .. ' ' .. string.format('%.0f', at) .. ' ' .. ARGV[2] .. of)
  end
end
return 'done'
