-- Open a batch, open it again, or let it grow into another manifest.
-- ARGV: 4 batch, 5 digest, 6 live takes, 7 lane, 8 frozen manifests (JSON), 9 spans (JSON), 10 terms (JSON),
--   11 the digest that these grew from, '*' for any, 12 where takes are that take up files of others (JSON),
--   13 the lanes with blanks between, where there are several; 7 is then the first of them.
-- Returns 'new', 'same', or 'grown' when the name stood for another manifest before; 'overtaken' when that was not the one
-- that they grew from: somebody else has let it grow meanwhile, and would be undone.
-- Nothing of it is admitted before `begin`: what the store's record says of its takes is not here yet, and one that
-- was paid for before would be taken for one that merely waits.
local batch, digest, total, lane, manifest, spans = ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7], ARGV[8], ARGV[9]
local key = batch_key(batch)
local known = redis.call('HGET', key, 'digest')
if known and known ~= digest and ARGV[11] ~= '*' and known ~= ARGV[11] then return 'overtaken' end

local function is_live(index)
  for _, span in ipairs(cjson.decode(spans)) do
    if index >= span[1] and index < span[2] then return true end
  end
  return false
end

if not known then
  -- What hands at work have left behind since Redis was emptied.
  for _, part in ipairs({'next', 'prices', 'back', 'done', 'alive', 'failed', 'doubt', 'blocked', 'cancelled',
    'waived', 'orphans', 'over', 'withdrawn', 'parents', 'chains', 'picked'}) do
    redis.call('DEL', batch_key(batch, part))
  end
  redis.call('DEL', key)
end
if known and known ~= digest then
  redis.call('DEL', batch_key(batch, 'withdrawn'))
  -- Where Redis may have gone back, what it knows is still needed, to tell what the record means.
  local sure = trusted(batch)
  -- What is at the provider, or may be, belongs to the batch until it is settled, though nobody asks for it any more.
  for _, set in ipairs({'alive', 'doubt'}) do
    for _, index in ipairs(redis.call('SMEMBERS', batch_key(batch, set))) do
      local take = take_key(batch, index)
      if is_orphan(index) then
        -- It belongs to no strand.
      elseif not is_live(tonumber(index)) and redis.call('HGET', take, 'state') == 'admitted'
        and redis.call('HEXISTS', take, 'again_since') == 0 then
        if sure then drop(batch, index) end
      elseif not is_live(tonumber(index)) then
        total = total + 1
        redis.call('SADD', batch_key(batch, 'withdrawn'), index)
        -- Followed to its end, and not begun again if that comes to nothing.
        redis.call('HSETNX', take, 'cancelling', 'withdrawn')
      elseif redis.call('HGET', take, 'cancelling') == 'withdrawn' then
        redis.call('HDEL', take, 'cancelling')
      end
    end
  end
  for _, index in ipairs(redis.call('ZRANGE', batch_key(batch, 'back'), 0, -1)) do
    if not is_live(tonumber(index)) then
      if redis.call('HGET', take_key(batch, index), 'again_since') then
        total = total + 1
        redis.call('SADD', batch_key(batch, 'withdrawn'), index)
      elseif sure then
        drop(batch, index)
      end
    end
  end
  for _, state in ipairs({'failed', 'blocked', 'cancelled', 'waived'}) do
    for _, index in ipairs(redis.call('SMEMBERS', batch_key(batch, state))) do
      if not is_live(tonumber(index)) then
        leave(batch, index, state)
        redis.call('DEL', take_key(batch, index))
      end
    end
  end
  for _, before in ipairs(lanes_of(batch)) do
    if not string.find(' ' .. lane .. ' ' .. ARGV[13] .. ' ', ' ' .. before .. ' ', 1, true) then
      redis.call('ZREM', lane_key(before, 'batches'), batch)
    end
  end
  redis.call('HDEL', key, 'begun')
  redis.call('DEL', batch_key(batch, 'next'), batch_key(batch, 'prices'), batch_key(batch, 'parents'))
end
if known ~= digest then
  redis.call('HSET', key, 'digest', digest, 'total', whole(total), 'lane', lane)
  redis.call('SET', batch_key(batch, 'manifest'), manifest)
  redis.call('SET', batch_key(batch, 'spans'), spans)
  redis.call('SET', batch_key(batch, 'chains'), ARGV[12])
  redis.call('SADD', BATCHES, batch)
  if ARGV[13] == '' then redis.call('HDEL', key, 'lanes') else redis.call('HSET', key, 'lanes', ARGV[13]) end
end
if not known then redis.call('HSET', key, 'opened', NOW) end
set_fields(key, cjson.decode(ARGV[10]))
redis.call('HDEL', key, 'stopped', 'recovering')
for _, each in ipairs(lanes_of(batch)) do redis.call('SADD', LANES, each) end
list_batch(batch)
if not known then return 'new' end
return known == digest and 'same' or 'grown'
