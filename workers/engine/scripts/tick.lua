-- Hand out what can be done now. Any number of pumps may call it at any time.
-- ARGV: 3 most steps to hand out, 4 lease of an admitted take, 5 of a poll, 6 of a collection (ms),
--       7 most takes admitted and not begun, 8 lease of settling a doubt (ms).
-- Returns a flat list, five a step: step, batch, index, fence, attempt.
local most = tonumber(ARGV[3])
local lease = {admitted = tonumber(ARGV[4]), rendering = tonumber(ARGV[5]), collecting = tonumber(ARGV[6]),
  doubt = tonumber(ARGV[8])}
local most_unstarted = tonumber(ARGV[7])
local step_of = {admitted = 'submit', rendering = 'poll', collecting = 'collect', doubt = 'settle'}
local out = {}

local function hand_out(batch, index, state)
  local key = take_key(batch, index)
  local fence = redis.call('HINCRBY', key, 'fence', 1)
  due_in(batch, index, lease[state])
  for _, part in ipairs({step_of[state], batch, index, fence, redis.call('HGET', key, 'attempt') or '1'}) do
    out[#out + 1] = tostring(part)
  end
end

-- What is due: polls and collections, and the leases of hands that have gone silent.
for _, who in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', NOW, 'LIMIT', 0, most)) do
  local batch, index = string.match(who, '^(.*):(%d+)$')
  local state = redis.call('HGET', take_key(batch, index), 'state')
  if step_of[state] then
    hand_out(batch, index, state)
  elseif state == 'submitting' then
    -- Nobody came back from the POST. Whether it was accepted can't be known from here.
    local key = take_key(batch, index)
    redis.call('HINCRBY', key, 'fence', 1)
    local lane = redis.call('HGET', batch_key(batch), 'lane')
    local again = tonumber(redis.call('HGET', lane_key(lane), 'again') or '0')
    local since = tonumber(redis.call('HGET', key, 'again_since') or redis.call('HGET', key, 'submitted_at') or '0')
    if NOW - since < again then
      -- The same key brings the same job back, if there is one.
      move(batch, index, 'submitting', 'waiting', 0, {again_since = since})
    else
      move(batch, index, 'submitting', 'doubt', 5000, {
        error = cjson.encode({
          kind = 'in-doubt',
          message = 'the worker that was submitting this take fell silent, so the provider may or may not have accepted it'
        })
      })
    end
  else
    redis.call('ZREM', DUE, who)
  end
end

local looks = 20000 -- the rest at the next tick: no script may hold Redis for long

-- The next take of a batch: one that came back and is due, else the next that was never admitted.
-- Besides, whether there may be more of them later.
local function next_take(batch)
  local back = redis.call('ZRANGEBYSCORE', batch_key(batch, 'back'), '-inf', NOW, 'LIMIT', 0, 1)[1]
  if back then return back end
  local key = batch_key(batch)
  local index, total = unpack(redis.call('HMGET', key, 'next', 'total'))
  index, total = tonumber(index), tonumber(total)
  while index < total and looks > 0 do
    looks = looks - 1
    if redis.call('GETBIT', batch_key(batch, 'done'), index) == 0
      and redis.call('EXISTS', take_key(batch, index)) == 0 then
      redis.call('HSET', key, 'next', index + 1)
      return tostring(index)
    end
    index = index + 1
  end
  redis.call('HSET', key, 'next', index)
  return nil, index < total
end

local function admit(lane)
  local key = lane_key(lane)
  local limits = redis.call('HMGET', key, 'seats', 'interval', 'tat', 'not_before', 'paused')
  if not limits[1] or limits[5] then return end
  if tonumber(limits[4] or '0') > NOW then return end
  local seats, interval = tonumber(limits[1]), tonumber(limits[2] or '0')
  local tat = tonumber(limits[3] or '0') -- GCRA: when the next request would conform
  while #out < most * 5 do
    if redis.call('SCARD', lane_key(lane, 'seats')) >= seats then return end
    if redis.call('SCARD', UNSTARTED) >= most_unstarted then return end
    if interval > 0 and tat > NOW then return end
    local found, batch, more
    -- The batch that was served least goes first, so a large one doesn't starve one that comes later.
    for _, candidate in ipairs(redis.call('ZRANGE', lane_key(lane, 'batches'), 0, 99)) do
      found, more = nil, true
      if redis.call('HEXISTS', batch_key(candidate), 'begun') == 1 then found, more = next_take(candidate) end
      if found then batch = candidate break end
      if not more and redis.call('ZCARD', batch_key(candidate, 'back')) == 0 then
        redis.call('ZREM', lane_key(lane, 'batches'), candidate)
      end
    end
    if not found then return end
    redis.call('ZINCRBY', lane_key(lane, 'batches'), 1, batch)
    if interval > 0 then
      tat = math.max(tat, NOW) + interval
      redis.call('HSET', key, 'tat', tat)
    end
    local take = take_key(batch, found)
    redis.call('HSETNX', take, 'attempt', 1)
    move(batch, found, 'waiting', 'admitted', lease.admitted, {admitted_at = NOW})
    hand_out(batch, found, 'admitted')
  end
end

-- While the store fails, new takes would be paid for with nowhere to put them.
if tonumber(redis.call('HGET', STORE, 'until') or '0') <= NOW then
  for _, lane in ipairs(redis.call('SMEMBERS', LANES)) do admit(lane) end
end
return out
