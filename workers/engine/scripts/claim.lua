-- Take a step in hand that must not be done by two at once, though its message may come twice.
-- ARGV: 4 batch, 5 index, 6 fence, 7 hand (a token of the caller's).
-- Returns the fence under which it goes on, or 0 when the hand is stale.
local key = take_key(ARGV[4], ARGV[5])
local take = redis.call('HMGET', key, 'fence', 'claim')
if take[1] and take[2] == ARGV[7] then return tonumber(take[1]) end
if take[1] ~= ARGV[6] then return 0 end
redis.call('HSET', key, 'claim', ARGV[7])
return redis.call('HINCRBY', key, 'fence', 1)
