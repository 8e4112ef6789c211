-- Stands between the prelude and `tick`: where takes go of a batch that several providers may render. Who can render a
-- take, who comes first and what it costs there follows from the manifest and from what was learned, so whoever asks what
-- can be done is asked for it (`quote`), and answers 'lane=micros,micros;...', the first to be tried first.

-- A provider that has said, or shown, that it takes nothing for longer than this is not waited for where another one can.
local AWAY = 60000

-- Whether all seats are held by doubts that nothing settles: they are a person's to free.
local function full_of_doubts(lane)
  if redis.call('SCARD', lane_key(lane, 'seats')) < seats_of(lane) then return false end
  for _, who in ipairs(redis.call('SMEMBERS', lane_key(lane, 'seats'))) do
    local batch, index = string.match(who, '^(.*):(%d+)$')
    if redis.call('HGET', take_key(batch, index), 'state') ~= 'doubt' or redis.call('ZSCORE', DUE, who) then return false end
  end
  return true
end

local away_from = {}
-- Whether a lane takes nothing: false; 'slowed' when that is over by itself, or is told by its seats; 'paused' when not.
local function away(lane)
  if away_from[lane] == nil then
    local set = redis.call('HMGET', lane_key(lane), 'seats', 'paused', 'not_before', 'broken')
    local wait = tonumber(set[3] or '0') - NOW
    local broken = wait > 0 and tonumber(set[4] or '0') >= BREAKS_AT
    away_from[lane] = ((not set[1] or set[2]) and 'paused') or ((broken or wait > AWAY) and 'slowed')
      or (full_of_doubts(lane) and 'slowed') or false
  end
  return away_from[lane]
end

local function is_among(lane, words) return string.find(' ' .. words .. ' ', ' ' .. lane .. ' ', 1, true) ~= nil end

-- Where a take that waits is to go now: a lane, or '*' for any; or else 'ask' where it isn't known who can render it,
-- 'later' and 'nowhere' where all who can take nothing, for a while or until somebody does something about it.
-- What may be at a provider stays there. Who has refused it for good (`refused`) isn't asked again, and who has failed it
-- (`tried`) only when there is nobody else. One that is paid for again keeps to its provider (`bound`).
local function lane_for(batch, index)
  local take = redis.call('HMGET', take_key(batch, index), 'again_since', 'lane', 'bound', 'tried', 'refused', 'reuse')
  if take[6] then return '*' end
  if take[1] then
    for _, lane in ipairs(lanes_of(batch)) do
      if lane == take[2] then return lane end
    end
    return '*'
  end
  local route = redis.call('HGET', batch_key(batch, 'prices'), index)
  if not route then return 'ask' end
  local could = {}
  for lane in string.gmatch(route, '([^=;]+)=') do
    if not is_among(lane, take[5] or '') and (not take[3] or take[3] == lane) then could[#could + 1] = lane end
  end
  if #could == 0 then
    -- The manifest names others by now than it did.
    for lane in string.gmatch(route, '([^=;]+)=') do could[#could + 1] = lane end
  end
  local spare
  local none = 'nowhere'
  for _, lane in ipairs(could) do
    local gone = away(lane)
    if gone == 'slowed' then none = 'later' end
    if not gone and not is_among(lane, take[4] or '') then return lane end
    if not gone then spare = spare or lane end
  end
  return spare or none
end

-- So many takes that go elsewhere are passed over in search of one that a lane may have.
local WINDOW = 200
