-- Offers, calls in line, agents set free: the moves every decision is made of. Both sides of a pair leave their index
-- in the script that writes the offer. A call record always carries entered_ms, so its place is never lost.
-- @include base
-- @include fit
-- @include heads

-- A controller takes an offer within this time or it goes back. Longer than a spoken position; a controller that
-- died is noticed sooner by its heartbeat.
local CLAIM_MS = 10000
-- A call remembers this many agents who did not take it.
local TRIED_MAX = 32

local function seconds(ms)
  return string.format('%d s', math.floor(ms / 1000))
end

local function need_words(need)
  return (string.gsub(string.gsub(need, '>=', ' >= '), '&', ' and '))
end

local function offer_make(call_id, call, agent_id, agent, why, now)
  local token = redis.call('INCR', key('token'))
  if token == 1 then -- a Redis that came back empty must not hand out old tokens again
    token = now
    redis.call('SET', key('token'), token)
  end
  if call.state == 'waiting' then
    index_remove('w', call.class, call_id)
  end
  index_remove('i', agent.group, agent_id)
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

-- In line at its place. The class may have been dropped, or never known.
local function line_add(call_id, call, now)
  local groups, known = groups_of(call.class)
  if not known then
    class_open(call.class, groups, now)
  end
  index_add('w', call.class, call.score, call_id)
end

-- Offer a call that is in no index to the best ready agent, or put it in line.
local function call_place(call_id, call, now)
  local groups = groups_of(call.class)
  local agent_id = best_agent(groups, words(call.tried))
  if not agent_id then
    line_add(call_id, call, now)
    return
  end
  local agent = record('agent', agent_id)
  local ready = 0
  for _, group in ipairs(groups) do
    ready = ready + redis.call('ZCARD', key('i', group))
  end
  local why = string.format('longest idle of %d ready agent%s with %s (idle %s)', ready, ready == 1 and '' or 's',
    need_words(call.need), seconds(now - agent.idle_since_ms))
  if call.tried and call.tried ~= '' then
    why = why .. ', not counting who did not take this call'
  end
  offer_make(call_id, call, agent_id, agent, why, now)
end

local function agent_remove(agent_id, agent)
  index_remove('i', agent.group, agent_id)
  redis.call('ZREM', key('due'), 'agent ' .. agent_id)
  redis.call('DEL', key('agent', agent_id))
  redis.call('SREM', key('agents'), agent_id)
  group_leave(agent.group)
end

-- Nothing occupies the agent any more: he leaves if he wished to, rests if paused, else gets the best waiting call.
local function agent_free(agent_id, agent, now, idle_since_ms)
  if agent.status == 'out' then
    agent_remove(agent_id, agent)
    return
  end
  redis.call('ZREM', key('due'), 'agent ' .. agent_id)
  redis.call('HDEL', key('agent', agent_id), 'call', 'token', 'until_ms')
  redis.call('HSET', key('agent', agent_id), 'state', 'ready', 'since_ms', now, 'idle_since_ms', idle_since_ms)
  agent.state, agent.idle_since_ms, agent.call, agent.token = 'ready', idle_since_ms, nil, nil
  event('agent_ready', now, 'agent', agent_id, 'status', agent.status)
  if agent.status ~= 'in' then
    return
  end
  local call_id = best_call(agent.group)
  if not call_id then
    index_add('i', agent.group, idle_since_ms, agent_id)
    return
  end
  local call = record('call', call_id)
  local why = string.format('first of %d waiting for %s (waited %s, priority %s) when this agent became ready',
    redis.call('ZCARD', key('w', call.class)), need_words(call.need), seconds(now - call.entered_ms), call.priority)
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
  agent.state, agent.call, agent.token = state, nil, nil
  event('agent_' .. state, now, 'agent', agent_id, 'until_ms', until_ms)
end

local function agent_wrap_up(agent_id, agent, now)
  agent_rest(agent_id, agent, 'wrap_up', now, now + agent.wrap_up_ms)
end

-- The agent did not take the call: the call keeps its place and the agent backs off, paused after too many in a row.
local function offer_return(call_id, call, cause, back_off_ms, pause_after, now)
  local agent_id = call.agent
  local agent = record('agent', agent_id)
  local tried = { agent_id }
  local before = words(call.tried)
  for i = #before, 1, -1 do
    if before[i] ~= agent_id and #tried < TRIED_MAX then
      table.insert(tried, 1, before[i])
    end
  end
  call.tried = table.concat(tried, ' ')
  offer_clear(call_id, call, now)
  redis.call('HSET', key('call', call_id), 'tried', call.tried)
  event('refused', now, 'call', call_id, 'agent', agent_id, 'queue', call.queue, 'cause', cause)
  call_place(call_id, call, now)
  local missed = redis.call('HINCRBY', key('agent', agent_id), 'missed_' .. cause, 1)
  if pause_after > 0 and missed >= pause_after and agent.status == 'in' then
    agent.status = 'paused'
    redis.call('HSET', key('agent', agent_id), 'status', 'paused', 'pause_reason', 'auto: ' .. cause)
    count('agents_in', agent.group, -1)
    event('agent_paused', now, 'agent', agent_id, 'reason', 'auto: ' .. cause)
  end
  agent_rest(agent_id, agent, 'back_off', now, now + back_off_ms)
end

-- Take the offer back without blame: the call goes in line at its place first, then the agent takes the best. When that
-- is another call or none (he is paused, or has other skills by now), somebody else may be ready for this one.
local function offer_cancel(call_id, call, now)
  local agent_id = call.agent
  local agent = record('agent', agent_id)
  offer_clear(call_id, call, now)
  line_add(call_id, call, now)
  event('offer_cancelled', now, 'call', call_id, 'agent', agent_id, 'queue', call.queue)
  agent_free(agent_id, agent, now, agent.idle_since_ms)
  if redis.call('HGET', key('call', call_id), 'state') == 'waiting' then
    index_remove('w', call.class, call_id)
    call_place(call_id, call, now)
  end
end
