-- Offers, calls in line, agents set free: the moves every decision is made of. Both sides of a pair leave their index
-- in the script that writes the offer. A call record always carries entered_ms, so its place is never lost.
-- Why a pair was made is a code; routing/explain.py has the words:
--   <order>:<ready>:<idle_ms>:<tried>   the first of so many ready agents by the queue's order; so many had not taken it
--   relaxed:<order>:<ready>:<idle_ms>:<tried>   the same, because a relax step let him in
--   freed:<waiting>:<waited_ms>:<priority>      the best call of those he fits when he became ready
--   affinity:<idle_ms>, held:<waited_ms>        he was asked for: and was ready; and the call waited for him
-- @include base
-- @include choose

-- A controller takes an offer within this time or it goes back. Longer than a spoken position; a controller that
-- died is noticed sooner by its heartbeat.
local CLAIM_MS = 10000
-- A call remembers this many agents who did not take it.
local TRIED_MAX = 32
-- Calls held for one agent at most.
local HELD_MAX = 5
-- Groups counted to say of how many ready agents one was chosen.
local COUNTED_MAX = 4

local function offer_make(call_id, call, agent_id, agent, why, now)
  local token = redis.call('INCR', key('token'))
  if token == 1 then -- a Redis that came back empty must not hand out old tokens again
    token = now
    redis.call('SET', key('token'), token)
  end
  call.state, call.agent, call.token, call.deadline_ms = 'offered', agent_id, token, now + CLAIM_MS
  agent.state, agent.call, agent.token, agent.since_ms = 'reserved', call_id, token, now
  redis.call('HSET', key('call', call_id), 'state', 'offered', 'agent', agent_id, 'token', token,
    'deadline_ms', call.deadline_ms, 'taken', '0', 'reason', why, 'since_ms', now)
  redis.call('HSET', key('agent', agent_id), 'state', 'reserved', 'call', call_id, 'token', token, 'since_ms', now)
  redis.call('ZADD', key('due'), call.deadline_ms, 'offer ' .. call_id)
  redis.call('XADD', key('offers', call.controller), 'MAXLEN', '~', 10000, '*', 'call', call_id, 'token', token)
  event('offered', now, 'call', call_id, 'agent', agent_id, 'queue', call.queue, 'token', token, 'why', why)
end

-- The call has no offer any more; its record says waiting, it is in no index yet.
local function offer_clear(call_id, call, now)
  redis.call('ZREM', key('due'), 'offer ' .. call_id)
  redis.call('HDEL', key('call', call_id), 'agent', 'token', 'deadline_ms', 'taken', 'reason')
  redis.call('HSET', key('call', call_id), 'state', 'waiting', 'since_ms', now)
  call.state, call.agent, call.token, call.deadline_ms, call.taken = 'waiting', nil, nil, nil, nil
end

-- Out of its class's line, or of the line of the agent it was held for.
local function line_remove(call_id, call)
  if call.held then
    index_remove('w', '+' .. call.held, call_id)
    redis.call('ZREM', key('due'), 'hold ' .. call_id)
    redis.call('HDEL', key('call', call_id), 'held')
    call.held = nil
  else
    index_remove('w', call.class, call_id)
  end
end

-- In line at its place.
local function line_add(call_id, call, fit, now)
  local entered = tonumber(call.entered_ms)
  index_add('w', call.class, entered, call_id)
  local opens
  for _, delay in ipairs(fit.d) do
    if delay > now - entered and (not opens or delay < opens) then
      opens = delay
    end
  end
  if opens then
    redis.call('ZADD', key('due'), 'LT', entered + opens, 'ring ' .. call.class)
  end
end

local function offer_best(call_id, call, fit, code, now)
  local waited = now - call.entered_ms
  local agent_id = best_agent(fit, call.class, waited, call.tried)
  if not agent_id then
    return false
  end
  local agent, ready, counted = record('agent', agent_id), 0, 0
  for n, group in ipairs(fit.g) do
    if counted < COUNTED_MAX and waited >= fit.d[n] then
      ready, counted = ready + redis.call('ZCARD', key('i', group)), counted + 1
    end
  end
  local why = string.format('%s%s:%d:%d:%d', code, worth(call.class).order, ready, now - agent.idle_since_ms,
    #tried_of(call.tried))
  ready_remove(agent_id, agent.group)
  offer_make(call_id, call, agent_id, agent, why, now)
  return true
end

-- Offer a call that is in no index to the best ready agent, or put it in line.
local function call_place(call_id, call, now)
  local fit = fit_for_place(call.class, now)
  if not offer_best(call_id, call, fit, '', now) then
    line_add(call_id, call, fit, now)
  end
end

-- The call asks for one agent: offer it to him, or hold it for him while he may soon be free. False: neither.
local function call_hold(call_id, call, agent_id, wait_ms, talk_ms, now)
  local agent = record('agent', agent_id)
  local _, counts = tried_of(call.tried)
  if not agent or agent.status ~= 'in' or counts[agent_id]
    or not open_to(call.class, agent.group, tonumber(call.entered_ms), now) then
    return false
  end
  if agent.state == 'ready' then
    ready_remove(agent_id, agent.group)
    offer_make(call_id, call, agent_id, agent, string.format('affinity:%d', now - agent.idle_since_ms), now)
    return true
  end
  local free_ms = now + talk_ms
  if agent.until_ms then
    free_ms = tonumber(agent.until_ms)
  elseif agent.state == 'talking' then
    free_ms = math.max(now, agent.since_ms + talk_ms)
  end
  if free_ms > now + wait_ms or redis.call('ZCARD', key('w', '+' .. agent_id)) >= HELD_MAX then
    return false
  end
  call.held = agent_id
  redis.call('HSET', key('call', call_id), 'held', agent_id)
  index_add('w', '+' .. agent_id, call.entered_ms, call_id)
  redis.call('ZADD', key('due'), now + wait_ms, 'hold ' .. call_id)
  return true
end

-- The agent will not take the calls held for him: they go to whoever may.
local function release_held(agent_id, now)
  for _, call_id in ipairs(redis.call('ZRANGE', key('w', '+' .. agent_id), 0, -1)) do
    local call = record('call', call_id)
    line_remove(call_id, call)
    call_place(call_id, call, now)
  end
end

local function agent_remove(agent_id, agent, now)
  ready_remove(agent_id, agent.group)
  redis.call('ZREM', key('due'), 'agent ' .. agent_id)
  redis.call('DEL', key('agent', agent_id))
  redis.call('SREM', key('agents'), agent_id)
  group_leave(agent.group, now)
end

-- Nothing occupies the agent any more: he leaves if he wished to, rests if paused, else gets the best waiting call.
local function agent_free(agent_id, agent, now, idle_since_ms)
  if agent.status == 'out' then
    agent_remove(agent_id, agent, now)
    return
  end
  if agent.until_ms then
    redis.call('ZREM', key('due'), 'agent ' .. agent_id)
  end
  redis.call('HDEL', key('agent', agent_id), 'call', 'token', 'until_ms')
  redis.call('HSET', key('agent', agent_id), 'state', 'ready', 'since_ms', now, 'idle_since_ms', idle_since_ms)
  agent.state, agent.since_ms, agent.idle_since_ms = 'ready', now, idle_since_ms
  agent.call, agent.token, agent.until_ms = nil, nil, nil
  event('agent_ready', now, 'agent', agent_id, 'status', agent.status)
  if agent.status ~= 'in' then
    return
  end
  local call_id, call, held = best_call(agent_id, agent, now)
  if not call_id then
    ready_add(agent_id, agent)
    return
  end
  local waited = now - call.entered_ms
  local why = held and string.format('held:%d', waited)
    or string.format('freed:%d:%d:%d', redis.call('ZCARD', key('w', call.class)), waited, worth(call.class).priority)
  line_remove(call_id, call)
  offer_make(call_id, call, agent_id, agent, why, now)
end

-- The agent does something else until `until_ms`: state wrap_up or back_off. The sweep ends it.
local function agent_rest(agent_id, agent, state, now, until_ms)
  if until_ms <= now or agent.status == 'out' then
    agent_free(agent_id, agent, now, now)
    return
  end
  redis.call('HDEL', key('agent', agent_id), 'call', 'token')
  redis.call('HSET', key('agent', agent_id), 'state', state, 'since_ms', now, 'until_ms', until_ms)
  redis.call('ZADD', key('due'), until_ms, 'agent ' .. agent_id)
  agent.state, agent.since_ms, agent.until_ms, agent.call, agent.token = state, now, until_ms, nil, nil
  event('agent_' .. state, now, 'agent', agent_id, 'until_ms', until_ms)
end

-- After a talk: the queue's wrap-up where it has one, else the agent's own.
local function agent_wrap_up(agent_id, agent, call, now)
  agent_rest(agent_id, agent, 'wrap_up', now, now + (tonumber(call.wrap_up_ms) or agent.wrap_up_ms))
end

-- The agent did not take the call: the call keeps its place and the agent backs off, paused after too many in a row.
local function offer_return(call_id, call, cause, back_off_ms, pause_after, now)
  local agent_id = call.agent
  local agent = record('agent', agent_id)
  local ids, counts = tried_of(call.tried)
  local tried = { agent_id .. ':' .. ((counts[agent_id] or 0) + 1) }
  for i = #ids, 1, -1 do
    if ids[i] ~= agent_id and #tried < TRIED_MAX then
      table.insert(tried, 1, ids[i] .. ':' .. counts[ids[i]])
    end
  end
  call.tried = table.concat(tried, ' ')
  offer_clear(call_id, call, now)
  redis.call('HSET', key('call', call_id), 'tried', call.tried)
  event('refused', now, 'call', call_id, 'agent', agent_id, 'queue', call.queue, 'cause', cause)
  call_place(call_id, call, now)
  local missed = redis.call('HINCRBY', key('agent', agent_id), 'missed_' .. cause, 1)
  local pauses = pause_after > 0 and missed >= pause_after and agent.status == 'in'
  if pauses then
    agent.status = 'paused'
    redis.call('HSET', key('agent', agent_id), 'status', 'paused', 'pause_reason', 'auto: ' .. cause)
    count('agents_in', agent.group, -1)
    event('agent_paused', now, 'agent', agent_id, 'reason', 'auto: ' .. cause)
  end
  agent_rest(agent_id, agent, 'back_off', now, now + back_off_ms)
  if pauses then
    release_held(agent_id, now)
  end
end

-- Take the offer back without blame: the call goes in line at its place first, then the agent takes the best. When that
-- is another call or none (he is paused, or has other skills by now), somebody else may be ready for this one.
local function offer_cancel(call_id, call, now)
  local agent_id = call.agent
  local agent = record('agent', agent_id)
  offer_clear(call_id, call, now)
  line_add(call_id, call, fit_for_place(call.class, now), now)
  event('offer_cancelled', now, 'call', call_id, 'agent', agent_id, 'queue', call.queue)
  agent_free(agent_id, agent, now, agent.idle_since_ms)
  if redis.call('HGET', key('call', call_id), 'state') == 'waiting' then
    line_remove(call_id, call)
    call_place(call_id, call, now)
  end
end

-- Waiting let more agents in: offer the calls of the class they may take now, then set the timer for the next such time.
local RING_BATCH = 40
local function ring_open(class, now)
  redis.call('ZREM', key('due'), 'ring ' .. class)
  local fit, known = fit_of(class)
  if not known then
    return
  end
  local looked = redis.call('ZRANGE', key('w', class), 0, RING_BATCH - 1)
  local offered, stuck = 0, false
  for _, call_id in ipairs(looked) do
    local call = record('call', call_id)
    if offer_best(call_id, call, fit, 'relaxed:', now) then
      redis.call('ZREM', key('w', class), call_id)
      offered = offered + 1
    elseif not call.tried or call.tried == '' then
      stuck = true
      break
    end
  end
  if offered > 0 then
    head_refresh('w', class)
  end
  local again = #looked == RING_BATCH and offered > 0 and not stuck
  local due = again and now
  for _, delay in ipairs(again and {} or fit.d) do
    if delay > 0 then
      local next_call = redis.call('ZRANGE', key('w', class), '(' .. (now - delay), '+inf', 'BYSCORE', 'LIMIT', 0, 1,
        'WITHSCORES')
      local opens = next_call[1] and next_call[2] + delay
      due = (opens and (not due or opens < due)) and opens or due
    end
  end
  if due then
    redis.call('ZADD', key('due'), due, 'ring ' .. class)
  end
end
