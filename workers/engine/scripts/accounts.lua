-- What a batch is believed to have spent, and which attempts are still open, in one moment: what these come to is booked
-- when they end. ARGV: 4 batch, 5 lane of the day's account. Returns spent by the batch and today (micros), then two each:
-- index and attempt.
local batch = ARGV[4]
local account = day_key(ARGV[5], math.floor(NOW / 86400000))
local out = {
  redis.call('HGET', batch_key(batch), 'spent') or '0',
  redis.call('HGET', account, 'spent:' .. batch) or '0',
}
local function say(index)
  if is_orphan(index) then return end
  out[#out + 1] = index
  out[#out + 1] = redis.call('HGET', take_key(batch, index), 'attempt') or '1'
end
for _, set in ipairs({'alive', 'doubt'}) do
  for _, index in ipairs(redis.call('SMEMBERS', batch_key(batch, set))) do say(index) end
end
for _, index in ipairs(redis.call('ZRANGE', batch_key(batch, 'back'), 0, -1)) do say(index) end
return out
