-- What a batch is believed to have spent, and which attempts are still open, in one moment: what these come to is booked
-- when they end. ARGV: 4 batch, 5... lanes of the days' accounts. Returns spent by the batch and today at each of these
-- (micros), then two each: index and attempt.
local batch = ARGV[4]
local out = {redis.call('HGET', batch_key(batch), 'spent') or '0'}
for i = 5, #ARGV do
  out[#out + 1] = redis.call('HGET', day_key(ARGV[i], math.floor(NOW / 86400000)), 'spent:' .. batch) or '0'
end
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
