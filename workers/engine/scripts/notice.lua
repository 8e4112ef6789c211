-- Take the next notice that is due, under a lease: who falls silent with it in hand lets another bring it.
-- ARGV: 4 lease (ms). Returns its id, itself (JSON) and how often it was taken, or nothing.
local due = NS .. ':notices:due'
local id = redis.call('ZRANGEBYSCORE', due, '-inf', NOW, 'LIMIT', 0, 1)[1]
if not id then return {} end
local kept = redis.call('HGET', NS .. ':notices', id)
if not kept then
  redis.call('ZREM', due, id)
  return {}
end
redis.call('ZADD', due, NOW + tonumber(ARGV[4]), id)
return {id, kept, tostring(redis.call('HINCRBY', NS .. ':notices:tries', id, 1))}
