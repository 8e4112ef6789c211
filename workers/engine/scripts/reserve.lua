-- Put aside for a take that is open what it may cost by the accounts that there are now. ARGV: 4 batch, 5 index,
-- 6 reserved (micros or ''), 7 of the day. Returns 1, or 0 when nothing of the take can be billed any more.
local batch, index = ARGV[4], ARGV[5]
local key = take_key(batch, index)
local state = redis.call('HGET', key, 'state')
local again = redis.call('HEXISTS', key, 'again_since') == 1
-- What is given its twin's files costs nothing.
if is_orphan(index) or redis.call('HEXISTS', key, 'reuse') == 1 then return 0 end
if not state or not (ALIVE[state] or state == 'doubt' or again) then return 0 end
settle_money(batch, key, 'none')
reserve(batch, key, lane_of(batch, key), tonumber(ARGV[6]), tonumber(ARGV[7]))
return 1
