-- Keep something with a take without moving it.
-- ARGV: 4 batch, 5 index, 6 the job it must still have, or '' for any take that is alive, 7 fields (JSON).
local key = take_key(ARGV[4], ARGV[5])
if redis.call('EXISTS', key) == 0 then return 0 end
if ARGV[6] ~= '' and redis.call('HGET', key, 'job_id') ~= ARGV[6] then return 0 end
set_fields(key, cjson.decode(ARGV[7]))
return 1
