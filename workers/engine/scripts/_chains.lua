-- Stands between the prelude and `tick`: takes that take up files of other takes of their batch, their parents. Which
-- these are follows from the manifests, so it isn't kept; whoever asks what can be done is asked for it. What waits for a
-- parent that is under way, or has come to rest, is blocked, and freed by what frees it (`release_children`).

-- So many takes are blocked at most by parents that merely wait themselves; the others merely wait, too. Those whose
-- parents Redis knows of don't count.
local MOST_BLOCKED = 10000

local chains_of = {}
local function chained(batch, index)
  local spans = chains_of[batch]
  if not spans then
    spans = cjson.decode(redis.call('GET', batch_key(batch, 'chains')) or '[]')
    chains_of[batch] = spans
  end
  return #spans > 0 and span_of(spans, tonumber(index)) ~= nil
end

local function block(batch, index, parent, parents)
  redis.call('HSETNX', take_key(batch, index), 'attempt', 1)
  redis.call('HSETNX', take_key(batch, index), 'fence', 0) -- by which it can be moved
  redis.call('HDEL', batch_key(batch, 'parents'), index)
  redis.call('SADD', batch_key(batch, 'children:' .. parent), index)
  move(batch, index, 'waiting', 'blocked', 0, {blocked_on = parent, chained = 1, parents = parents})
end

-- Whether a take that waits may begin: 'ready'; 'ask' where its parents aren't known; 'blocked' when it has just become
-- that; or 'wait', and the parent that it merely waits for.
local function may_begin(batch, index)
  local take = take_key(batch, index)
  if not chained(batch, index) or redis.call('HEXISTS', take, 'reuse') == 1 then return 'ready' end
  if redis.call('HEXISTS', take, 'again_since') == 1 then return 'ready' end
  local parents = redis.call('HGET', take, 'parents') or redis.call('HGET', batch_key(batch, 'parents'), index)
  if not parents then return 'ask' end
  for parent in string.gmatch(parents, '%d+') do
    if redis.call('GETBIT', batch_key(batch, 'done'), parent) == 0 then
      local merely = redis.call('EXISTS', take_key(batch, parent)) == 0 and redis.call('EXISTS', take) == 0
      if merely and tonumber(redis.call('HGET', batch_key(batch), 'n:blocked') or '0') >= MOST_BLOCKED then
        return 'wait', parent
      end
      block(batch, index, parent, parents)
      return 'blocked'
    end
  end
  return 'ready'
end
