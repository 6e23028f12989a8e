-- Adds one step of the market, or nothing: a feed that was replaced adds none, and time only goes on, but for a
-- last step that is dated far ahead of now, and of ours: it would keep all others away until then ('ahead').
-- KEYS: feed head, bars
-- ARGV: epoch, who feeds, the step's time in ms, how many steps to keep, how many ms are far ahead, the step's words...
local head = redis.call('HMGET', KEYS[1], 'epoch', 'leads')
if head[1] ~= ARGV[1] or (head[2] and head[2] ~= ARGV[2]) then return 'epoch' end
local at, outcome = tonumber(ARGV[3]), 'done'
local now = redis.call('TIME')
local far = now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[5]
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
for i = 1, last and #last[2] or 0, 2 do
  local time = last[2][i] == 'time_ms' and tonumber(last[2][i + 1])
  if time and time >= at then
    if time <= far or at > far then return 'time' end
    outcome = 'ahead'
  end
end
redis.call('XADD', KEYS[2], 'MAXLEN', '=', ARGV[4], '*', unpack(ARGV, 6))
return outcome
