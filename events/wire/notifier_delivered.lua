-- Notes what was delivered to a destination, if the term is still the notifier's own.
-- KEYS: cursor of the destination   ARGV: term, cursor, part, book
if redis.call('HGET', KEYS[1], 'term') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'cursor', ARGV[2], 'part', ARGV[3], 'book', ARGV[4], 'lost', '')
return 1
