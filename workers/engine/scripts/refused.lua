-- A submission was refused as one too many. ARGV: 4 lane, 5 when it was sent (ms), 6 for how many ms to stay away, 7 '1'
-- where the provider has said so itself, 8 reason.
-- What the provider says of the time holds. How many it takes at once it doesn't say: that is learned. A wait that it named
-- and that was kept is tried once; what is refused then, or without such a word, costs three tenths of the seats.
-- Those that were under way at the time are refused for the same reason, and count once.
local lane = ARGV[4]
local key = lane_key(lane)
hold_back(lane, tonumber(ARGV[6]), ARGV[8])
local set = redis.call('HMGET', key, 'seats', 'learned', 'least', 'shrunk_at')
if not set[1] or tonumber(ARGV[5]) <= tonumber(set[4] or '-1') then return 0 end
redis.call('HSET', key, 'shrunk_at', NOW)
if redis.call('HINCRBY', key, 'strikes', 1) == 1 and ARGV[7] == '1' then return 0 end
local seats = math.min(tonumber(set[1]), math.floor(tonumber(set[2] or set[1])), redis.call('SCARD', lane_key(lane, 'seats')))
local least = math.min(tonumber(set[3] or '1'), tonumber(set[1]))
redis.call('HSET', key, 'learned', whole(math.max(least, math.floor(seats * 0.7))), 'taught', ARGV[8])
return 1
