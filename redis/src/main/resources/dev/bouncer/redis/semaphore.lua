-- One message of one session of a RedisSemaphore, and its answer. docs/redis.md describes the
-- stored format (version 1) and why each rule is there.
--
-- KEYS: state (hash), line (zset of session:run by arrival), leases (zset of sessions)
-- ARGV:  1 session       2 flags: f)ull b)eat e)nd r)euses permits
--        3 number of this message                4 grants the session knows of
--        5 units it has given back, ever         6 units it holds
--        7 run id of the server                  8 grace window in ms if the state is missing
--        9 grace in ms  10 lease in ms          11 limit if none is stored  12 limit to set, or ''
--       13 highest fence it knows               14 prefix of the sessions' channels
--       15 epoch: how often its demand was voided, as far as it knows
--       16 number of its newest message that was answered
--       17 wishes: 'run weight total kind;' ... total is what was ever wanted less what was
--          withdrawn; kind q waits in line, kind t is served at once or not at all
-- Answer: status, grants, waiting elsewhere, limit, units in use elsewhere, ms to the end of the
--         grace window, ms to the next check, highest fence, epoch, 'grant run weight fence;' ... not yet acknowledged
--
-- Everything a session sends is cumulative and numbered, so a message that is lost, repeated or
-- late does no harm.

local STATE, LINE, LEASES = KEYS[1], KEYS[2], KEYS[3]
local me, flags = ARGV[1], ARGV[2]
local number, known = tonumber(ARGV[3]), tonumber(ARGV[4])
local released, held = tonumber(ARGV[5]), tonumber(ARGV[6])
local run, window = ARGV[7], tonumber(ARGV[8])
local grace, lease = tonumber(ARGV[9]), tonumber(ARGV[10])
local channels, wishes = ARGV[14], ARGV[17]
local epoch, answered = tonumber(ARGV[15]), tonumber(ARGV[16])
local full = string.find(flags, 'f', 1, true)
local beat = string.find(flags, 'b', 1, true)
local ending = string.find(flags, 'e', 1, true)

local function int(n) return string.format('%d', n) end

-- The head of the state.

local head = redis.call('HMGET', STATE, 'format', 'limit', 'used', 'fence', 'run', 'until', 'seq',
  'waiting', 'clock', 'skew', 'patience', 'check', 'reuse', 's:' .. me)
if head[1] and head[1] ~= '1' then
  return redis.error_reply('BOUNCERFORMAT the stored format must be 1: format=' .. head[1] ..
    ' key=' .. STATE)
end
local limit = tonumber(head[2] or ARGV[11])
local used, fence = tonumber(head[3] or 0), tonumber(head[4] or 0)
local graceEnd, seq, waiting = tonumber(head[6] or 0), tonumber(head[7] or 0), tonumber(head[8] or 0)
local clock, skew = tonumber(head[9] or 0), tonumber(head[10] or 0)
local patience, check = tonumber(head[11] or 0), tonumber(head[12] or 0)
local reuse = string.find(flags, 'r', 1, true) and '1' or head[13] or '0'
local nobodyWaited = waiting == 0

-- Time is the server's, and never goes back. After a leap, or a long silence, nobody is judged by
-- the clock until everybody had a grace to be heard.

local time = redis.call('TIME')
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local now = math.floor(micros / 1000) + skew
if now < clock then
  skew = skew + (clock - now)
  now = clock
elseif clock > 0 and now - clock >= grace / 2 then
  patience = now + grace
  if graceEnd > clock then graceEnd = now + math.min(grace, graceEnd - clock) end
end

-- A server that lost the state, or that took over from another one, grants nothing until every
-- session had a grace to say what it holds, or else knows that its permits are lost.

if fence < tonumber(ARGV[13]) then fence = tonumber(ARGV[13]) end
if head[5] ~= run then
  if fence < micros then fence = micros end
  if head[5] then
    graceEnd = now + grace
  else
    if held > 0 or tonumber(ARGV[13]) > 0 then
      window = grace -- it knows of grants, so there was a state
    elseif window < grace then
      for _, channel in ipairs(redis.call('PUBSUB', 'CHANNELS',
          (string.gsub(channels, '[%*%?%[%]\\]', '\\%0')) .. '*')) do
        if channel ~= channels .. me and channel ~= channels .. 'all' then
          window = grace
          break
        end
      end
    end
    graceEnd = now + window
  end
end

-- Sessions. A record is text: ten numbers, the epoch of its demand, whether
-- grants were taken back in it, and the grants not yet acknowledged.

local sessions, changed = {}, {}

local function parse(text)
  local granted, acked, units, back, last, first, final, wanted, silent, seen, epochs, revoked, pending =
    string.match(text, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (.*)$')
  return {
    granted = tonumber(granted), acked = tonumber(acked), held = tonumber(units),
    released = tonumber(back), message = tonumber(last), first = tonumber(first),
    last = tonumber(final), waiting = tonumber(wanted), silent = tonumber(silent),
    seen = tonumber(seen), epoch = tonumber(epochs), revoked = tonumber(revoked), pending = pending
  }
end

local function text(s)
  return string.format('%d %d %d %d %d %d %d %d %d %d %d %d %s', s.granted, s.acked, s.held,
    s.released, s.message, s.first, s.last, s.waiting, s.silent, s.seen, s.epoch,
    s.revoked, s.pending)
end

local function session(x)
  local s = sessions[x]
  if s == nil then
    local stored = redis.call('HGET', STATE, 's:' .. x)
    s = stored and parse(stored) or false
    sessions[x] = s
  end
  return s
end

local function entry(x, e) return 'e:' .. x .. ':' .. int(e) end
local function place(x, e) return x .. ':' .. int(e) end

-- A session and one of its runs in line, with one command if both are unknown.
local function sessionAndEntry(x, e)
  if sessions[x] == nil then
    local both = redis.call('HMGET', STATE, 's:' .. x, entry(x, e))
    sessions[x] = both[1] and parse(both[1]) or false
    return sessions[x], both[2]
  end
  return sessions[x], sessions[x] and redis.call('HGET', STATE, entry(x, e))
end

local function removeEntry(x, s, e)
  redis.call('ZREM', LINE, place(x, e))
  redis.call('HDEL', STATE, entry(x, e))
  if e == s.first then
    repeat e = e + 1 until e > s.last or redis.call('HEXISTS', STATE, entry(x, e)) == 1
    s.first = e
  end
end

-- The session learns of it by the epoch and says once more what it wants, as new runs.
local function voidDemand(x, s)
  for e = s.first, s.last do
    redis.call('ZREM', LINE, place(x, e))
    redis.call('HDEL', STATE, entry(x, e))
  end
  waiting = waiting - s.waiting
  s.waiting, s.first = 0, s.last + 1
  s.epoch = s.epoch + 1
  changed[x] = true
end

local function drop(x, s)
  voidDemand(x, s)
  used = used - s.held
  redis.call('HDEL', STATE, 's:' .. x)
  redis.call('ZREM', LEASES, x)
  sessions[x], changed[x] = false, nil
end

-- Takes back what a session was granted and never acknowledged.
local function revoke(x, s)
  for weight in string.gmatch(s.pending, '%d+ %d+ (%d+) %d+;') do
    used = used - tonumber(weight)
    s.held = s.held - tonumber(weight)
  end
  s.pending, s.revoked = '', 1
  voidDemand(x, s)
end

local FIELDS_A_COMMAND = 1000 -- Lua's stack has room for some thousand

local function save()
  local fields = { 'format', '1', 'limit', int(limit), 'used', int(used), 'fence',
    int(fence), 'run', run, 'until', int(graceEnd), 'seq', int(seq), 'waiting', int(waiting),
    'clock', int(now), 'skew', int(skew), 'patience', int(patience), 'check', int(check),
    'reuse', reuse }
  for x in pairs(changed) do
    if #fields >= FIELDS_A_COMMAND then
      redis.call('HSET', STATE, (unpack or table.unpack)(fields))
      fields = {}
    end
    fields[#fields + 1] = 's:' .. x
    fields[#fields + 1] = text(sessions[x])
  end
  redis.call('HSET', STATE, (unpack or table.unpack)(fields))
  if beat or not head[1] then redis.call('PEXPIRE', STATE, int(4 * lease)) end
end

local function answer(status, s, due)
  save()
  local wait = graceEnd - now
  if wait < 0 then wait = 0 end
  return { status, s and s.granted or known, waiting - (s and s.waiting or 0), limit,
    used - (s and s.held or 0), wait, due, fence, s and s.epoch or epoch,
    s and s.pending or '' }
end

-- Who speaks.

local mine = head[14] and parse(head[14]) or false
sessions[me] = mine
if mine and mine.revoked == 1 and epoch ~= mine.epoch and known > mine.acked then
  drop(me, mine) -- it has used what was taken back
  return answer('lost', false, 0)
end
if mine and (known > mine.granted or answered > mine.message) then
  drop(me, mine) -- what is stored is older than what it was told: the state was lost and restored
  mine = false
end
if not mine then
  if ending then return answer('ok', false, 0) end
  if not full then return answer('resync', false, 0) end
  if held > 0 and now >= graceEnd then return answer('lost', false, 0) end
  mine = { granted = known, acked = known, held = held, released = released, message = 0,
    first = 1, last = 0, waiting = 0, silent = 0, seen = now, epoch = epoch, revoked = 0,
    pending = '' }
  used = used + held
  sessions[me] = mine
  beat = true
end
changed[me] = true
mine.seen, mine.silent = now, 0
if beat then
  redis.call('ZADD', LEASES, int(now + lease), me)
  redis.call('PEXPIRE', LEASES, int(4 * lease))
  redis.call('PEXPIRE', LINE, int(4 * lease))
end

-- What it has learned and given back.

if known > mine.acked then mine.acked = known end
if mine.pending ~= '' then
  local rest = ''
  for grant, more in string.gmatch(mine.pending, '(%d+)( %d+ %d+ %d+;)') do
    if tonumber(grant) > mine.acked then rest = rest .. grant .. more end
  end
  mine.pending = rest
end
if released > mine.released then
  used = used - (released - mine.released)
  mine.held = mine.held - (released - mine.released)
  mine.released = released
end
if ending then
  drop(me, mine)
  mine = false
end

local function grant(x, s, e, weight)
  fence = fence + 1
  s.granted = s.granted + 1
  s.held = s.held + weight
  used = used + weight
  local line = int(s.granted) .. ' ' .. int(e) .. ' ' .. int(weight) .. ' ' .. int(fence) .. ';'
  s.pending = s.pending .. line
  changed[x] = true
  return line
end

-- What it wants. A message that others have overtaken wants nothing any more.

local tries = {}
if mine and number > mine.message then
  mine.message = number
  if ARGV[12] ~= '' then limit = tonumber(ARGV[12]) end
  if epoch ~= mine.epoch then return answer('resync', mine, 0) end
  mine.revoked = 0
  for e, weight, total, kind in string.gmatch(wishes, '(%d+) (%d+) (%d+) (%a);') do
    e, weight, total = tonumber(e), tonumber(weight), tonumber(total)
    if e > mine.last then
      if kind == 't' then
        tries[#tries + 1] = { e, weight, total }
      elseif total > 0 and waiting == 0 and now >= graceEnd and used + weight * total <= limit then
        for _ = 1, total do grant(me, mine, e, weight) end -- without a place in line
        if mine.first > mine.last then mine.first = e + 1 end
      elseif total > 0 then
        if mine.first > mine.last then mine.first = e end
        if waiting == 0 then redis.call('PEXPIRE', LINE, int(4 * lease)) end
        seq = seq + 1
        redis.call('ZADD', LINE, int(seq), place(me, e))
        redis.call('HSET', STATE, entry(me, e), int(weight) .. ' ' .. int(total) .. ' 0')
        waiting, mine.waiting = waiting + total, mine.waiting + total
      end
      mine.last = e
    else
      local stored = redis.call('HGET', STATE, entry(me, e))
      if stored then
        local _, before, granted = string.match(stored, '(%d+) (%d+) (%d+)')
        before, granted = tonumber(before), tonumber(granted)
        local after = math.max(total, granted)
        if after < before then
          waiting, mine.waiting = waiting - (before - after), mine.waiting - (before - after)
          if after == granted then
            removeEntry(me, mine, e)
          else
            redis.call('HSET', STATE, entry(me, e),
              int(weight) .. ' ' .. int(after) .. ' ' .. int(granted))
          end
        end
      end
    end
  end
end

-- Who is gone: silent longer than its lease; nobody listening on its channel for a grace; or, for
-- what it has not acknowledged, silent for a grace.

local due = 0
if ((beat and waiting > 0) or #tries > 0) and now >= graceEnd and now >= check then
  local nextCheck = now + math.floor(grace / 8)
  local ids = redis.call('ZRANGE', LEASES, 0, -1)
  local soonest = now + lease
  for from = 1, #ids, 500 do
    local query = {}
    for i = from, math.min(from + 499, #ids) do query[#query + 1] = channels .. ids[i] end
    local listeners = redis.call('PUBSUB', 'NUMSUB', (unpack or table.unpack)(query))
    for i = 1, #query do
      local x = ids[from + i - 1]
      local s = session(x)
      if not s then
        redis.call('ZREM', LEASES, x)
      elseif x ~= me then
        if now - s.seen >= lease and now >= patience then
          drop(x, s)
        elseif tonumber(listeners[2 * i]) == 0 then
          if s.silent == 0 then
            s.silent = now
            changed[x] = true
          end
          local gone = math.max(s.silent + grace, s.seen + grace, patience)
          if now >= gone then drop(x, s) else soonest = math.min(soonest, gone) end
        else
          if s.silent ~= 0 then
            s.silent = 0
            changed[x] = true
          end
          if s.pending ~= '' then
            if now - s.seen >= grace and now >= patience then
              revoke(x, s)
            else
              soonest = math.min(soonest, s.seen + grace)
            end
          end
          soonest = math.min(soonest, s.seen + lease)
        end
      end
    end
  end
  check = math.min(nextCheck, soonest)
  due = soonest - now
end

-- Serving the line: the first in line first, whoever it is. A request above the limit, which was
-- lowered behind its back, steps aside.

local function serve()
  local aside, told = 0, {}
  local blocked = false
  while waiting > 0 and used < limit do
    local first = redis.call('ZRANGE', LINE, aside, aside)[1]
    if not first then break end
    local x, e = string.match(first, '^(.*):(%d+)$')
    e = tonumber(e)
    local s, stored = sessionAndEntry(x, e)
    if s and x ~= me and now - s.seen >= grace and now >= patience then
      voidDemand(x, s)
    else
      if not (s and stored) then
        redis.call('ZREM', LINE, first)
      else
        local weight, total, granted = string.match(stored, '(%d+) (%d+) (%d+)')
        weight, total, granted = tonumber(weight), tonumber(total), tonumber(granted)
        if weight > math.max(limit, 1) then
          aside = aside + 1
        elseif used + weight > limit then
          blocked = true
          break
        else
          local count = math.min(total - granted, math.floor((limit - used) / weight))
          for _ = 1, count do
            local line = grant(x, s, e, weight)
            if x ~= me then
              local news = told[x]
              if not news then
                news = { lines = '', count = 0, units = 0, before = s.pending }
                news.before = string.sub(s.pending, 1, #s.pending - #line)
                told[x] = news
              end
              news.lines = news.lines .. line
              news.count, news.units = news.count + 1, news.units + weight
            end
          end
          waiting, s.waiting = waiting - count, s.waiting - count
          if granted + count == total then
            removeEntry(x, s, e)
          else
            redis.call('HSET', STATE, entry(x, e),
              int(weight) .. ' ' .. int(total) .. ' ' .. int(granted + count))
          end
        end
      end
    end
  end
  return told, blocked
end

if now >= graceEnd then
  local told, blocked
  repeat
    local again = false
    told, blocked = serve()
    for x, news in pairs(told) do
      if redis.call('PUBLISH', channels .. x, news.lines) == 0 then
        -- Nobody listens, so nobody knows of these grants: the next in line has them.
        local s = session(x)
        s.granted, s.pending = s.granted - news.count, news.before
        s.held, used = s.held - news.units, used - news.units
        voidDemand(x, s)
        again = true
      end
    end
  until not again
  if not blocked then
    for _, try in ipairs(tries) do
      for _ = 1, try[3] do
        if used + try[2] <= limit then grant(me, mine, try[1], try[2]) end
      end
    end
  end
end

if nobodyWaited and waiting > 0 and reuse == '1' then
  redis.call('PUBLISH', channels .. 'all', 'waiting')
end

return answer('ok', mine, due)
