-- Takes the end of the log off both streams, sets the head back, and puts on what goes on, in one step; or nothing.
-- KEYS: head, events, decisions, snapshot, leader, one that nobody else uses
-- ARGV: MessagePack of: epoch and cursor as they were found, the last event as it was found, the first event to take
--       off and the last to keep, the first decision to take off and the last to keep, how many events were ever
--       added up to there, the head's cursor, chain and count from now on, the snapshot ('' to leave it), and the
--       events to put on, each its words: what opens the term, the record, and the rest
-- Returns the record's ID.
local as = cmsgpack.unpack(ARGV[1])
local head = redis.call('HMGET', KEYS[1], 'epoch', 'cursor')
if (head[1] or '0') ~= as.epoch or (head[2] or '0-0') ~= as.found then return {'moved', ''} end
local stream = redis.call('XINFO', 'STREAM', KEYS[2])
for index = 1, #stream, 2 do
  if stream[index] == 'last-generated-id' and stream[index + 1] ~= as.last then return {'moved', ''} end
end
local function cut(key, first, last, added)
  if redis.call('EXISTS', key) == 0 then return end
  while true do
    local ids = {}
    for index, entry in ipairs(redis.call('XRANGE', key, first, '+', 'COUNT', 1000)) do ids[index] = entry[1] end
    if #ids == 0 then break end
    redis.call('XDEL', key, unpack(ids))
  end
  if last == '0-0' then last = '0-1' end  -- the server takes the other for none given; no decision has it
  -- A last ID has to lie behind the largest that was deleted, so that goes back first.
  redis.call('XSETID', key, '18446744073709551615-18446744073709551615', 'MAXDELETEDID', last)
  redis.call('XSETID', key, last, 'ENTRIESADDED', added, 'MAXDELETEDID', last)
end
-- A server that does not do this as it should says so here, before anything is gone.
redis.call('XADD', KEYS[6], '1-1', 'a', 'b')
redis.call('XADD', KEYS[6], '2-1', 'a', 'b')
cut(KEYS[6], '2-1', '1-1', '1')
redis.call('DEL', KEYS[6])
cut(KEYS[2], as.first, as.keep, as.added)
cut(KEYS[3], as.first_decision, as.keep_decision, as.decisions)
redis.call('HSET', KEYS[1], 'cursor', as.cursor, 'chain', as.chain, 'folded', as.folded)
redis.call('HINCRBY', KEYS[1], 'epoch', 1)  -- whoever leads by what is gone writes nothing more
if as.snapshot ~= '' then redis.call('SET', KEYS[4], as.snapshot) end
redis.call('DEL', KEYS[5])
local record = ''
for index, words in ipairs(as.events) do
  local event = redis.call('XADD', KEYS[2], '*', unpack(words))
  if index == 2 then record = event end
end
return {'done', record}
