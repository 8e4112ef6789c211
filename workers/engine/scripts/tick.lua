-- Hand out what can be done now. Any number of pumps may call it at any time.
-- ARGV: 4 most steps to hand out, 5 lease of an admitted take, 6 of a poll, 7 of a collection (ms),
--       8 most takes admitted and not begun, 9 lease of settling a doubt (ms), 10 of taking a batch up from the store (ms).
-- Returns in how many ms there will be more to do, should nothing happen meanwhile ('' when that can't be known), and then
-- a flat list, five a step: step, batch, index, fence, attempt.
local most = tonumber(ARGV[4])
local lease = {admitted = tonumber(ARGV[5]), rendering = tonumber(ARGV[6]), collecting = tonumber(ARGV[7]),
  doubt = tonumber(ARGV[9])}
local most_unstarted = tonumber(ARGV[8])
local step_of = {admitted = 'submit', rendering = 'poll', collecting = 'collect', doubt = 'settle'}
local out = {}
local RUN = server()
local UNSTARTED_MS = 50 -- how soon to look again whether some of those that are admitted have begun

local again_at
local function again_by(moment)
  moment = tonumber(moment)
  if moment and (not again_at or moment < again_at) then again_at = moment end
end

local function say(...)
  for _, part in ipairs({...}) do out[#out + 1] = tostring(part) end
end

local function hand_out(batch, index, state)
  local key = take_key(batch, index)
  local fence = redis.call('HINCRBY', key, 'fence', 1)
  due_in(batch, index, lease[state])
  say(step_of[state], batch, index, fence, redis.call('HGET', key, 'attempt') or '1')
end

-- Redis was started since this batch was last held against the store, and may have less in it than before.
local function needs_recovery(batch)
  local key = batch_key(batch)
  local known = redis.call('HMGET', key, 'begun', 'server', 'recovering')
  if not known[1] or known[2] == RUN then return false end
  -- One that is done has nothing to lose, and there may be many of them. What is in doubt, or has failed, may have been
  -- submitted again since.
  local total = tonumber(redis.call('HGET', key, 'total'))
  if redis.call('SCARD', batch_key(batch, 'alive')) == 0 and redis.call('BITCOUNT', batch_key(batch, 'done')) >= total then
    return false
  end
  if tonumber(known[3] or '0') <= NOW then
    redis.call('HSET', key, 'recovering', NOW + tonumber(ARGV[10]))
    say('recover', batch, 0, 0, 1)
  end
  again_by(redis.call('HGET', key, 'recovering'))
  return true
end

-- What is really spent has come to where all that can be cancelled is, once.
local function cut(batch)
  local set = redis.call('HMGET', batch_key(batch), 'budget_cancel', 'spent', 'cut')
  if not set[1] or set[3] or tonumber(set[2] or '0') < tonumber(set[1]) then return end
  redis.call('HSET', batch_key(batch), 'cut', 1)
  end_alive(batch)
end

local unsure = {}
for _, batch in ipairs(redis.call('SMEMBERS', BATCHES)) do
  if needs_recovery(batch) then unsure[batch] = true else cut(batch) end
end

-- What is due: polls and collections, and the leases of hands that have gone silent.
for _, who in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', NOW, 'LIMIT', 0, most)) do
  local batch, index = string.match(who, '^(.*):(%d+)$')
  local state = redis.call('HGET', take_key(batch, index), 'state')
  if unsure[batch] and state == 'admitted' then
    due_in(batch, index, lease.admitted) -- whether it may be sent is known when the store has been read
  elseif step_of[state] then
    hand_out(batch, index, state)
  elseif state == 'submitting' then
    -- Nobody came back from the POST. Whether it was accepted can't be known from here.
    local key = take_key(batch, index)
    redis.call('HINCRBY', key, 'fence', 1)
    local again = tonumber(redis.call('HGET', lane_key(lane_of(batch, key)), 'again') or '0')
    local since = tonumber(redis.call('HGET', key, 'again_since') or redis.call('HGET', key, 'submitted_at') or '0')
    if again > 0 and NOW - since < again then
      -- The same key brings the same job back, if there is one.
      move(batch, index, 'submitting', 'waiting', 0, {again_since = since})
    else
      move(batch, index, 'submitting', 'doubt', 1000, {
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

local function untouched(batch, index)
  return redis.call('GETBIT', batch_key(batch, 'done'), index) == 0 and redis.call('EXISTS', take_key(batch, index)) == 0
end

local function stop(batch, why)
  if why then redis.call('HSET', batch_key(batch), 'stopped', why) else redis.call('HDEL', batch_key(batch), 'stopped') end
end

local function hold_of(span)
  if span and span[4] and span[4] ~= cjson.null then return span[4] end
end

-- What is told of a batch of which parts are held by different things: the one that can be lifted most likely.
local GRAVITY = {paused = 5, unpicked = 4, deferred = 3, cancelled = 2, waived = 1}
local function graver(one, other)
  if not one or (other and (GRAVITY[other] or 0) > (GRAVITY[one] or 0)) then return other end
  return one
end

-- The next take of a batch for a lane: one that came back and is due, else the next that was never admitted. With it what
-- makes the choice final; and what holds the rest, whether there may be more later ('held' when that is held by what
-- holds others), and the take of which something is to be told: its 'parents', or its 'quote'.
local function next_take(batch, lane)
  local spans = spans_of(batch)
  local several = has_several(batch)
  local held
  local passed = 0
  local stranded, elsewhere = false, false
  local window, back_window = WINDOW, WINDOW
  -- Whether a take that may begin goes to this lane: true, false, or 'ask'.
  local function goes_here(index)
    if not several then return true end
    local to = lane_for(batch, index)
    if to == lane or to == '*' then return true end
    if to == 'ask' then return 'ask' end
    if to == 'nowhere' then stranded = true else elsewhere = true end
    return false
  end
  local back
  repeat
    back = redis.call('ZRANGEBYSCORE', batch_key(batch, 'back'), '-inf', NOW, 'LIMIT', passed, 200)
    local moved = 0
    for _, index in ipairs(back) do
      local hold = hold_of(span_of(spans, tonumber(index)))
      if hold then
        held = graver(held, hold)
      else
        local may = may_begin(batch, index)
        if may == 'ready' then
          local here = goes_here(index)
          if here == 'ask' then return nil, nil, nil, true, index, 'quote' end
          if here then return index, function() end end
          back_window = back_window - 1
        elseif may == 'ask' then
          return nil, nil, nil, true, index, 'parents'
        else
          moved = moved + 1
        end
      end
      looks = looks - 1
    end
    passed = passed + #back - moved
  until #back < 200 or looks <= 0 or back_window <= 0
  local key = batch_key(batch, 'next')
  local more = false
  for _, span in ipairs(spans) do
    local start, finish = span[1], span[2]
    if hold_of(span) then
      held = graver(held, hold_of(span))
    else
      local index = tonumber(redis.call('HGET', key, whole(start)) or start)
      local come = index
      local over -- the first that was passed over: another lane's, it is to be found again
      while index < finish and looks > 0 and window > 0 do
        looks = looks - 1
        if untouched(batch, whole(index)) then
          local found = whole(index)
          local may, parent = may_begin(batch, found)
          local here = may == 'ready' and goes_here(found)
          if may ~= 'blocked' and index > come and not over then redis.call('HSET', key, whole(start), found) end
          if here == 'ask' then return nil, nil, nil, true, found, 'quote' end
          if here and over then return found, function() end end
          if here then
            return found, function() redis.call('HSET', key, whole(start), whole(tonumber(found) + 1)) end
          elseif may == 'ready' then
            over = over or index
            window = window - 1
          elseif may == 'ask' then
            return nil, nil, nil, true, found, 'parents'
          elseif may == 'wait' then
            -- It keeps its place, and those after it wait behind it.
            held = graver(held, hold_of(span_of(spans, tonumber(parent))))
            more = 'held'
            break
          end
        end
        index = index + 1
      end
      if index > come and not over then redis.call('HSET', key, whole(start), whole(index)) end
      if over then
        more = true
      elseif index < finish and more ~= 'held' and window > 0 then
        return nil, nil, nil, true
      end
    end
  end
  if stranded and not elsewhere then
    stop(batch, 'provider')
    return nil, nil, nil, true
  end
  if elsewhere then more = more or true end
  return nil, nil, held, redis.call('ZCARD', batch_key(batch, 'back')) > passed or more
end

-- Whether a batch is to wait for a moment, and for which.
local DAY = 86400000
local function too_early(batch)
  local set = redis.call('HMGET', batch_key(batch), 'not_before', 'openings')
  if set[1] and tonumber(set[1]) > NOW then return 'early', tonumber(set[1]) end
  if not set[2] then return nil end
  local openings = cjson.decode(set[2])
  local last = openings[#openings]
  local later = math.max(0, math.floor((NOW - last[1]) / DAY)) * DAY
  openings[#openings + 1] = {last[1] + later, last[2] + later}
  openings[#openings + 1] = {last[1] + later + DAY, last[2] + later + DAY}
  for _, opening in ipairs(openings) do
    if opening[2] > NOW then
      if opening[1] <= NOW then return nil end
      return 'window', opening[1]
    end
  end
end

-- Why nothing more of a batch is admitted, by what a person or its manifest has set; and whether that is over by itself.
local function stop_of(batch)
  local set = redis.call('HMGET', batch_key(batch), 'hold', 'deadline', 'max_failures', 'n:failed', 'failures_before')
  if set[1] then return set[1] end
  if set[2] and tonumber(set[2]) <= NOW then return 'deadline' end
  if set[3] and tonumber(set[4] or '0') - tonumber(set[5] or '0') >= tonumber(set[3]) then return 'failures' end
  local timed, moment = too_early(batch)
  if timed then
    redis.call('HSET', batch_key(batch), 'opens_at', whole(moment))
    again_by(moment)
    return timed, true
  end
end

-- What must be reserved for a take: for its batch and for its provider's day; nil where there is no such account.
-- 'quote' where that isn't known yet, 'budget' or 'day' where it is more than there is.
local function price_of(batch, index, lane)
  local set = redis.call('HMGET', batch_key(batch), 'budget_stop', 'spent', 'reserved')
  local day_budget = redis.call('HGET', lane_key(lane), 'day_budget')
  if not set[1] and not day_budget then return nil end
  if redis.call('HGET', take_key(batch, index), 'reserved') or redis.call('HGET', take_key(batch, index), 'reserved_day') then
    return nil -- it is sent again under the same key, and its money has been put aside
  end
  -- It is given what its twin has, whatever it would cost.
  if redis.call('HGET', take_key(batch, index), 'reuse') then return nil end
  local quoted = redis.call('HGET', batch_key(batch, 'prices'), index)
  local amount, day_amount
  if quoted and has_several(batch) then
    for each, of_batch, of_day in string.gmatch(quoted, '([^=;]+)=([^,;]*),([^;]*)') do
      if each == lane then amount, day_amount = of_batch, of_day end
    end
    if not amount then amount, day_amount = '?', '?' end
  elseif quoted then
    amount, day_amount = string.match(quoted, '^([^,]*),([^,]*)$')
  end
  if not quoted or (set[1] and amount == '') or (day_budget and day_amount == '') then return 'quote' end
  if amount == '?' or day_amount == '?' then return 'unpriced' end
  if set[1] and tonumber(set[2] or '0') + tonumber(set[3] or '0') + tonumber(amount) > tonumber(set[1]) then return 'budget' end
  if day_budget then
    local day = redis.call('HMGET', day_key(lane, math.floor(NOW / 86400000)), 'spent', 'reserved')
    if tonumber(day[1] or '0') + tonumber(day[2] or '0') + tonumber(day_amount) > tonumber(day_budget) then return 'day' end
  end
  return {set[1] and tonumber(amount) or nil, day_budget and tonumber(day_amount) or nil, day = day_budget}
end

-- A take that is to be sent again under its key. It may be at the provider, has its seat and its money, and so is not
-- held back by what holds back the others; unless it was cancelled: then whether it was accepted is for a person to see.
local function again_take(batch, lane)
  for _, index in ipairs(redis.call('ZRANGEBYSCORE', batch_key(batch, 'back'), '-inf', NOW, 'LIMIT', 0, 1000)) do
    local its_own = redis.call('HEXISTS', take_key(batch, index), 'again_since') == 1
    if its_own and has_several(batch) then
      local to = lane_for(batch, index)
      its_own = to == lane or to == '*'
    end
    if its_own then
      local hold = redis.call('HGET', batch_key(batch), 'hold')
      if hold ~= 'cancelled' then hold = hold_of(span_of(spans_of(batch), tonumber(index))) end
      local asked = redis.call('HGET', take_key(batch, index), 'cancelling') or 'withdrawn'
      local cancelled = hold == 'cancelled' or hold == 'waived' or asked ~= 'withdrawn'
      if not cancelled and wanted_again(batch, index) then return index end
      local why = cancelled and 'it was cancelled' or 'the manifest let go of it'
      local told = {kind = 'in-doubt', message = why .. ' before it was known whether the provider had accepted it'}
      move(batch, index, 'waiting', 'doubt', 1000, {error = cjson.encode(told)})
    end
  end
end

local function begin(lane, batch, index)
  local take = take_key(batch, index)
  local weight = tonumber(redis.call('HGET', batch_key(batch), 'weight') or '1')
  redis.call('ZINCRBY', lane_key(lane, 'batches'), math.floor(SERVED / weight), batch)
  redis.call('HSETNX', take, 'attempt', 1)
  -- One that is sent again has its seat in the lane that it was sent to.
  if redis.call('HEXISTS', take, 'again_since') == 0 then redis.call('HSET', take, 'lane', lane) end
  redis.call('HDEL', batch_key(batch, 'prices'), index)
  move(batch, index, 'waiting', 'admitted', lease.admitted, {admitted_at = NOW})
  hand_out(batch, index, 'admitted')
end

-- Find one take of `batch` that may be admitted to `lane`, and admit it; when the lane is `full`, one that has its seat.
-- Returns 1, or 0; and whether to go on listing the batch.
local function admit_one(lane, batch, full)
  if redis.call('HEXISTS', batch_key(batch), 'begun') == 0 or unsure[batch] then return 0, true end
  local again = redis.call('HGET', lane_key(lane), 'again') ~= '0' and again_take(batch, lane)
  if again then
    begin(lane, batch, again)
    return 1, true
  end
  if full then return 0, true end
  local why, timed = stop_of(batch)
  if why then
    stop(batch, why)
    return 0, timed or redis.call('ZCARD', batch_key(batch, 'back')) > 0
  end
  local index, commit, held, more, unknown, what = next_take(batch, lane)
  if unknown then say(what, batch, unknown, 0, 1) end
  if not index then
    if not more or more == 'held' then stop(batch, held) end
    again_by(redis.call('ZRANGEBYSCORE', batch_key(batch, 'back'), '(' .. NOW, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2])
    return 0, more
  end
  local take = take_key(batch, index)
  local price = price_of(batch, index, lane)
  if price == 'quote' then
    say('quote', batch, index, 0, 1)
    return 0, true
  elseif type(price) == 'string' then
    stop(batch, price)
    return 0, true
  end
  commit()
  stop(batch, nil)
  if price then reserve(batch, take, lane, price[1], price[2]) end
  begin(lane, batch, index)
  return 1, true
end

local function admit(lane)
  local key = lane_key(lane)
  local limits = redis.call('HMGET', key, 'seats', 'interval', 'tat', 'not_before', 'paused', 'again', 'broken', 'quota_left', 'quota_until')
  local open = limits[1] and not limits[5] and tonumber(limits[4] or '0') <= NOW
  if limits[1] and not limits[5] and not open then again_by(limits[4]) end
  local seats, interval = seats_of(lane), tonumber(limits[2] or '0')
  local probing = tonumber(limits[7] or '0') >= BREAKS_AT
  local quota = tonumber(limits[9] or '0') > NOW and tonumber(limits[8])
  local tat = tonumber(limits[3] or '0') -- GCRA: when the next request would conform
  local skip = {}
  while open do
    if #out >= most * 5 then return again_by(NOW) end
    local full = redis.call('SCARD', lane_key(lane, 'seats')) >= seats
    if full and limits[6] == '0' then return end
    if redis.call('SCARD', UNSTARTED) >= most_unstarted then return again_by(NOW + UNSTARTED_MS) end
    if interval > 0 and tat > NOW then return again_by(tat) end
    if quota and quota <= 0 then return again_by(limits[9]) end
    local admitted = 0
    -- The batch that was served least for its weight goes first, so a large one doesn't starve one that comes later.
    for _, batch in ipairs(redis.call('ZRANGE', lane_key(lane, 'batches'), 0, 99)) do
      if not skip[batch] then
        local keep
        admitted, keep = admit_one(lane, batch, full)
        if not keep then redis.call('ZREM', lane_key(lane, 'batches'), batch) end
        if admitted == 1 then break end
        skip[batch] = true
      end
    end
    if admitted == 0 then return end
    if quota then quota = redis.call('HINCRBY', key, 'quota_left', -1) end
    if probing then
      redis.call('HSET', key, 'not_before', NOW + PROBE)
      away_from[lane] = nil
      again_by(NOW) -- what it isn't tried with may go elsewhere
      return again_by(NOW + PROBE)
    end
    if interval > 0 then
      tat = math.max(tat, NOW) + interval
      redis.call('HSET', key, 'tat', tat)
    end
  end
end

-- While the store fails, new takes would be paid for with nowhere to put them.
local until_then = tonumber(redis.call('HGET', STORE, 'until') or '0')
if until_then <= NOW then
  for _, lane in ipairs(redis.call('SMEMBERS', LANES)) do admit(lane) end
else
  again_by(until_then)
end
if looks <= 0 then again_by(NOW) end
again_by(redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')[2])
if again_at then redis.call('SET', AGAIN, whole(again_at)) else redis.call('DEL', AGAIN) end
table.insert(out, 1, again_at and whole(math.max(0, again_at - NOW)) or '')
return out
