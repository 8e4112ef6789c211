-- Open a batch, or open it again. ARGV: 3 batch, 4 digest, 5 total, 6 lane, 7 frozen manifest (JSON).
-- Returns 'new', 'same', or 'other' when the name stands for a different manifest already.
local batch, digest, total, lane, manifest = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local key = batch_key(batch)
local known = redis.call('HGET', key, 'digest')
if known and known ~= digest then return 'other' end
if not known then
  redis.call('HSET', key, 'digest', digest, 'total', total, 'lane', lane, 'next', 0, 'opened', NOW)
  redis.call('SET', batch_key(batch, 'manifest'), manifest)
  redis.call('SADD', BATCHES, batch)
end
redis.call('SADD', LANES, lane)
redis.call('ZADD', lane_key(lane, 'batches'), 'NX', 0, batch)
return known and 'same' or 'new'
