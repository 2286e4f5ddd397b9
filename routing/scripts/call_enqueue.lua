#!lua
-- Make a call wait: offer it at once to the best ready agent, or put it in line. For a call that is known already,
-- entry time and place stay, it now belongs to this controller, and whatever it had (offer, talk) is over.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] call_id         text
-- ARGV[3] controller      the controller holding the call; its offers go to its stream
-- ARGV[4] node            the Asterisk the channel lives on
-- ARGV[5] queue           text, counted against max_len and shown
-- ARGV[6] need            skill>=level, joined by & when several
-- ARGV[7] priority        integer, higher first
-- ARGV[8] credit_ms       head start in milliseconds its priority is worth
-- ARGV[9] entered_ms      first entry, milliseconds since 1970; '' for now; only ever makes it earlier
-- ARGV[10] max_len        calls the queue holds at most, '' for no limit; known calls are never refused
-- ARGV[11] mode           renew, or keep: a call that still waits, is offered or talks is left as it is
-- Reply  JSON {state, agents_in, entered_ms, position when waiting, token when offered}
-- Errors  QUEUE_FULL
-- @include clock
-- @include call
-- @include place
local request_id, call_id, controller, node, queue, need, priority, credit_ms, entered_ms, max_len, mode = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

local now = now_ms()
local call = record('call', call_id)
if call and mode == 'keep' and call.state ~= 'detached' then
  return reply(request_id, placement(call_id, call))
end
local class = need .. '@' .. priority
local groups, known = groups_of(class)
if not call and max_len ~= '' and tonumber(redis.call('HGET', key('queue_size'), queue) or 0) >= tonumber(max_len)
  and not best_agent(groups, {}) then
  return fail('QUEUE_FULL', queue)
end

local before = call or { state = 'new', controller = '' }
local entered = math.min(tonumber(entered_ms) or now, tonumber(before.entered_ms) or now, now)
if not known then
  class_open(class, groups, now)
end
if before.state == 'waiting' then
  index_remove('w', before.class, call_id)
elseif before.state == 'offered' then
  redis.call('ZREM', key('due'), 'offer ' .. call_id)
elseif before.state == 'detached' then
  redis.call('ZREM', key('due'), 'lost ' .. call_id)
end
if before.queue and before.state ~= 'bridged' and before.queue ~= queue then
  count('queue_size', before.queue, -1)
end
if before.queue ~= queue or before.state == 'bridged' then
  count('queue_size', queue, 1)
end
redis.call('HDEL', key('call', call_id), 'agent', 'token', 'deadline_ms', 'taken', 'reason', 'answered_ms')
call = { state = 'waiting', controller = controller, node = node, queue = queue, need = need, class = class,
  priority = priority, entered_ms = entered, score = entered - credit_ms, tried = before.tried }
redis.call('HSET', key('call', call_id), 'state', 'waiting', 'controller', controller, 'node', node, 'queue', queue,
  'need', need, 'class', class, 'priority', priority, 'entered_ms', entered, 'score', call.score, 'attached_ms', now,
  'since_ms', now)
redis.call('ZADD', key('calls'), entered, call_id)
if before.controller ~= controller then
  redis.call('ZREM', key('held', before.controller), call_id)
end
redis.call('ZADD', key('held', controller), entered, call_id)
redis.call('ZADD', key('controllers'), 'NX', now, controller) -- so that its death is noticed
event('waiting', now, 'call', call_id, 'queue', queue, 'need', need, 'priority', priority, 'entered_ms', entered,
  'was', before.state)
if before.agent then
  -- In line first, so the agent set free may take it again at its place.
  local agent = record('agent', before.agent)
  line_add(call_id, call, now)
  if before.state == 'bridged' then
    agent_wrap_up(before.agent, agent, now)
  else
    agent_free(before.agent, agent, now, agent.idle_since_ms)
  end
  call = record('call', call_id)
  if call.state == 'waiting' then
    index_remove('w', class, call_id)
    call_place(call_id, call, now)
  end
else
  call_place(call_id, call, now)
end
return reply(request_id, placement(call_id, call))
