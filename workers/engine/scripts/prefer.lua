-- Give a batch a priority among those that its lanes serve. ARGV: 4 batch, 5 priority. Returns 1, or 0 when it isn't known.
local batch = ARGV[4]
if redis.call('HEXISTS', batch_key(batch), 'digest') == 0 then return 0 end
redis.call('HSET', batch_key(batch), 'priority', ARGV[5])
for _, lane in ipairs(lanes_of(batch)) do
  if redis.call('ZREM', lane_key(lane, 'batches'), batch) == 1 then list_in(lane, batch) end
end
return 1
