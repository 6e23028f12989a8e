-- Keeps the lease for another while, if it is still mine. With 0 ms gives it up at once.
-- KEYS: leader   ARGV: who, lease in ms
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
