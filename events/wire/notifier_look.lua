-- How things stand for a destination's notifier, if the term is still its own; nothing if another's has begun.
-- KEYS: cursor of the destination, head, archive, leader   ARGV: term
if redis.call('HGET', KEYS[1], 'term') ~= ARGV[1] then return {} end
-- It is there and stays as it is; but a server that takes no writes refuses here, before anything is sent that could
-- not be noted.
redis.call('HSETNX', KEYS[1], 'term', ARGV[1])
local now = redis.call('TIME')
return {
  redis.call('HGET', KEYS[2], 'cursor') or '',
  redis.call('HGET', KEYS[3], 'up_to') or '',
  redis.call('GET', KEYS[4]) or '',
  now[1] * 1000 + math.floor(now[2] / 1000),
}
