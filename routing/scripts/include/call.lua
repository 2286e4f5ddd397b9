-- How a call leaves: forgotten for good, or detached from a controller that died.
-- @include offer

-- Take the call out of the line, or its agent out of the call (wrap_up true: into wrap-up).
local function call_release(call_id, call, wrap_up, now)
  local agent_id = call.agent
  if call.state == 'waiting' then
    index_remove('w', call.class, call_id)
  elseif call.state == 'offered' then
    redis.call('ZREM', key('due'), 'offer ' .. call_id)
  end
  redis.call('ZREM', key('due'), 'lost ' .. call_id)
  if not agent_id then
    return
  end
  redis.call('HDEL', key('call', call_id), 'agent', 'token', 'deadline_ms', 'taken', 'reason')
  call.agent = nil
  local agent = record('agent', agent_id)
  if wrap_up then
    agent_wrap_up(agent_id, agent, now)
  else
    agent_free(agent_id, agent, now, call.state == 'bridged' and now or agent.idle_since_ms)
  end
end

local function call_forget(call_id, call, outcome, wrap_up, now)
  local agent_id, state = call.agent, call.state
  redis.call('DEL', key('call', call_id))
  redis.call('ZREM', key('calls'), call_id)
  redis.call('ZREM', key('held', call.controller), call_id)
  if state ~= 'bridged' then
    count('queue_size', call.queue, -1)
  end
  event('ended', now, 'call', call_id, 'queue', call.queue, 'state', state, 'outcome', outcome,
    'waited_ms', (tonumber(call.answered_ms) or now) - call.entered_ms, 'agent', agent_id or '')
  call_release(call_id, call, wrap_up, now)
end

-- The controller that held the call died: no offers until another one takes it on, then it has its old place.
-- A talk goes on; its agent stays with it until somebody completes the call.
local function call_detach(call_id, call, lost_after_ms, now)
  redis.call('ZREM', key('held', call.controller), call_id)
  redis.call('HSET', key('call', call_id), 'controller', '')
  call.controller = ''
  event('detached', now, 'call', call_id, 'queue', call.queue, 'state', call.state)
  if call.state == 'bridged' then
    return
  end
  redis.call('HSET', key('call', call_id), 'state', 'detached', 'since_ms', now)
  call_release(call_id, call, false, now)
  redis.call('ZADD', key('due'), now + lost_after_ms, 'lost ' .. call_id)
end
