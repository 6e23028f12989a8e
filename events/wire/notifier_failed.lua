-- Counts an attempt to deliver to a destination that failed, if the term is still the notifier's own.
-- KEYS: cursor of the destination   ARGV: term
if redis.call('HGET', KEYS[1], 'term') ~= ARGV[1] then return 0 end
if type(redis.pcall('HINCRBY', KEYS[1], 'failed', 1)) == 'table' then redis.call('HSET', KEYS[1], 'failed', '1') end
return 1
