-- Take over from the store's record what Redis does not know. ARGV: 3 batch, 4 index, 5 state, 6 fields (JSON),
--   7 '1' when Redis believes the take to be done and the store knows better.
-- Returns 1, or 0 when Redis knows the take already: what is alive here is never overwritten.
local batch, index, state = ARGV[3], ARGV[4], ARGV[5]
local key = take_key(batch, index)
if redis.call('EXISTS', key) == 1 then return 0 end
if redis.call('GETBIT', batch_key(batch, 'done'), index) == 1 then
  if ARGV[7] ~= '1' then return 0 end
  -- In one step with the rest, or the take would be nobody's for a moment and could be admitted from the start.
  redis.call('SETBIT', batch_key(batch, 'done'), index, 0)
end
local fields = cjson.decode(ARGV[6])
fields.state = state
fields.fence = 0
set_fields(key, fields)
count(batch, state, 1)
if SETS[state] then redis.call('SADD', batch_key(batch, state), index) end
local lane = redis.call('HGET', batch_key(batch), 'lane')
remember_job(lane, fields.job_id)
if state == 'waiting' then
  redis.call('ZADD', batch_key(batch, 'back'), NOW, index)
  list_batch(lane, batch)
elseif state == 'doubt' then
  if redis.call('HGET', lane_key(lane), 'lists') == '1' then due_in(batch, index, 0) end
elseif state ~= 'failed' then
  due_in(batch, index, 0)
end
if SEATED[state] or (state == 'doubt' and redis.call('HGET', lane_key(lane), 'queues') ~= '1') then
  redis.call('SADD', lane_key(lane, 'seats'), member(batch, index))
end
return 1
