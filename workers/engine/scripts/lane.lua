-- Set a provider's limits, and lift its pause. ARGV: 4 lane, 5 seats, 6 ms between requests (0: no limit), 7 queues excess,
--   8 for how many ms an attempt in doubt may be sent again under its key (0: never), 9 whether it lists its jobs,
--   10 the most that may be spent there in a day (micros, '' for no limit), 11 the fewest seats that refusals may leave,
--   12 how many takes more than seats, where the excess is queued. What was learned stays.
local key = lane_key(ARGV[4])
redis.call('HSET', key, 'seats', ARGV[5], 'interval', ARGV[6], 'queues', ARGV[7], 'again', ARGV[8], 'lists', ARGV[9],
  'least', ARGV[11], 'lead', ARGV[12])
local learned = tonumber(redis.call('HGET', key, 'learned'))
if learned and learned >= tonumber(ARGV[5]) then
  redis.call('HDEL', key, 'learned')
elseif learned and learned < tonumber(ARGV[11]) then
  redis.call('HSET', key, 'learned', ARGV[11])
end
if ARGV[10] == '' then redis.call('HDEL', key, 'day_budget') else redis.call('HSET', key, 'day_budget', ARGV[10]) end
redis.call('HDEL', key, 'paused', 'paused_kind')
if ARGV[7] == '1' then
  -- Taken while it wasn't known that a doubt needs none here.
  for _, who in ipairs(redis.call('SMEMBERS', lane_key(ARGV[4], 'seats'))) do
    local batch, index = string.match(who, '^(.*):(%d+)$')
    if redis.call('HGET', take_key(batch, index), 'state') == 'doubt' then
      redis.call('SREM', lane_key(ARGV[4], 'seats'), who)
    end
  end
end
redis.call('SADD', LANES, ARGV[4])
ring()
return 1
