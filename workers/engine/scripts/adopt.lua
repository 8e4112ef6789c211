-- Take over from the store's record what Redis does not know. ARGV: 4 batch, 5 index, 6 state, 7 fields (JSON),
--   8 '1' when Redis believes the take to be done and the store knows better, 9 '1' for a take that nobody asks for any
--   more, 10 '1' when what Redis holds of it is older than the record, 11 reserved (micros or ''), 12 of the day.
-- Returns 1, or 0 when Redis knows the take already: what is alive here is never overwritten, unless it is older.
local batch, index, state = ARGV[4], ARGV[5], ARGV[6]
local key = take_key(batch, index)
-- Emptied under our hands: what is written now would be in the way of whoever opens it again.
if redis.call('HEXISTS', batch_key(batch), 'digest') == 0 then return 0 end
local held = redis.call('HGET', key, 'state')
if held then
  if ARGV[10] ~= '1' then return 0 end
  local fence = redis.call('HGET', key, 'fence') or '0'
  leave(batch, index, held)
  settle_money(batch, key, 'none')
  redis.call('ZREM', DUE, member(batch, index))
  free_seat(lane_of(batch, key), member(batch, index))
  redis.call('DEL', key)
  redis.call('HSET', key, 'fence', fence)
elseif redis.call('GETBIT', batch_key(batch, 'done'), index) == 1 then
  if ARGV[8] ~= '1' then return 0 end
  -- In one step with the rest, or the take would be nobody's for a moment and could be admitted from the start.
  redis.call('SETBIT', batch_key(batch, 'done'), index, 0)
end
if ARGV[9] == '1' and redis.call('SADD', batch_key(batch, 'withdrawn'), index) == 1 then
  redis.call('HINCRBY', batch_key(batch), 'total', 1)
end
local fields = cjson.decode(ARGV[7])
if state == 'blocked' then state = await_twin(batch, index, fields) end
fields.state = state
if ARGV[9] == '1' then fields.cancelling = 'withdrawn' end
fields.fence = tonumber(redis.call('HGET', key, 'fence') or '0') + 1
set_fields(key, fields)
count(batch, index, state, 1)
if SETS[state] then redis.call('SADD', batch_key(batch, state), index) end
local lane = lane_of(batch, key)
remember_job(lane, fields.job_id)
if ARGV[11] ~= '' or ARGV[12] ~= '' then
  reserve(batch, key, lane, tonumber(ARGV[11]), tonumber(ARGV[12]))
end
if state == 'waiting' then
  redis.call('ZADD', batch_key(batch, 'back'), NOW, index)
  list_batch(batch)
elseif ALIVE[state] or state == 'doubt' then
  due_in(batch, index, 0)
end
if ALIVE[state] then redis.call('SADD', batch_key(batch, 'alive'), index) end
local may_live = state == 'doubt' or (state == 'waiting' and fields.again_since)
if SEATED[state] or (may_live and redis.call('HGET', lane_key(lane), 'queues') ~= '1') then
  redis.call('SADD', lane_key(lane, 'seats'), member(batch, index))
end
return 1
