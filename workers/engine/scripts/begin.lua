-- All that the store knows of a batch has been taken over: from now on its takes may be admitted.
-- Returns 1, or 0 when Redis was emptied or started anew meanwhile, and all of it is to be done once more.
-- ARGV: 4 batch, 5 spent by the batch (micros, '' to leave it as it is), 6 what Redis believed of that before the record
--   was read: what has come to it since may not be on record, 7 the same of the days' accounts: lists of lane, spent today
--   and believed (JSON), 8 '1' when a person has opened it: failures are counted from here on, 9 the server when that
--   began, 10 the digest of the manifests that it was opened by, '' for any.
local batch = ARGV[4]
local key = batch_key(batch)
if redis.call('HEXISTS', key, 'digest') == 0 or server() ~= ARGV[9] then return 0 end
if ARGV[10] ~= '' and redis.call('HGET', key, 'digest') ~= ARGV[10] then return 0 end
-- What `open` left there of takes that nobody asks for any more, until the record told what they are.
local spans = spans_of(batch)
local function unwanted(index)
  return not is_orphan(index) and not span_of(spans, tonumber(index))
    and redis.call('SISMEMBER', batch_key(batch, 'withdrawn'), index) == 0
end
for _, index in ipairs(redis.call('SMEMBERS', batch_key(batch, 'alive'))) do
  if redis.call('HGET', take_key(batch, index), 'state') == 'admitted' and unwanted(index) then drop(batch, index) end
end
for _, index in ipairs(redis.call('ZRANGE', batch_key(batch, 'back'), 0, -1)) do
  if unwanted(index) then drop(batch, index) end
end
if ARGV[5] ~= '' then
  local since = tonumber(redis.call('HGET', key, 'spent') or '0') - tonumber(ARGV[6])
  redis.call('HSET', key, 'spent', whole(tonumber(ARGV[5]) + math.max(0, since)))
  local reserved = 0
  for _, set in ipairs({'alive', 'doubt'}) do
    for _, index in ipairs(redis.call('SMEMBERS', batch_key(batch, set))) do
      reserved = reserved + tonumber(redis.call('HGET', take_key(batch, index), 'reserved') or '0')
    end
  end
  for _, index in ipairs(redis.call('ZRANGE', batch_key(batch, 'back'), 0, -1)) do
    reserved = reserved + tonumber(redis.call('HGET', take_key(batch, index), 'reserved') or '0')
  end
  redis.call('HSET', key, 'reserved', whole(reserved))
end
for _, told in ipairs(cjson.decode(ARGV[7])) do
  local account = day_key(told[1], math.floor(NOW / 86400000))
  local before = tonumber(redis.call('HGET', account, 'spent:' .. batch) or '0')
  local spent = told[2] + math.max(0, before - told[3])
  redis.call('HINCRBY', account, 'spent', whole(spent - before))
  redis.call('HSET', account, 'spent:' .. batch, whole(spent))
  redis.call('EXPIRE', account, 864000)
end
if ARGV[8] == '1' or redis.call('HEXISTS', key, 'failures_before') == 0 then
  redis.call('HSET', key, 'failures_before', redis.call('HGET', key, 'n:failed') or '0')
end
redis.call('HSET', key, 'begun', 1, 'server', server())
redis.call('HDEL', key, 'recovering')
ring()
return 1
