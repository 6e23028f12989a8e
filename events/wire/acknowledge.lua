-- Puts the acknowledgement of a loss on the log, and the head's count right, in one step; or does nothing.
-- KEYS: head, events
-- ARGV: cursor and count as they were found, the count from now on, "cut off" if the log ends before the
--       cursor, words of the event...
local head = redis.call('HMGET', KEYS[1], 'cursor', 'folded')
if (head[1] or '0-0') ~= ARGV[1] or (head[2] or '0') ~= ARGV[2] then return {'moved', ''} end
-- Whatever is decided next has to lie behind the cursor, which only the clock sees to where the log does not.
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
if ARGV[4] == 'cut off' and now_ms <= tonumber(ARGV[1]:match('^%d+')) then return {'clock', ''} end
local event = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 5))
redis.call('HSETNX', KEYS[1], 'epoch', '0')  -- there is a head from now on, also where nobody ever led
redis.call('HSET', KEYS[1], 'folded', ARGV[3])
return {'done', event}
