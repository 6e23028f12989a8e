-- Notes what people have to know of the market's data, or takes it back ('' as sentence), unless replaced.
-- KEYS: feed head, feed notices   ARGV: epoch, then for each notice its subject and its sentence
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 'epoch' end
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[2], ARGV[i])
  else
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
  end
end
return 'done'
