-- Takes the lease if it is free or mine, and with it a new epoch, which shuts every earlier leader out.
-- KEYS: leader, head   ARGV: who, lease in ms, the longest in ms that anybody else's is waited for
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  -- One that lasts longer was taken before the server's clock was put back: whoever is alive renews it in time.
  local lasts = redis.call('PTTL', KEYS[1])
  if lasts < 0 or lasts > tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
  return {'', holder, '', '', '', ''}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local epoch = redis.call('HINCRBY', KEYS[2], 'epoch', 1)
redis.call('HSET', KEYS[2], 'leads', ARGV[1])
local head = redis.call('HMGET', KEYS[2], 'cursor', 'chain', 'folded', 'server')
return {tostring(epoch), ARGV[1], head[1] or '', head[2] or '', head[3] or '', head[4] or ''}
