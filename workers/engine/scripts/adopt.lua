-- Take over from the store's record what Redis does not know. ARGV: 3 batch, 4 index, 5 state, 6 fields (JSON).
-- Returns 1, or 0 when Redis knows the take already: what is alive here is never overwritten.
local batch, index, state = ARGV[3], ARGV[4], ARGV[5]
local key = take_key(batch, index)
if redis.call('GETBIT', batch_key(batch, 'done'), index) == 1 or redis.call('EXISTS', key) == 1 then return 0 end
local fields = cjson.decode(ARGV[6])
fields.state = state
fields.fence = 0
set_fields(key, fields)
count(batch, state, 1)
if SETS[state] then redis.call('SADD', batch_key(batch, state), index) end
local lane = redis.call('HGET', batch_key(batch), 'lane')
if state == 'waiting' then
  redis.call('ZADD', batch_key(batch, 'back'), NOW, index)
  redis.call('ZADD', lane_key(lane, 'batches'), 'NX', 0, batch)
elseif state ~= 'doubt' and state ~= 'failed' then
  if SEATED[state] then redis.call('SADD', lane_key(lane, 'seats'), member(batch, index)) end
  due_in(batch, index, 0)
end
return 1
