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

-- What placing and offering needs to know of a call besides its class and entry time.
local CALL_FIELDS = { 'queue', 'controller', 'tried', 'class', 'entered_ms', 'held', 'state' }

-- The best waiting call over all classes the agent's group fits and those held for him. Returns id and record.
local function best_call(agent_id, agent, now)
  local fit = read_fit('groups', agent.group)
  local names, d, t, p, m, a, b = fit.c, fit.d, fit.t, fit.p, fit.m, fit.a, fit.b
  local classes = #names
  names[classes + 1] = '+' .. agent_id
  local heads = redis.call('HMGET', key('heads', 'w'), unpack(names))
  local at, best_tier, best_value, best_entered, best_id
  local behind = {} -- class -> calls at its head which this agent was offered too often

  local function consider(i, head, tier, delay, worth_of)
    local entered, id = split_head(head)
    local waited = now - entered
    if waited < delay then
      return
    end
    local points = worth_of and value(worth_of, waited) or math.min(m[i], p[i] + a[i] * waited)
    if not at or tier > best_tier or (tier == best_tier and (points > best_value or (points == best_value
      and (entered < best_entered or (entered == best_entered and id < best_id))))) then
      at, best_tier, best_value, best_entered, best_id = i, tier, points, entered, id
    end
  end

  for _ = 1, LOOKS_MAX do
    at = nil
    for i = 1, classes do
      local head = heads[i]
      if head then
        consider(i, head, t[i], d[i], b[i] ~= '' and worth(names[i]))
      end
    end
    local held = heads[classes + 1]
    if held then
      local entered, id = split_head(held)
      local class = redis.call('HGET', key('call', id), 'class')
      if open_to(class, agent.group, entered, now) then
        consider(classes + 1, held, worth(class).tier, 0, worth(class))
      end
    end
    if not at then
      return nil
    end
    local call = some('call', best_id, CALL_FIELDS)
    if call.held or not capped(call, agent_id) then
      return best_id, call
    end
    -- Offered to him too often: look at the one behind it.
    behind[at] = (behind[at] or 0) + 1
    local next_call = redis.call('ZRANGE', key('w', names[at]), behind[at], behind[at], 'WITHSCORES')
    heads[at] = next_call[1] and (next_call[2] .. ' ' .. next_call[1])
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
  local groups, at, delays = {}, {}, fit.d
  for n, group in ipairs(fit.g) do
    if waited_ms >= delays[n] then
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
