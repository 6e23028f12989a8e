-- An event of the leader's own, or nothing: whoever was paused while another took the lead says no word.
-- KEYS: head, events   ARGV: epoch, the event's ID, words of the event...
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return '' end
return redis.call('XADD', KEYS[2], ARGV[2], unpack(ARGV, 3))
