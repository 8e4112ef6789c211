-- A submission came to nothing by the provider's own fault. ARGV: 4 lane, 5 for how many ms to stay away (0: not at all),
-- 6 reason. Enough of them in a row open the breaker: nothing is sent for half a minute, then for twice as long each time.
-- Returns how many ms nothing will be sent, 0 while the breaker is closed.
local lane = ARGV[4]
if tonumber(ARGV[5]) > 0 then hold_back(lane, tonumber(ARGV[5]), ARGV[6]) end
local broken = redis.call('HINCRBY', lane_key(lane), 'broken', 1)
if broken < BREAKS_AT then return 0 end
local wait = math.min(600000, 30000 * 2 ^ (broken - BREAKS_AT))
hold_back(lane, wait, broken .. ' submissions in a row have come to nothing, the last one: ' .. ARGV[6])
return wait
