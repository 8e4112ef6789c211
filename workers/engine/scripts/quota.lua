-- The provider says how many more requests it takes until when. ARGV: 4 lane, 5 how many, 6 in how many ms that is over.
-- What is under way may not be counted there yet, so within a window the least that was said holds.
local key = lane_key(ARGV[4])
local left = tonumber(ARGV[5])
local known = redis.call('HMGET', key, 'quota_left', 'quota_until')
if tonumber(known[2] or '0') > NOW then left = math.min(left, tonumber(known[1])) end
redis.call('HSET', key, 'quota_left', whole(left), 'quota_until', whole(NOW + tonumber(ARGV[6])))
return 1
