-- Takes a worker's name for one process, or says who has it; renewing it is taking it again.
-- KEYS: the claim
-- ARGV: who takes it, for how many milliseconds, whom it may be taken from ('*': anybody)
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] and held ~= ARGV[3] and ARGV[3] ~= '*' then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ''
