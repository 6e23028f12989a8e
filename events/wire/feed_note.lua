-- Notes what people have to know of the market's data, or takes it back ('' as sentence), unless replaced.
-- KEYS: feed head, feed notices   ARGV: epoch, who feeds, then for each notice its subject and its sentence
local head = redis.call('HMGET', KEYS[1], 'epoch', 'leads')
if head[1] ~= ARGV[1] or (head[2] and head[2] ~= ARGV[2]) then return 'epoch' end
for i = 3, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[2], ARGV[i])
  else
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
  end
end
return 'done'
