-- Hold a whole batch, or let it go on. ARGV: 4 batch, 5 'paused', 'cancelled' or '', 6 reason.
-- 'cancelled' asks besides for the end of what is under way. Returns how many takes were asked about at the provider.
local batch = ARGV[4]
local key = batch_key(batch)
-- Emptied under our hands: whoever opens it again reads from the store what holds it.
if redis.call('HEXISTS', key, 'digest') == 0 then return 0 end
redis.call('HDEL', key, 'stopped')
if ARGV[5] == '' then
  redis.call('HDEL', key, 'hold', 'hold_reason')
  -- A person has seen those failures, and wants it to go on all the same.
  redis.call('HSET', key, 'failures_before', redis.call('HGET', key, 'n:failed') or '0')
  list_batch(batch)
  ring()
  return 0
end
redis.call('HSET', key, 'hold', ARGV[5], 'hold_reason', ARGV[6])
redis.call('HSET', key, 'stopped', ARGV[5])
return ARGV[5] == 'cancelled' and end_alive(batch) or 0
