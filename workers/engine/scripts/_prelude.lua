-- Stands in front of every script. ARGV[1] is the namespace; ARGV[2] the time in ms, or '' for Redis's own; ARGV[3] the
-- server's run id, or '' to ask it.
-- This is the one place where a take changes its state, so it is the one place where that can be refused.

local NS = ARGV[1]

local function now_ms()
  if ARGV[2] ~= '' then return tonumber(ARGV[2]) end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local NOW = now_ms()

-- Changes when Redis is started anew, perhaps with less in it than before.
local function server()
  if ARGV[3] ~= '' then return ARGV[3] end
  return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or 'unknown'
end

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
local BELL = NS .. ':bell'
local AGAIN = NS .. ':again'

-- Wake one of the pumps that sleep, once for all that has become possible until it asks.
local function ring()
  if redis.call('LLEN', BELL) == 0 then redis.call('RPUSH', BELL, 1) end
end

-- Something can be done at `moment`: wake a pump if they mean to sleep for longer.
local function ring_before(moment)
  if moment < tonumber(redis.call('GET', AGAIN) or 'inf') then ring() end
end

-- Jobs that came besides a take's own are followed under indices above those of any take.
local ORPHANS = 10000000000000
local function is_orphan(index) return tonumber(index) >= ORPHANS end

-- from -> the states it may go to
local LEGAL = {
  waiting = {admitted = true, failed = true, blocked = true, rendering = true, doubt = true, cancelled = true, waived = true},
  blocked = {waiting = true, cancelled = true, waived = true},
  admitted = {submitting = true, waiting = true, failed = true, doubt = true, done = true, rendering = true, cancelled = true},
  submitting = {rendering = true, waiting = true, failed = true, doubt = true, cancelled = true},
  rendering = {rendering = true, collecting = true, waiting = true, failed = true, cancelled = true},
  collecting = {collecting = true, rendering = true, done = true, failed = true},
  doubt = {doubt = true, rendering = true, waiting = true, waived = true},
  failed = {waiting = true, rendering = true, waived = true},
  cancelled = {waiting = true, blocked = true, rendering = true, waived = true},
  waived = {waiting = true, blocked = true, rendering = true},
}

local SEATED = {admitted = true, submitting = true, rendering = true}
local ALIVE = {admitted = true, submitting = true, rendering = true, collecting = true}
-- From here the provider is asked about a job that it has finished, and that takes no seat any more.
local UNSEATED = {collecting = true, failed = true}
local FOLLOWED = {rendering = true, collecting = true}
local SETS = {failed = true, doubt = true, blocked = true, cancelled = true, waived = true}
local OVER = {done = true, failed = true, cancelled = true, waived = true}

local function whole(number) return string.format('%.0f', number) end

local function count(batch, index, state, by)
  -- What waits is not counted: it is what is left of the total. A million waiting takes cost nothing.
  if state == 'waiting' then return end
  redis.call('HINCRBY', batch_key(batch), (is_orphan(index) and 'o:' or 'n:') .. state, by)
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

local function lane_of(batch, key)
  return redis.call('HGET', key, 'lane') or redis.call('HGET', batch_key(batch), 'lane')
end

-- The lanes that may serve a batch: where its manifest names several providers, their takes are told apart by where each
-- one has gone (`lane`), and one that merely waits has gone nowhere.
local function has_several(batch) return redis.call('HEXISTS', batch_key(batch), 'lanes') == 1 end

local function lanes_of(batch)
  local set = redis.call('HMGET', batch_key(batch), 'lanes', 'lane')
  if not set[1] then return set[2] and {set[2]} or {} end
  local found = {}
  for lane in string.gmatch(set[1], '%S+') do found[#found + 1] = lane end
  return found
end

-- Put a batch among those that a lane serves, if it is not there, on a level with the one of its priority that was
-- served least: from nothing it would be served alone until it had caught up with all that came before it.
local PRIORITY = 1000000000000
local SERVED = 1000 -- by so much a take counts of a batch of weight 1
local function list_in(lane, batch)
  local base = -tonumber(redis.call('HGET', batch_key(batch), 'priority') or '0') * PRIORITY
  local key = lane_key(lane, 'batches')
  local least = redis.call('ZRANGEBYSCORE', key, whole(base), whole(base + PRIORITY - 1), 'WITHSCORES', 'LIMIT', 0, 1)[2]
  if redis.call('ZADD', key, 'NX', least or whole(base), batch) == 1 then ring() end
end

local function list_batch(batch)
  for _, lane in ipairs(lanes_of(batch)) do list_in(lane, batch) end
end

-- How many takes a lane may have in flight: the seats that are set, or what refusals have taught; and where the provider
-- queues what is too much, so many more as keep a seat from being idle until we know that it is free.
local function seats_of(lane)
  local set = redis.call('HMGET', lane_key(lane), 'seats', 'learned', 'queues', 'lead')
  local seats = tonumber(set[1] or '0')
  if set[2] then seats = math.min(seats, math.floor(tonumber(set[2]))) end
  if set[3] == '1' then seats = seats + tonumber(set[4] or '0') end
  return seats
end

-- So many submissions in a row that came to nothing by the provider's own fault stop it for a while.
local BREAKS_AT = 5
local PROBE = 60000 -- and then it is tried with one, for whose answer so many ms are waited at most

-- The provider has accepted something: what stood against it is over, and after a quiet minute the seats grow back, by
-- about one for each round of them.
local QUIET = 60000
local function accepted_there(lane)
  local key = lane_key(lane)
  local set = redis.call('HMGET', key, 'seats', 'learned', 'shrunk_at', 'broken')
  if tonumber(set[4] or '0') >= BREAKS_AT then redis.call('HDEL', key, 'not_before', 'slowed') end
  redis.call('HDEL', key, 'strikes', 'broken')
  if not set[2] or NOW - tonumber(set[3] or '0') < QUIET then return end
  local learned = tonumber(set[2])
  -- With seats to spare, an acceptance says nothing of whether there could be more.
  if redis.call('SCARD', lane_key(lane, 'seats')) < math.floor(learned) then return end
  learned = learned + 1 / math.floor(learned)
  if learned >= tonumber(set[1] or '0') then
    redis.call('HDEL', key, 'learned')
  else
    redis.call('HSET', key, 'learned', string.format('%.3f', learned))
  end
  ring()
end

local function hold_back(lane, wait, reason)
  local key = lane_key(lane)
  local known = tonumber(redis.call('HGET', key, 'not_before') or '0')
  if NOW + wait > known then redis.call('HSET', key, 'not_before', NOW + wait, 'slowed', reason) end
end

-- A freed seat is given on at once.
local function free_seat(lane, who)
  if redis.call('SREM', lane_key(lane, 'seats'), who) == 1 and redis.call('ZCARD', lane_key(lane, 'batches')) > 0 then ring() end
end

-- A provider that lists its jobs lists those of all takes: what is some take's already can't be another's.
local function remember_job(lane, job)
  -- No lane: Redis was lost, and knows nothing of the batch.
  if lane and job and redis.call('HGET', lane_key(lane), 'lists') == '1' then redis.call('SADD', lane_key(lane, 'jobs'), job) end
end

-- A job that is over may be named once more, by a hand that could not tell it while Redis was away.
local OVER_KEPT = 86400000
local function remember_over(batch, job)
  if not job then return end
  redis.call('ZREMRANGEBYSCORE', batch_key(batch, 'over'), '-inf', NOW - OVER_KEPT)
  redis.call('ZADD', batch_key(batch, 'over'), NOW, job)
end

local function due_in(batch, index, delay)
  redis.call('ZADD', DUE, NOW + delay, member(batch, index))
  ring_before(NOW + delay)
end

-- Money, in micros of a currency. What a take may cost at most is reserved with its seat, for its batch and for its
-- provider's day, and is let go of once: as spent, or as not.

local function day_key(lane, day) return lane_key(lane, 'day:' .. day) end

local function book(key, batch, reserved, spent)
  if reserved ~= 0 then redis.call('HINCRBY', key, 'reserved', whole(reserved)) end
  if spent ~= 0 then
    redis.call('HINCRBY', key, 'spent', whole(spent))
    -- Per batch as well: what the store says of one batch can then be put in its place.
    if batch then redis.call('HINCRBY', key, 'spent:' .. batch, whole(spent)) end
  end
end

local function reserve(batch, key, lane, amount, day_amount)
  redis.call('HDEL', key, 'paid', 'paid_day', 'paid_on', 'paid_lane') -- that was another attempt's
  if amount then
    book(batch_key(batch), nil, amount, 0)
    redis.call('HSET', key, 'reserved', whole(amount))
  end
  if day_amount then
    local day = math.floor(NOW / 86400000)
    book(day_key(lane, day), batch, day_amount, 0)
    redis.call('EXPIRE', day_key(lane, day), 864000)
    redis.call('HSET', key, 'reserved_day', whole(day_amount), 'day', day, 'day_lane', lane)
  end
end

-- What was counted as spent when a take came to rest, and is reserved again now that its job is followed after all:
-- settled once more, it would count twice.
local function unspend(batch, key)
  local paid = redis.call('HMGET', key, 'paid', 'paid_day', 'paid_on', 'paid_lane')
  local amount, day_amount = tonumber(paid[1] or '0'), tonumber(paid[2] or '0')
  if amount > 0 then
    book(batch_key(batch), nil, amount, -amount)
    redis.call('HSET', key, 'reserved', whole(amount))
  end
  if day_amount > 0 then
    book(day_key(paid[4], paid[3]), batch, day_amount, -day_amount)
    redis.call('HSET', key, 'reserved_day', whole(day_amount), 'day', paid[3], 'day_lane', paid[4])
  end
  redis.call('HDEL', key, 'paid', 'paid_day', 'paid_on', 'paid_lane')
end

-- `spend`: 'keep', 'none', 'all' of what was reserved, or what was billed: {batch's micros, the day's micros}.
local function settle_money(batch, key, spend)
  if spend == 'keep' then return end
  local held = redis.call('HMGET', key, 'reserved', 'reserved_day', 'day', 'day_lane')
  local amount, day_amount = tonumber(held[1] or '0'), tonumber(held[2] or '0')
  local spent, day_spent = 0, 0
  if spend == 'all' then
    spent, day_spent = amount, day_amount
  elseif type(spend) == 'table' then
    -- What is not known to be less is taken to be what was reserved.
    spent = spend[1] == cjson.null and amount or tonumber(spend[1])
    day_spent = spend[2] == cjson.null and day_amount or tonumber(spend[2])
  end
  book(batch_key(batch), nil, -amount, spent)
  if held[3] then book(day_key(held[4], held[3]), batch, -day_amount, day_spent) end
  redis.call('HDEL', key, 'reserved', 'reserved_day', 'day', 'day_lane')
  if spent > 0 then redis.call('HSET', key, 'paid', whole(spent)) end
  if held[3] and day_spent > 0 then
    redis.call('HSET', key, 'paid_day', whole(day_spent), 'paid_on', held[3], 'paid_lane', held[4])
  end
end

local SPENT_AT = {waiting = 'none', failed = 'none', cancelled = 'none', done = 'all', waived = 'all'}

-- Whether it may have been accepted, and is sent again under the same key.
local function goes_again(key, fields)
  if fields.again_since ~= nil then return fields.again_since ~= cjson.null end
  return redis.call('HEXISTS', key, 'again_since') == 1
end

local function spend_at(from, to, again, spend)
  if spend and spend ~= '' then return spend end
  if to == 'waiting' and again then return 'keep' end -- it is the same money
  if from == 'doubt' and to == 'waiting' then return 'all' end
  return SPENT_AT[to] or 'keep'
end

local move

-- What was waiting for another take of the same identity goes on without it, or with what it brought. What takes up a
-- file of it goes on when it is done, and waits on when it came to rest without.
local function release_children(batch, index, to)
  local key = batch_key(batch, 'children:' .. index)
  for _, child in ipairs(redis.call('SMEMBERS', key)) do
    local held = redis.call('HMGET', take_key(batch, child), 'state', 'chained', 'blocked_on')
    local waits = held[1] == 'blocked' and held[3] == tostring(index)
    if not (waits and held[2] and to ~= 'done') then
      redis.call('SREM', key, child)
      if waits then
        local reuse = to == 'done' and not held[2] and index or cjson.null
        move(batch, child, 'blocked', 'waiting', 0, {reuse = reuse, blocked_on = cjson.null, chained = cjson.null})
      end
    end
  end
end

-- The span of a batch that a take is in, or nil when nobody asks for the take any more.
local function span_of(spans, index)
  for _, span in ipairs(spans) do
    if index >= span[1] and index < span[2] then return span end
  end
end

local function spans_of(batch) return cjson.decode(redis.call('GET', batch_key(batch, 'spans')) or '[]') end

-- Take a take out of every place that its state put it into.
local function leave(batch, index, from)
  local who = member(batch, index)
  count(batch, index, from, -1)
  if SETS[from] then redis.call('SREM', batch_key(batch, from), index) end
  if from == 'failed' and not is_orphan(index) then
    -- Those that had failed before are no more than have failed.
    local failed = redis.call('HMGET', batch_key(batch), 'n:failed', 'failures_before')
    if tonumber(failed[2] or '0') > tonumber(failed[1]) then redis.call('HSET', batch_key(batch), 'failures_before', failed[1]) end
  end
  if from == 'waiting' then redis.call('ZREM', batch_key(batch, 'back'), index) end
  redis.call('SREM', UNSTARTED, who)
  redis.call('SREM', batch_key(batch, 'alive'), index)
end

-- How many takes came to an end by a video, or by failing, in each of the last minutes: how fast a batch gets on can then be
-- said by whoever has only just begun to look.
local MINUTES = 15
local function count_end(batch)
  local key, minute = batch_key(batch, 'pace'), math.floor(NOW / 60000)
  redis.call('HINCRBY', key, minute, 1)
  if redis.call('HLEN', key) > 2 * MINUTES then
    for _, old in ipairs(redis.call('HKEYS', key)) do
      if tonumber(old) < minute - MINUTES then redis.call('HDEL', key, old) end
    end
  end
  redis.call('EXPIRE', key, 3600)
end

-- Move one take, with all that follows from where it goes. `delay` (ms) says when it is due next.
move = function(batch, index, from, to, delay, fields, spend)
  if not (LEGAL[from] and LEGAL[from][to]) then
    return redis.error_reply('ILLEGAL ' .. from .. ' -> ' .. to .. ' for take ' .. index .. ' of ' .. batch)
  end
  local key, who = take_key(batch, index), member(batch, index)
  local lane = lane_of(batch, key)
  local again = goes_again(key, fields)
  if to == 'waiting' and not again then
    local unwanted = ALIVE[from] and redis.call('HEXISTS', key, 'cancelling') == 1
    if unwanted or not span_of(spans_of(batch), tonumber(index)) then
      -- It is over, and nobody wants it any more.
      to, spend = 'cancelled', spend or spend_at(from, to, again)
    end
  end
  if to == 'cancelled' then redis.call('HDEL', key, 'cancelling') end

  if FOLLOWED[from] and not FOLLOWED[to] then remember_over(batch, redis.call('HGET', key, 'job_id')) end
  if from ~= to then
    leave(batch, index, from)
    count(batch, index, to, 1)
    if SETS[to] and not is_orphan(index) then redis.call('SADD', batch_key(batch, to), index) end
  end
  if to == 'admitted' then redis.call('SADD', UNSTARTED, who) else redis.call('SREM', UNSTARTED, who) end
  if ALIVE[to] then redis.call('SADD', batch_key(batch, 'alive'), index) end

  if from == to then
    -- It keeps the seat that it has, or has none.
    if to == 'rendering' then
      redis.call('HINCRBY', lane_key(lane), 'polls', 1)
      redis.call('HINCRBY', lane_key(lane), 'polls_ms', whole(delay))
    end
  elseif SEATED[to] and not UNSEATED[from] then
    redis.call('SADD', lane_key(lane, 'seats'), who)
  elseif not (to == 'doubt' or (to == 'waiting' and again)) or redis.call('HGET', lane_key(lane), 'queues') == '1' then
    -- An attempt in doubt, or one that is to be sent again, may be alive at the provider and keeps its seat, except where
    -- the provider queues what is too much: there a seat too many costs nothing, and a held seat could stop the batch.
    free_seat(lane, who)
  end

  if from ~= to then settle_money(batch, key, spend_at(from, to, again, spend)) end
  if to == 'rendering' and OVER[from] then unspend(batch, key) end

  if to == 'waiting' then
    redis.call('ZREM', DUE, who)
    redis.call('ZADD', batch_key(batch, 'back'), NOW + delay, index)
    ring_before(NOW + delay)
    list_batch(batch)
    -- An attempt is one provider's. The next one may be another's; what may be at the provider keeps to it.
    if not again and has_several(batch) then redis.call('HDEL', key, 'lane') end
  elseif ALIVE[to] or (to == 'doubt' and delay > 0) then
    due_in(batch, index, delay)
  else
    redis.call('ZREM', DUE, who)
  end

  if is_orphan(index) and OVER[to] then
    redis.call('HSET', batch_key(batch, 'orphans'), redis.call('HGET', key, 'job_id') or index, to)
    redis.call('DEL', key)
  elseif to == 'done' then
    redis.call('SETBIT', batch_key(batch, 'done'), index, 1)
    redis.call('DEL', key)
  else
    redis.call('HSET', key, 'state', to)
    set_fields(key, fields)
  end
  if (to == 'done' or to == 'failed') and not is_orphan(index) then count_end(batch) end
  if OVER[to] then release_children(batch, index, to) end
  return to
end

-- Whether a take that may have been accepted is to be sent again under its key. One that the manifest let go of is where
-- another take waits for its video; else what wasn't accepted yet would be now, and be paid for by nobody's wish.
local function wanted_again(batch, index)
  return span_of(spans_of(batch), tonumber(index)) ~= nil
    or redis.call('SCARD', batch_key(batch, 'children:' .. index)) > 0
end

-- Nothing of a take that waits, or was admitted, was sent, and nobody asks for it any more: nothing is left of it.
local function drop(batch, index)
  local key = take_key(batch, index)
  local state = redis.call('HGET', key, 'state')
  if state == 'admitted' then state = move(batch, index, state, 'cancelled', 0, {}) end
  leave(batch, index, state)
  redis.call('DEL', key)
end

-- What becomes of a take that is to be given what its twin brings: 'blocked' while that is under way, else 'waiting', with
-- the twin's files if it is done.
local function await_twin(batch, index, fields)
  local twin = fields.blocked_on
  local state = redis.call('HGET', take_key(batch, twin), 'state')
  if state and not OVER[state] then
    redis.call('SADD', batch_key(batch, 'children:' .. twin), index)
    return 'blocked'
  end
  -- It has come to its end, and would release nobody any more.
  fields.blocked_on = cjson.null
  if redis.call('GETBIT', batch_key(batch, 'done'), twin) == 1 then fields.reuse = twin end
  return 'waiting'
end

-- Whether a batch's state is one that was held against the store since Redis was last started.
local function trusted(batch) return redis.call('HGET', batch_key(batch), 'server') == server() end

-- Ask for the end of what is at the provider.
local function cancel_alive(batch, index)
  local key = take_key(batch, index)
  local state = redis.call('HGET', key, 'state')
  if state == 'submitting' or state == 'rendering' then
    local asked = redis.call('HGET', key, 'cancelling')
    if not asked or asked == 'withdrawn' then redis.call('HSET', key, 'cancelling', 'wanted') end
    if state == 'rendering' then
      redis.call('HINCRBY', key, 'fence', 1)
      due_in(batch, index, 0)
    end
    return 'asked'
  end
  return state
end

-- Ask for the end of all that is under way of a batch: what is not sent yet waits again, what the provider has is cancelled
-- there. Returns how many takes it is asked about.
local function end_alive(batch)
  local asked = 0
  for _, index in ipairs(redis.call('SMEMBERS', batch_key(batch, 'alive'))) do
    if redis.call('HGET', take_key(batch, index), 'state') == 'admitted' then
      redis.call('HINCRBY', take_key(batch, index), 'fence', 1)
      move(batch, index, 'admitted', 'waiting', 0, {})
    elseif cancel_alive(batch, index) == 'asked' then
      asked = asked + 1
    end
  end
  return asked
end
