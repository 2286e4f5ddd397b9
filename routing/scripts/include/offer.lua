-- Offers, and calls in line. Both sides of a pair leave their index in the script that writes the offer. A call record always carries entered_ms, so its place is never lost.
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
  redis.call('XADD', key('offers', call.controller), '*', 'call', call_id, 'token', token)
  event('offered', now, 'call', call_id, 'agent', agent_id, 'queue', call.queue, 'token', token, 'why', why)
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
  local agent, ready, counted = some('agent', agent_id, { 'group', 'idle_since_ms' }), 0, 0
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
