-- Keep something with a take without moving it. ARGV: 3 batch, 4 index, 5 job id (the take's, or nothing happens), 6 fields.
local key = take_key(ARGV[3], ARGV[4])
if redis.call('HGET', key, 'job_id') ~= ARGV[5] then return 0 end
set_fields(key, cjson.decode(ARGV[6]))
return 1
