-- Stands in front of every script. ARGV[1] is the namespace; ARGV[2] the time in ms, or '' for Redis's own.
-- This is the one place where a take changes its state, so it is the one place where that can be refused.

local NS = ARGV[1]

local function now_ms()
  if ARGV[2] ~= '' then return tonumber(ARGV[2]) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local NOW = now_ms()

local function batch_key(batch, part)
  local key = NS .. ':batch:' .. batch
  if part then return key .. ':' .. part end
  return key
end

local function take_key(batch, index) return NS .. ':take:' .. batch .. ':' .. index end
local function member(batch, index) return batch .. ':' .. index end

local function lane_key(lane, part)
  local key = NS .. ':lane:' .. lane
  if part then return key .. ':' .. part end
  return key
end

local DUE = NS .. ':due'
local UNSTARTED = NS .. ':unstarted'
local LANES = NS .. ':lanes'
local BATCHES = NS .. ':batches'
local STORE = NS .. ':store'

-- from -> the states it may go to
local LEGAL = {
  waiting = {admitted = true, failed = true},
  admitted = {submitting = true, waiting = true, failed = true, doubt = true},
  submitting = {rendering = true, waiting = true, failed = true, doubt = true},
  rendering = {rendering = true, collecting = true, waiting = true, failed = true},
  collecting = {collecting = true, rendering = true, done = true, failed = true},
  doubt = {doubt = true, rendering = true},
  failed = {waiting = true, rendering = true},
}

local SEATED = {admitted = true, submitting = true, rendering = true}
local ALIVE = {admitted = true, submitting = true, rendering = true, collecting = true}
local SETS = {failed = true, doubt = true}

local function count(batch, state, by)
  -- What waits is not counted: it is what is left of the total. A million waiting takes cost nothing.
  if state ~= 'waiting' then redis.call('HINCRBY', batch_key(batch), 'n:' .. state, by) end
end

local function set_fields(key, fields)
  for name, value in pairs(fields) do
    if value == cjson.null then
      redis.call('HDEL', key, name)
    else
      redis.call('HSET', key, name, tostring(value))
    end
  end
end

-- Put a batch among those that its lane serves, if it is not there, on a level with the one that was served least:
-- from nothing it would be served alone until it had caught up with all that came before it.
local function list_batch(lane, batch)
  local least = redis.call('ZRANGE', lane_key(lane, 'batches'), 0, 0, 'WITHSCORES')[2]
  redis.call('ZADD', lane_key(lane, 'batches'), 'NX', least or 0, batch)
end

-- A provider that lists its jobs lists those of all takes: what is some take's already can't be another's.
local function remember_job(lane, job)
  -- No lane: Redis was lost, and knows nothing of the batch.
  if lane and job and redis.call('HGET', lane_key(lane), 'lists') == '1' then redis.call('SADD', lane_key(lane, 'jobs'), job) end
end

local function due_in(batch, index, delay)
  redis.call('ZADD', DUE, NOW + delay, member(batch, index))
end

-- Move one take, with all that follows from where it goes. `delay` (ms) says when it is due next.
local function move(batch, index, from, to, delay, fields)
  if not (LEGAL[from] and LEGAL[from][to]) then
    return redis.error_reply('ILLEGAL ' .. from .. ' -> ' .. to .. ' for take ' .. index .. ' of ' .. batch)
  end
  local key, who = take_key(batch, index), member(batch, index)
  local lane = redis.call('HGET', batch_key(batch), 'lane')

  if from ~= to then
    count(batch, from, -1)
    count(batch, to, 1)
    if SETS[from] then redis.call('SREM', batch_key(batch, from), index) end
    if SETS[to] then redis.call('SADD', batch_key(batch, to), index) end
  end

  if from == 'waiting' then redis.call('ZREM', batch_key(batch, 'back'), index) end
  if to == 'admitted' then redis.call('SADD', UNSTARTED, who) else redis.call('SREM', UNSTARTED, who) end

  if SEATED[to] then
    redis.call('SADD', lane_key(lane, 'seats'), who)
  elseif to ~= 'doubt' or redis.call('HGET', lane_key(lane), 'queues') == '1' then
    -- An attempt in doubt may be alive at the provider and keeps its seat, except where the provider queues
    -- what is too much: there a seat too many costs nothing, and a held seat could stop the batch.
    redis.call('SREM', lane_key(lane, 'seats'), who)
  end

  if to == 'waiting' then
    redis.call('ZREM', DUE, who)
    redis.call('ZADD', batch_key(batch, 'back'), NOW + delay, index)
    list_batch(lane, batch)
  elseif to == 'doubt' and delay > 0 and redis.call('HGET', lane_key(lane), 'lists') == '1' then
    due_in(batch, index, delay) -- the provider can be asked what it has accepted
  elseif to == 'failed' or to == 'doubt' or to == 'done' then
    redis.call('ZREM', DUE, who)
  else
    due_in(batch, index, delay)
  end

  if to == 'done' then
    redis.call('SETBIT', batch_key(batch, 'done'), index, 1)
    redis.call('DEL', key)
  else
    redis.call('HSET', key, 'state', to)
    set_fields(key, fields)
  end
  return to
end
