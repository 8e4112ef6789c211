-- A provider has named a job: it is paid for, so it is never refused, whatever the take's state is by now.
-- ARGV: 4 batch, 5 index, 6 job id, 7 first poll in ms, 8 fields (JSON), 9 counters (JSON), 10 attempt,
--   11 '1' for a job that is known to have come besides the take's own, 12 the lane whose provider has named it, '' for
--   the take's.
-- Returns 'rendering', 'known' for a job that is the take's already, 'orphan' when the take is elsewhere already (the job
-- is then followed besides it, from now on or from before), 'over' for one that is, or 'unknown' when Redis doesn't know
-- the batch any more.
local batch, index, job = ARGV[4], ARGV[5], ARGV[6]
local key = take_key(batch, index)
if not lane_of(batch, key) then return 'unknown' end
local lane = ARGV[12] ~= '' and ARGV[12] or lane_of(batch, key)
local take = redis.call('HMGET', key, 'state', 'job_id', 'attempt', 'lane')
if take[2] == job then return OVER[take[1]] and 'over' or 'known' end
local span = span_of(spans_of(batch), tonumber(index))
if not take[1] and ARGV[10] == '1' and ARGV[11] ~= '1' and span and redis.call('GETBIT', batch_key(batch, 'done'), index) == 0 then
  -- It merely waits, as far as Redis can tell, which may have gone back: this is its first attempt all the same.
  redis.call('HSET', key, 'state', 'waiting', 'attempt', 1, 'fence', 0)
  take = {'waiting', nil, '1'}
end
local OPEN = {waiting = true, blocked = true, admitted = true, submitting = true, doubt = true, cancelled = true, waived = true}
-- An attempt is one provider's: what another one names under its number isn't this attempt's.
local its_own = not take[4] or take[4] == lane
local takes_it_up = OPEN[take[1]] and take[3] == ARGV[10] and ARGV[11] ~= '1' and its_own
local besides = redis.call('HGET', batch_key(batch, 'orphans'), job)
if not takes_it_up and besides then return tonumber(besides) and 'orphan' or 'over' end
if not takes_it_up and redis.call('ZSCORE', batch_key(batch, 'over'), job) then return 'over' end
remember_job(lane, job)
accepted_there(lane)
local fields = cjson.decode(ARGV[8])
fields.job_id = job
if takes_it_up then
  if besides then
    -- It was taken for another job than the take's own.
    local orphan = take_key(batch, besides)
    local state = redis.call('HGET', orphan, 'state')
    if state then
      leave(batch, besides, state)
      redis.call('ZREM', DUE, member(batch, besides))
      free_seat(lane, member(batch, besides))
      redis.call('DEL', orphan)
    end
    redis.call('HDEL', batch_key(batch, 'orphans'), job)
  end
  fields.error = cjson.null
  fields.lane = lane
  if take[1] == 'blocked' then
    -- Redis had gone back to before it began.
    move(batch, index, 'blocked', 'waiting', 0, {blocked_on = cjson.null, chained = cjson.null})
    take[1] = redis.call('HGET', key, 'state')
  end
  if take[1] == 'cancelled' then fields.cancelling = 'wanted' end
  redis.call('HSET', key, 'lane', lane)
  redis.call('HINCRBY', key, 'fence', 1)
  move(batch, index, take[1], 'rendering', tonumber(ARGV[7]), fields)
  for name, by in pairs(cjson.decode(ARGV[9])) do redis.call('HINCRBY', batch_key(batch), name, by) end
  return 'rendering'
end
local own = whole(ORPHANS + redis.call('HINCRBY', batch_key(batch), 'orphans', 1))
redis.call('HSET', batch_key(batch, 'orphans'), job, own)
fields.of = index
fields.attempt = ARGV[10]
fields.lane = lane
fields.state = 'rendering'
fields.fence = 0
set_fields(take_key(batch, own), fields)
count(batch, own, 'rendering', 1)
redis.call('SADD', batch_key(batch, 'alive'), own)
redis.call('SADD', lane_key(lane, 'seats'), member(batch, own))
due_in(batch, own, tonumber(ARGV[7]))
return 'orphan'
