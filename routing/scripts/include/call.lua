-- How a call leaves: forgotten for good, or detached from a controller that died.
-- @include free

-- A talk is over: it counts for the agent and on its budget.
local function talk_count(call, agent_id, agent, now)
  agent.talk_ms = redis.call('HINCRBY', key('agent', agent_id), 'talk_ms', now - call.answered_ms)
  if call.budget then
    redis.call('HINCRBY', key('budget'), call.budget, now - call.answered_ms)
  end
end

-- Take the call out of the line, or its agent out of the call (wrap_up true: into wrap-up).
local function call_release(call_id, call, wrap_up, now)
  local agent_id = call.agent
  if call.state == 'waiting' then
    line_remove(call_id, call)
  elseif call.state == 'offered' then
    redis.call('ZREM', key('due'), 'offer ' .. call_id)
  elseif call.state == 'detached' then
    redis.call('ZREM', key('due'), 'lost ' .. call_id)
  end
  if not agent_id then
    return
  end
  redis.call('HDEL', key('call', call_id), 'agent', 'token', 'deadline_ms', 'taken', 'reason')
  call.agent = nil
  local agent = record('agent', agent_id)
  if call.state == 'bridged' then
    talk_count(call, agent_id, agent, now)
  end
  if wrap_up then
    agent_wrap_up(agent_id, agent, call, now)
  else
    agent_free(agent_id, agent, now, call.state == 'bridged' and now or agent.idle_since_ms)
  end
end

-- Who calls again soon gets his old place: "queue entered_ms until_ms" under the caller, used once.
local function leave_place(call, now)
  local keep_ms = tonumber(call.resume_ms) or 0
  if call.caller and keep_ms > 0 then
    redis.call('SET', key('resume', call.caller), string.format('%s %s %d', call.queue, call.entered_ms, now + keep_ms),
      'PX', keep_ms)
  end
end

local function call_forget(call_id, call, outcome, wrap_up, now)
  local agent_id, state = call.agent, call.state
  if state == 'waiting' then
    line_remove(call_id, call) -- before its record goes
  end
  redis.call('DEL', key('call', call_id))
  redis.call('ZREM', key('calls'), call_id)
  if call.controller ~= '' then
    redis.call('ZREM', key('held', call.controller), call_id)
  end
  if state ~= 'bridged' then
    count('queue_size', call.queue, -1)
    if outcome ~= 'completed' then
      leave_place(call, now)
    end
  end
  event('ended', now, 'call', call_id, 'queue', call.queue, 'state', state, 'outcome', outcome,
    'waited_ms', (tonumber(call.answered_ms) or now) - call.entered_ms,
    'talk_ms', call.answered_ms and now - call.answered_ms or 0, 'agent', agent_id or '')
  if state ~= 'waiting' then
    call_release(call_id, call, wrap_up, now)
  end
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
  call_release(call_id, call, false, now)
  redis.call('HSET', key('call', call_id), 'state', 'detached', 'since_ms', now)
  redis.call('ZADD', key('due'), now + lost_after_ms, 'lost ' .. call_id)
end
