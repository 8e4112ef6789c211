-- One transition, compare-and-set. ARGV: 4 batch, 5 index, 6 fence, 7 from, 8 to, 9 delay (ms), 10 fields (JSON),
--   11 hand (a token of the caller's), 12 the batch's counters to add to (JSON), 13 what was spent (JSON, '' by the rule),
--   14 the server by which the caller knows the take, '' for any: fences come again when Redis goes back,
--   15 the `hand` that must be kept with the take, '' for any: hands don't.
-- Returns the new state; or '' when the caller's hand is stale: the take has moved on without it.
local batch, index, fence, from, to = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local key = take_key(batch, index)
local take = redis.call('HMGET', key, 'state', 'fence', 'last')
-- The same call again (its answer was lost on the way) is answered as it was the first time.
if take[3] == ARGV[11] .. ' ' .. to then return to end
if to == 'blocked' and take[3] == ARGV[11] .. ' waiting' then return 'waiting' end
if to == 'done' and not take[1] then
  -- Of a job that came besides a take's own nothing is left when it is over.
  if is_orphan(index) or redis.call('GETBIT', batch_key(batch, 'done'), index) == 1 then return to end
end
if take[1] ~= from or take[2] ~= fence then return '' end
if ARGV[14] ~= '' and ARGV[14] ~= server() then return '' end
if ARGV[15] ~= '' and ARGV[15] ~= redis.call('HGET', key, 'hand') then return '' end
-- Redis may have gone back to an earlier state when it was started, in which this take was not submitted yet.
if to == 'submitting' and not trusted(batch) then return '' end
local fields = cjson.decode(ARGV[10])
if to == 'blocked' and fields.blocked_on and LEGAL[from][to] then
  to = await_twin(batch, index, fields)
  if to == from then
    set_fields(key, fields) -- it waits already, and there is nothing to wait for besides
    return to
  end
end
fields.last = ARGV[11] .. ' ' .. to
-- By Redis's clock, as everything is that is later held against it.
if to == 'submitting' then fields.submitted_at = NOW end
local result = move(batch, index, from, to, tonumber(ARGV[9]), fields, ARGV[13] ~= '' and cjson.decode(ARGV[13]) or nil)
if type(result) == 'table' and result.err then return result end
for name, by in pairs(cjson.decode(ARGV[12])) do redis.call('HINCRBY', batch_key(batch), name, by) end
return result
