-- A provider has called about an attempt, or somebody who says so: ask it soon. Nothing else is believed.
-- ARGV: 4 batch, 5 index, 6 attempt, 7 the job that the call names, or '', 8 least ms between two hints of a take.
-- Returns 'soon' when it will be asked about, 'kept' when the job was kept for when it is in doubt, or 'nothing'.
local batch, index, job = ARGV[4], ARGV[5], ARGV[7]
local key = take_key(batch, index)
local take = redis.call('HMGET', key, 'state', 'attempt', 'hinted_at', 'called')
if take[2] ~= ARGV[6] then return 'nothing' end
local state = take[1]
local fresh = false
if (state == 'submitting' or state == 'doubt') and job ~= '' then
  -- Whether it is this take's, the provider will be asked. A few are kept: a forged one must not take a true one's place.
  local jobs = cjson.decode(take[4] or '[]')
  fresh = #jobs < 4
  for _, known in ipairs(jobs) do if known == job then fresh = false end end
  if fresh then
    jobs[#jobs + 1] = job
    redis.call('HSET', key, 'called', cjson.encode(jobs))
  end
end
if state == 'submitting' then return fresh and 'kept' or 'nothing' end
if state ~= 'rendering' and not (state == 'doubt' and fresh) then return 'nothing' end
local at = math.max(NOW, tonumber(take[3] or '0') + tonumber(ARGV[8]))
local due = redis.call('ZSCORE', DUE, member(batch, index))
if due and tonumber(due) <= at then return 'nothing' end
redis.call('HSET', key, 'hinted_at', whole(at))
redis.call('ZADD', DUE, at, member(batch, index))
ring_before(at)
return 'soon'
