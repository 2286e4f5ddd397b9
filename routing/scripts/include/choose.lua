-- Who gets whom: the best call for an agent, the best agent for a call. Reads only.
-- @include base
-- @include class
-- @include fit
-- @include heads

-- So many offers of one call to one agent, then never again.
local OFFERS_MAX = 3
-- Calls looked at for one agent before he is left idle; each was offered to him OFFERS_MAX times.
local LOOKS_MAX = 64

-- "anna:2 bob:1", in the order they last did not take the call -> list of ids, counts by id.
local function tried_of(text)
  local ids, counts = {}, {}
  for id, n in string.gmatch(text or '', '(%S+):(%d+)') do
    ids[#ids + 1] = id
    counts[id] = tonumber(n)
  end
  return ids, counts
end

local function capped(call, agent_id)
  if not call.tried or call.tried == '' then
    return false
  end
  local _, counts = tried_of(call.tried)
  return (counts[agent_id] or 0) >= OFFERS_MAX
end

local function better(a, b)
  if a.tier ~= b.tier then
    return a.tier > b.tier
  elseif a.value ~= b.value then
    return a.value > b.value
  elseif a.entered ~= b.entered then
    return a.entered < b.entered
  end
  return a.id < b.id
end

local function candidate(class, entered, id, now)
  local of = worth(class)
  return { class = class, entered = entered, id = id, tier = of.tier, value = value(of, now - entered) }
end

-- Is the class open to the group for a call that entered then?
local function open_to(class, group, entered, now)
  local fit = fit_of(class)
  for n, other in ipairs(fit.g) do
    if other == group then
      return now - entered >= fit.d[n]
    end
  end
  return false
end

-- The first call held for the agent, as a candidate.
local function best_held(head, agent, now)
  local entered, id = split_head(head)
  local class = redis.call('HGET', key('call', id), 'class')
  if open_to(class, agent.group, entered, now) then
    local found = candidate(class, entered, id, now)
    found.held = true
    return found
  end
end

-- The best waiting call over all classes the agent's group fits and those held for him. Returns id, record, held.
local function best_call(agent_id, agent, now)
  local fit = read_fit('groups', agent.group)
  local names = fit.c
  names[#names + 1] = '+' .. agent_id
  local heads = redis.call('HMGET', key('heads', 'w'), unpack(names))
  local found = {}
  for i = 1, #names - 1 do
    if heads[i] then
      local entered, id = split_head(heads[i])
      if now - entered >= fit.d[i] then
        found[#found + 1] = candidate(names[i], entered, id, now)
        found[#found].delay, found[#found].seen = fit.d[i], 0
      end
    end
  end
  if heads[#names] then
    found[#found + 1] = best_held(heads[#names], agent, now)
  end
  for _ = 1, LOOKS_MAX do
    local at
    for i, each in pairs(found) do
      if not at or better(each, found[at]) then
        at = i
      end
    end
    if not at then
      return nil
    end
    local best = found[at]
    local call = record('call', best.id)
    if best.held or not capped(call, agent_id) then
      return best.id, call, best.held
    end
    -- Offered to him too often: look at the one behind it.
    local seen = best.seen + 1
    local behind = redis.call('ZRANGE', key('w', best.class), seen, seen, 'WITHSCORES')
    found[at] = nil
    if behind[1] and now - behind[2] >= best.delay then
      found[at] = candidate(best.class, tonumber(behind[2]), behind[1], now)
      found[at].delay, found[at].seen = best.delay, seen
    end
  end
end

-- Is anybody ready for a call that waited so long?
local function somebody_ready(fit, waited_ms)
  for n, group in ipairs(fit.g) do
    if waited_ms >= fit.d[n] and redis.call('HEXISTS', key('heads', 'i'), group) == 1 then
      return true
    end
  end
  return false
end

-- The best ready agent for a call that waited so long: by rank, then by the order's index, then by id. Who did not
-- take it comes after all others, longest ago first; who had OFFERS_MAX offers of it never. nil when there is none.
local function best_agent(fit, class, waited_ms, tried)
  local groups, at = {}, {}
  for n, group in ipairs(fit.g) do
    if waited_ms >= fit.d[n] then
      groups[#groups + 1] = group
      at[#at + 1] = n
    end
  end
  if not groups[1] then
    return nil
  end
  local index = index_of_order(worth(class))
  local best_rank, best_score, best_id
  local function consider(n, score, id)
    local rank
    rank, score = fit.r[n], score - fit.o[n]
    if not best_id or rank < best_rank or (rank == best_rank and (score < best_score
      or (score == best_score and id < best_id))) then
      best_rank, best_score, best_id = rank, score, id
    end
  end
  local heads = redis.call('HMGET', key('heads', index), unpack(groups))
  if not tried or tried == '' then
    for i, head in ipairs(heads) do
      if head then
        local score, id = split_head(head)
        consider(at[i], score, id)
      end
    end
    return best_id
  end
  local ids, counts = tried_of(tried)
  local ready_again = {}
  for i, head in ipairs(heads) do
    if head then
      local ready = redis.call('ZRANGE', key(index, groups[i]), 0, #ids, 'WITHSCORES')
      for j = 1, #ready, 2 do
        if not counts[ready[j]] then
          consider(at[i], tonumber(ready[j + 1]), ready[j])
        elseif counts[ready[j]] < OFFERS_MAX then
          ready_again[ready[j]] = true
        end
      end
    end
  end
  for _, id in ipairs(best_id and {} or ids) do
    if ready_again[id] then
      return id
    end
  end
  return best_id
end
