-- A provider has named a job: it is paid for, so it is never refused, whatever the take's state is by now.
-- ARGV: 3 batch, 4 index, 5 job id, 6 first poll in ms, 7 fields (JSON), 8 counters (JSON).
-- Returns 'rendering', 'known' for a job recorded before, or 'orphan' when the take is elsewhere already.
local batch, index, job = ARGV[3], ARGV[4], ARGV[5]
local key = take_key(batch, index)
local take = redis.call('HMGET', key, 'state', 'job_id')
if take[2] == job then return 'known' end
remember_job(redis.call('HGET', batch_key(batch), 'lane'), job)
if take[1] == 'submitting' or take[1] == 'doubt' then
  local fields = cjson.decode(ARGV[7])
  fields.job_id = job
  fields.error = cjson.null
  move(batch, index, take[1], 'rendering', tonumber(ARGV[6]), fields)
  for name, by in pairs(cjson.decode(ARGV[8])) do redis.call('HINCRBY', batch_key(batch), name, by) end
  return 'rendering'
end
redis.call('HSET', batch_key(batch, 'orphans'), job, cjson.encode({index = index, fields = ARGV[7]}))
return 'orphan'
