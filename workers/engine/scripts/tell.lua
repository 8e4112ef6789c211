-- Keep what is to be told of a batch until it is delivered. ARGV: 4 batch, 5 what holds now (JSON: event -> a token, or ''
--   when it holds no more; an event that is not there stays as it is), 6 the channels (JSON list).
-- An event is told once for each token, whoever notices it, and in one step with being kept for every channel.
-- Returns how many notices were added.
local batch = ARGV[4]
local told = batch_key(batch, 'told')
local channels = cjson.decode(ARGV[6])
local added = 0
for event, token in pairs(cjson.decode(ARGV[5])) do
  if token == '' then
    redis.call('HDEL', told, event)
  elseif redis.call('HGET', told, event) ~= token then
    redis.call('HSET', told, event, token)
    for _, channel in ipairs(channels) do
      local id = batch .. ':' .. event .. ':' .. whole(NOW) .. ':' .. channel
      redis.call('HSET', NS .. ':notices', id, cjson.encode({batch = batch, event = event, channel = channel, at = NOW}))
      redis.call('ZADD', NS .. ':notices:due', NOW, id)
      added = added + 1
    end
  end
end
return added
