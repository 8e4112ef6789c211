-- One transition, compare-and-set. ARGV: 3 batch, 4 index, 5 fence, 6 from, 7 to, 8 delay (ms), 9 fields (JSON),
--   10 hand (a token of the caller's), 11 the batch's counters to add to (JSON).
-- Returns the new state; or '' when the caller's hand is stale: the take has moved on without it.
local batch, index, fence, from, to = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local key = take_key(batch, index)
local take = redis.call('HMGET', key, 'state', 'fence', 'last')
-- The same call again (its answer was lost on the way) is answered as it was the first time.
if take[3] == ARGV[10] .. ' ' .. to then return to end
if to == 'done' and not take[1] and redis.call('GETBIT', batch_key(batch, 'done'), index) == 1 then return to end
if take[1] ~= from or take[2] ~= fence then return '' end
local fields = cjson.decode(ARGV[9])
fields.last = ARGV[10] .. ' ' .. to
local result = move(batch, index, from, to, tonumber(ARGV[8]), fields)
if result.err then return result end
for name, by in pairs(cjson.decode(ARGV[11])) do redis.call('HINCRBY', batch_key(batch), name, by) end
return result
