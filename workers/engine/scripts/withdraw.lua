-- A person gives a take up. ARGV: 4 batch, 5 index, 6 'cancelled' or 'waived', 7 fields (JSON).
-- Returns what it has come to: that state, 'asked' where the provider has to be asked to end it, the state it stays in,
-- 'withdrawn' when nobody asks for it any more, 'unknown' when Redis doesn't know the batch,
-- or 'untrusted' when it was started anew and the batch wasn't held against the store since.
local batch, index, to = ARGV[4], ARGV[5], ARGV[6]
local key = take_key(batch, index)
if redis.call('HEXISTS', batch_key(batch), 'digest') == 0 then return 'unknown' end
-- What Redis says may be from before the take was accepted, and what is put on record here would hide the job.
if not trusted(batch) then return 'untrusted' end
local state = redis.call('HGET', key, 'state')
if not state then
  if redis.call('GETBIT', batch_key(batch, 'done'), index) == 1 then return 'done' end
  if not span_of(spans_of(batch), tonumber(index)) then return 'withdrawn' end
  redis.call('HSET', key, 'state', 'waiting', 'attempt', 1, 'fence', 0)
  state = 'waiting'
end
if to == 'cancelled' and (state == 'submitting' or state == 'rendering') then return cancel_alive(batch, index) end
local again = redis.call('HGET', key, 'again_since')
-- Not what may have been accepted: that is in doubt, and a person says so by waiving it.
if to == 'cancelled' and again then return state end
if state == to or not LEGAL[state][to] then return state end
redis.call('HINCRBY', key, 'fence', 1)
return move(batch, index, state, to, 0, cjson.decode(ARGV[7]), (again and 'all') or nil)
