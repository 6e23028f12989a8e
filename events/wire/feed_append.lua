-- Adds one step of the market, or nothing: a feed that was replaced adds none, and time only goes on.
-- KEYS: feed head, bars   ARGV: epoch, the step's time in ms, how many steps to keep, the step's words...
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 'epoch' end
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
for i = 1, last and #last[2] or 0, 2 do
  local time = last[2][i] == 'time_ms' and tonumber(last[2][i + 1])
  if time and time >= tonumber(ARGV[2]) then return 'time' end
end
redis.call('XADD', KEYS[2], 'MAXLEN', '=', ARGV[3], '*', unpack(ARGV, 4))
return 'done'
