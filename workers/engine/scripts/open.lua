-- Open a batch, or open it again. ARGV: 3 batch, 4 digest, 5 total, 6 lane, 7 frozen manifest (JSON).
-- Returns 'new', 'same', or 'other' when the name stands for a different manifest already.
-- Nothing of it is admitted before `begin`: what the store's record says of its takes is not here yet, and one that
-- was paid for before would be taken for one that merely waits.
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
list_batch(lane, batch)
return known and 'same' or 'new'
