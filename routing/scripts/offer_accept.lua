#!lua flags=allow-oom
-- The agent answered: the call is bridged, the agent talks.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] call_id         text
-- ARGV[2] token           the offer's
-- Repeated  the token tells: nothing changes, the same answer
-- Reply  JSON {agent_id}
-- Errors  STALE_OFFER when the call has no offer with this token
-- @include clock
-- @include base
local call_id, token = unpack(ARGV)
local now = now_ms()
local call = record('call', call_id)
if not call or call.token ~= token or (call.state ~= 'offered' and call.state ~= 'bridged') then
  return fail('STALE_OFFER', call_id .. ' ' .. token)
end
if call.state == 'offered' then
  redis.call('ZREM', key('due'), 'offer ' .. call_id)
  redis.call('HDEL', key('call', call_id), 'deadline_ms', 'taken', 'tried')
  redis.call('HSET', key('call', call_id), 'state', 'bridged', 'since_ms', now, 'answered_ms', now)
  redis.call('HDEL', key('agent', call.agent), 'missed_reject', 'missed_busy', 'missed_no_answer',
    'missed_unreachable')
  redis.call('HSET', key('agent', call.agent), 'state', 'talking', 'since_ms', now)
  redis.call('HINCRBY', key('agent', call.agent), 'calls', 1)
  count('queue_size', call.queue, -1)
  event('bridged', now, 'call', call_id, 'agent', call.agent, 'queue', call.queue, 'waited_ms', now - call.entered_ms)
end
return cjson.encode({ agent_id = call.agent })
