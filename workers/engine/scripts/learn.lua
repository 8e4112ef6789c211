-- Keep how long a render took. ARGV: 4 kind, 5 ms from its start to its end or '', 6 ms that it waited before or '',
--   7 most durations to keep of a kind, 8 most kinds to keep.
local kinds = NS .. ':renders'
local function keep(part, value)
  if value == '' then return end
  local key = kinds .. ':' .. part .. ':' .. ARGV[4]
  redis.call('LPUSH', key, value)
  redis.call('LTRIM', key, 0, tonumber(ARGV[7]) - 1)
end
keep('run', ARGV[5])
keep('wait', ARGV[6])
redis.call('ZADD', kinds, NOW, ARGV[4])
local many = redis.call('ZCARD', kinds) - tonumber(ARGV[8])
if many > 0 then
  for _, old in ipairs(redis.call('ZRANGE', kinds, 0, many - 1)) do
    redis.call('DEL', kinds .. ':run:' .. old, kinds .. ':wait:' .. old)
    redis.call('ZREM', kinds, old)
  end
end
return 1
