-- Adds an event of the leader's own, or nothing: a leader that was paused while another took the lead adds none.
-- Limits are published only by a leader that knows the last ones: where others were ordered since, or a thousand
-- events came that nobody has looked through, those are to be read first.
-- KEYS: head, events
-- ARGV: epoch, who leads, the event up to which limits are known (or ''), the event's ID, its words...
local head = redis.call('HMGET', KEYS[1], 'epoch', 'leads')
if head[1] ~= ARGV[1] or (head[2] and head[2] ~= ARGV[2]) then return {'epoch', ''} end
if ARGV[3] ~= '' then
  local since = redis.call('XRANGE', KEYS[2], '(' .. ARGV[3], '+', 'COUNT', 1000)
  if #since == 1000 then return {'limits', ''} end
  for _, entry in ipairs(since) do
    for i = 1, #entry[2], 2 do
      if entry[2][i] == 'type' and entry[2][i + 1] == 'LimitsChanged' then return {'limits', ''} end
    end
  end
end
return {'done', redis.call('XADD', KEYS[2], ARGV[4], unpack(ARGV, 5))}
