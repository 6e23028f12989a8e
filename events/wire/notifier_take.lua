-- The next events for a destination, by its consumer group, if the term is still ours; and how things stand.
-- KEYS: place, events, head, archive, leader   ARGV: term, group, ">" or what to read again after, how many
if redis.call('HGET', KEYS[1], 'term') ~= ARGV[1] then return {} end
local reply = redis.call('XREADGROUP', 'GROUP', ARGV[2], 'notifier', 'COUNT', ARGV[4], 'STREAMS', KEYS[2], ARGV[3])
local now = redis.call('TIME')
return {
  reply and reply[1][2] or {},
  redis.call('HGET', KEYS[3], 'cursor') or '',
  redis.call('HGET', KEYS[4], 'up_to') or '',
  redis.call('GET', KEYS[5]) or '',
  now[1] * 1000 + math.floor(now[2] / 1000),
}
