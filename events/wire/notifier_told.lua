-- Notes what a destination has been told, in one step: acknowledges those events and moves its place; or nothing.
-- KEYS: place, events   ARGV: term, group, cursor, part, book, events...
if redis.call('HGET', KEYS[1], 'term') ~= ARGV[1] then return 0 end
for first = 6, #ARGV, 1000 do
  redis.call('XACK', KEYS[2], ARGV[2], unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
redis.call('HSET', KEYS[1], 'cursor', ARGV[3], 'part', ARGV[4], 'book', ARGV[5], 'lost', '')
return 1
