-- Takes the lease if it is free or mine, and with it a new epoch, which shuts every earlier leader out.
-- KEYS: leader, head   ARGV: who, lease in ms
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {'', holder, '', '', '', ''} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local epoch = redis.call('HINCRBY', KEYS[2], 'epoch', 1)
local head = redis.call('HMGET', KEYS[2], 'cursor', 'chain', 'folded', 'server')
return {tostring(epoch), ARGV[1], head[1] or '', head[2] or '', head[3] or '', head[4] or ''}
