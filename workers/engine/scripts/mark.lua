-- The store holds the receipts of these takes: they are done. ARGV: 3 batch, 4... indices.
-- One that is alive comes to its end by itself. Of one that waits, has failed or is in doubt nothing is left behind, or
-- it would be admitted, and paid for, once more.
local batch = ARGV[3]
local lane = redis.call('HGET', batch_key(batch), 'lane')
local marked = 0
for i = 4, #ARGV do
  local index = ARGV[i]
  local state = redis.call('HGET', take_key(batch, index), 'state')
  if not ALIVE[state] then
    if state then
      count(batch, state, -1)
      if SETS[state] then redis.call('SREM', batch_key(batch, state), index) end
      redis.call('ZREM', batch_key(batch, 'back'), index)
      redis.call('SREM', lane_key(lane, 'seats'), member(batch, index))
      redis.call('DEL', take_key(batch, index))
    end
    redis.call('SETBIT', batch_key(batch, 'done'), index, 1)
    marked = marked + 1
  end
end
return marked
