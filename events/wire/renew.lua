-- Keeps the lease, or a sign of life, for another while, if it is still mine. With 0 ms gives it up at once.
-- One that lapsed while nobody else wanted it is still mine as long as my epoch leads: a term goes on.
-- KEYS: leader, head (of a portfolio's leader)   ARGV: who, lease in ms, epoch (the same)
local holder = redis.call('GET', KEYS[1])
if not holder and ARGV[3] and ARGV[2] ~= '0' then
  local head = redis.call('HMGET', KEYS[2], 'epoch', 'leads')
  if head[1] == ARGV[3] and (not head[2] or head[2] == ARGV[1]) then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return 1
  end
end
if holder ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])  -- with 0 it is gone at once, by nobody's leave to delete
