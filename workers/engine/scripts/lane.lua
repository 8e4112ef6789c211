-- Set a provider's limits, and lift its pause. ARGV: 3 lane, 4 seats, 5 ms between requests (0: no limit), 6 queues excess,
--   7 for how many ms an attempt in doubt may be sent again under its key (0: never), 8 whether it lists its jobs.
local key = lane_key(ARGV[3])
redis.call('HSET', key, 'seats', ARGV[4], 'interval', ARGV[5], 'queues', ARGV[6], 'again', ARGV[7], 'lists', ARGV[8])
redis.call('HDEL', key, 'paused', 'paused_kind')
redis.call('SADD', LANES, ARGV[3])
return 1
