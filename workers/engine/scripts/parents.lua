-- Keep which takes of their batch some takes take up files of, until they are admitted. ARGV: 4 batch, then two each:
-- 5 index, 6 the indices of its parents, with commas between.
if redis.call('HEXISTS', batch_key(ARGV[4]), 'digest') == 0 then return 0 end
local key = batch_key(ARGV[4], 'parents')
-- Those of takes that were admitted meanwhile would stay for ever.
if redis.call('HLEN', key) > 2000 then redis.call('DEL', key) end
for i = 5, #ARGV, 2 do redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
ring()
return 1
