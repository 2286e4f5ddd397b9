#!lua
-- Make a call wait: offer it at once to the best ready agent, hold it for the one it asks for, or put it in line. For a
-- call that is known already, entry time and place stay, it now belongs to this controller, and whatever it had (offer,
-- talk) is over.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] call_id         text
-- ARGV[3] controller      the controller holding the call; its offers go to its stream
-- ARGV[4] node            the Asterisk the channel lives on, "-" for a call-back that has none
-- ARGV[5] queue           text, counted against max_len and shown
-- ARGV[6] class           its plan, priority and emergency (routing/keys.py)
-- ARGV[7] entered_ms      first entry, milliseconds since 1970; '' for now; only ever makes it earlier
-- ARGV[8] max_len         calls the queue holds at most, '' for no limit; known calls are never refused
-- ARGV[9] mode            renew, or keep: a call that still waits, is offered or talks is left as it is
-- ARGV[10] caller         who calls, '' when withheld: calling again within resume_ms gives the old entry time back
-- ARGV[11] resume_ms      0 for never
-- ARGV[12] affinity       agent asked for, '' for none
-- ARGV[13] affinity_ms    held for him so long at most, if he may be free by then
-- ARGV[14] talk_ms        expected length of a talk: when he who talks may be free
-- ARGV[15] wrap_up_ms     rest of the agent after this call, '' for his own
-- ARGV[16] budget         name of the budget its talk counts on, '' for none
-- ARGV[17] budget_ms      the budget
-- Reply  JSON {state, agents_in, entered_ms, position when waiting, token when offered}
-- Errors  QUEUE_FULL, BUDGET_SPENT
-- @include clock
-- @include offer
-- @include place
-- @lazy call
local request_id, call_id, controller, node, queue, class, entered_ms, max_len, mode, caller, resume_ms, affinity, affinity_ms, talk_ms, wrap_up_ms, budget, budget_ms = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

local now = now_ms()
local before = record('call', call_id)
if before and mode == 'keep' and before.state ~= 'detached' then
  return reply(request_id, placement(call_id, before, now))
end
if not before and max_len ~= '' and tonumber(redis.call('HGET', key('queue_size'), queue) or 0) >= tonumber(max_len)
  and not somebody_ready(fit_of(class), now - math.min(tonumber(entered_ms) or now, now)) then
  return fail('QUEUE_FULL', queue)
end
if not before and budget ~= '' and tonumber(redis.call('HGET', key('budget'), budget) or 0) >= tonumber(budget_ms) then
  return fail('BUDGET_SPENT', budget)
end

local fit = fit_for_place(class, now)
local entered = math.min(tonumber(entered_ms) or now, now)
local call = { state = 'waiting', controller = controller, node = node, queue = queue, class = class }
if before then
  entered = math.min(entered, before.entered_ms)
  call.tried = before.tried
  if before.state == 'waiting' then
    line_remove(call_id, before)
  elseif before.state == 'offered' then
    redis.call('ZREM', key('due'), 'offer ' .. call_id)
  elseif before.state == 'detached' then
    redis.call('ZREM', key('due'), 'lost ' .. call_id)
  end
  if before.state ~= 'bridged' then
    count('queue_size', before.queue, -1)
  end
  if before.controller ~= controller and before.controller ~= '' then
    redis.call('ZREM', key('held', before.controller), call_id)
  end
  redis.call('HDEL', key('call', call_id), 'agent', 'token', 'deadline_ms', 'taken', 'reason', 'answered_ms', 'caller',
    'resume_ms', 'wrap_up_ms', 'budget')
elseif caller ~= '' then
  local old_queue, old_entered, until_ms = string.match(redis.call('GET', key('resume', caller)) or '',
    '^(%S+) (%d+) (%d+)$')
  if old_queue == queue and tonumber(until_ms) >= now then
    entered = math.min(entered, tonumber(old_entered))
    redis.call('DEL', key('resume', caller))
  end
end
call.entered_ms = entered
count('queue_size', queue, 1)
redis.call('HSET', key('call', call_id), 'state', 'waiting', 'controller', controller, 'node', node, 'queue', queue,
  'class', class, 'entered_ms', entered, 'attached_ms', now, 'since_ms', now)
if caller ~= '' and resume_ms ~= '0' then
  redis.call('HSET', key('call', call_id), 'caller', caller, 'resume_ms', resume_ms)
end
if wrap_up_ms ~= '' then
  redis.call('HSET', key('call', call_id), 'wrap_up_ms', wrap_up_ms)
end
if budget ~= '' then
  redis.call('HSET', key('call', call_id), 'budget', budget)
end
redis.call('ZADD', key('calls'), entered, call_id)
redis.call('ZADD', key('held', controller), entered, call_id)
redis.call('ZADD', key('controllers'), 'NX', now, controller) -- so that its death is noticed
event('waiting', now, 'call', call_id, 'queue', queue, 'class', class, 'entered_ms', entered,
  'was', before and before.state or 'new')
if before and before.agent then
  -- In line first, so the agent set free may take it again at its place.
  local agent = record('agent', before.agent)
  line_add(call_id, call, fit, now)
  if before.state == 'bridged' then
    lazy_call().talk_count(before, before.agent, agent, now)
    lazy_call().agent_wrap_up(before.agent, agent, before, now)
  else
    lazy_call().agent_free(before.agent, agent, now, agent.idle_since_ms)
  end
  call = record('call', call_id)
  if call.state == 'waiting' then
    line_remove(call_id, call)
    call_place(call_id, call, now)
  end
elseif affinity == '' or not lazy_call().call_hold(call_id, call, affinity, tonumber(affinity_ms), tonumber(talk_ms), now) then
  if not offer_best(call_id, call, fit, '', now) then
    line_add(call_id, call, fit, now)
  end
end
return reply(request_id, placement(call_id, call, now, fit))
