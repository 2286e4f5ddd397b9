#!lua flags=allow-oom
-- The controller has the offer and rings now: the deadline becomes the agent's ring time and a margin.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] call_id         text
-- ARGV[2] token           the offer's
-- ARGV[3] margin_ms       time beyond ringing for the answer to get here
-- Repeated  the token tells: nothing changes, the same answer
-- Reply  JSON {agent_id, endpoint, deadline_ms, waited_ms, reason, name, language, ring_ms, queue}
-- Errors  STALE_OFFER when the call has no offer with this token
-- @include clock
-- @include base
local call_id, token, margin_ms = unpack(ARGV)
local now = now_ms()
local call = record('call', call_id)
if not call or call.state ~= 'offered' or call.token ~= token then
  return fail('STALE_OFFER', call_id .. ' ' .. token)
end
local agent = record('agent', call.agent)
if call.taken ~= '1' then
  call.deadline_ms = now + agent.ring_ms + margin_ms
  redis.call('HSET', key('call', call_id), 'taken', '1', 'deadline_ms', call.deadline_ms)
  redis.call('HSET', key('agent', call.agent), 'state', 'ringing', 'since_ms', now)
  redis.call('ZADD', key('due'), call.deadline_ms, 'offer ' .. call_id)
  event('ringing', now, 'call', call_id, 'agent', call.agent, 'queue', call.queue, 'token', token)
end
return cjson.encode({ agent_id = call.agent, endpoint = agent.endpoint, name = agent.name,
  language = agent.language, ring_ms = tonumber(agent.ring_ms), deadline_ms = tonumber(call.deadline_ms),
  waited_ms = now - call.entered_ms, reason = call.reason, queue = call.queue })
