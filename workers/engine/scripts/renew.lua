-- A hand is still at work: put off the end of its lease. ARGV: 3 batch, 4 index, 5 fence, 6 lease (ms).
-- Returns 1, or 0 when the hand is stale.
local key = take_key(ARGV[3], ARGV[4])
if redis.call('HGET', key, 'fence') ~= ARGV[5] then return 0 end
if not redis.call('ZSCORE', DUE, member(ARGV[3], ARGV[4])) then return 0 end
due_in(ARGV[3], ARGV[4], tonumber(ARGV[6]))
return 1
