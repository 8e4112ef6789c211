-- A hand is still at work: put off the end of its lease. ARGV: 4 batch, 5 index, 6 fence, 7 lease (ms).
-- Returns 1, or 0 when the hand is stale.
local key = take_key(ARGV[4], ARGV[5])
if redis.call('HGET', key, 'fence') ~= ARGV[6] then return 0 end
if not redis.call('ZSCORE', DUE, member(ARGV[4], ARGV[5])) then return 0 end
due_in(ARGV[4], ARGV[5], tonumber(ARGV[7]))
return 1
