-- Set a provider's limits, and lift its pause. ARGV: 3 lane, 4 seats, 5 ms between requests (0: no limit), 6 queues excess.
local key = lane_key(ARGV[3])
redis.call('HSET', key, 'seats', ARGV[4], 'interval', ARGV[5], 'queues', ARGV[6])
redis.call('HDEL', key, 'paused', 'paused_kind')
redis.call('SADD', LANES, ARGV[3])
return 1
