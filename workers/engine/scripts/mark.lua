-- The store holds the receipts of these takes: they are done. ARGV: 4 batch, 5 'unmark' to do that instead, or 'all' for
-- those that are alive, too; 6... indices.
-- One that is alive comes to its end by itself, unless Redis has gone back to before it was done. Of one that waits, has
-- failed or is in doubt nothing is left behind, or it would be admitted, and paid for, once more.
local batch = ARGV[4]
local marked = 0
if redis.call('HEXISTS', batch_key(batch), 'digest') == 0 then return 0 end
for i = 6, #ARGV do
  local index = ARGV[i]
  local key = take_key(batch, index)
  local state = redis.call('HGET', key, 'state')
  if ARGV[5] == 'unmark' then
    redis.call('SETBIT', batch_key(batch, 'done'), index, 0)
  elseif ARGV[5] == 'all' or not ALIVE[state] then
    if state then
      if FOLLOWED[state] then remember_over(batch, redis.call('HGET', key, 'job_id')) end
      leave(batch, index, state)
      settle_money(batch, key, 'all')
      redis.call('ZREM', DUE, member(batch, index))
      free_seat(lane_of(batch, key), member(batch, index))
      redis.call('DEL', key)
    end
    redis.call('SETBIT', batch_key(batch, 'done'), index, 1)
    release_children(batch, index, 'done')
    marked = marked + 1
  end
end
return marked
