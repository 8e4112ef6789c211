-- Keep something with a take without moving it.
-- ARGV: 3 batch, 4 index, 5 the job it must still have, or '' for any take that is alive, 6 fields (JSON).
local key = take_key(ARGV[3], ARGV[4])
if redis.call('EXISTS', key) == 0 then return 0 end
if ARGV[5] ~= '' and redis.call('HGET', key, 'job_id') ~= ARGV[5] then return 0 end
set_fields(key, cjson.decode(ARGV[6]))
return 1
