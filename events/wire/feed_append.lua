-- Adds one step of the market, or nothing: a feed that was replaced adds none, and time only goes on, but for a
-- last step that is dated far ahead of now, and of ours: it would keep all others away until then ('ahead').
-- KEYS: feed head, bars
-- ARGV: epoch, the step's time in ms, how many steps to keep, how many ms are far ahead, the step's words...
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 'epoch' end
local at, outcome = tonumber(ARGV[2]), 'done'
local now = redis.call('TIME')
local far = now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[4]
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
for i = 1, last and #last[2] or 0, 2 do
  local time = last[2][i] == 'time_ms' and tonumber(last[2][i + 1])
  if time and time >= at then
    if time <= far or at > far then return 'time' end
    outcome = 'ahead'
  end
end
redis.call('XADD', KEYS[2], 'MAXLEN', '=', ARGV[3], '*', unpack(ARGV, 5))
return outcome
