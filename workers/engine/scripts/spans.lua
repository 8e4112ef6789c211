-- Put other spans in the place of a batch's, compare-and-set. ARGV: 4 batch, 5 the spans before, 6 the spans now (JSON),
--   7 the digest of the manifests that they are of, '' for any, 8 what was picked before and 9 what is by now (JSON), or
--   neither. Returns 1, or 0 when they are others by now.
local batch = ARGV[4]
if redis.call('GET', batch_key(batch, 'spans')) ~= ARGV[5] then return 0 end
if ARGV[7] ~= '' and redis.call('HGET', batch_key(batch), 'digest') ~= ARGV[7] then return 0 end
if ARGV[8] then
  if (redis.call('GET', batch_key(batch, 'picked')) or '[]') ~= ARGV[8] then return 0 end
  redis.call('SET', batch_key(batch, 'picked'), ARGV[9])
end
local key = batch_key(batch, 'next')
-- How far each one has come counts from its first take.
local come = {}
for _, span in ipairs(cjson.decode(ARGV[5])) do
  come[#come + 1] = {span[1], span[2], tonumber(redis.call('HGET', key, whole(span[1])) or span[1])}
end
redis.call('DEL', key)
for _, span in ipairs(cjson.decode(ARGV[6])) do
  for _, before in ipairs(come) do
    if span[1] >= before[1] and span[1] < before[2] then
      redis.call('HSET', key, whole(span[1]), whole(math.max(span[1], math.min(before[3], span[2]))))
    end
  end
end
redis.call('SET', batch_key(batch, 'spans'), ARGV[6])
redis.call('HDEL', batch_key(batch), 'stopped')
list_batch(batch)
ring()
return 1
