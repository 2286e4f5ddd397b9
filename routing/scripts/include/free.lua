-- Agents set free, offers that come back, calls held for one agent: what follows when something ends.
-- @include offer

-- A call remembers this many agents who did not take it.
local TRIED_MAX = 32
-- Calls held for one agent at most.
local HELD_MAX = 5

-- The call has no offer any more; its record says waiting, it is in no index yet.
local function offer_clear(call_id, call, now)
  redis.call('ZREM', key('due'), 'offer ' .. call_id)
  redis.call('HDEL', key('call', call_id), 'agent', 'token', 'deadline_ms', 'taken', 'reason')
  redis.call('HSET', key('call', call_id), 'state', 'waiting', 'since_ms', now)
  call.state, call.agent, call.token, call.deadline_ms, call.taken = 'waiting', nil, nil, nil, nil
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
  refit('leave', agent.group, now)
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
  local call_id, call = best_call(agent_id, agent, now)
  if not call_id then
    ready_add(agent_id, agent)
    return
  end
  local waited = now - call.entered_ms
  local why = call.held and string.format('held:%d', waited)
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
