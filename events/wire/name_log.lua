-- The name that only this log has: chosen once, and kept for as long as the log is.
-- One that somebody has led already is older than names, and has the empty one.
-- KEYS: log, head   ARGV: the name to give it
local name = redis.call('GET', KEYS[1])
if not name then
  name = redis.call('EXISTS', KEYS[2]) == 1 and '' or ARGV[1]
  redis.call('SETNX', KEYS[1], name)  -- who may do that may give a log its name, and take none from it
end
return name
