#!lua flags=allow-oom
-- Do what time asks for, in bounded batches: calls of dead controllers detached, offers past their deadline returned,
-- wrap-ups and back-offs ended, calls given to whom waiting lets in or no longer held for one agent, calls nobody took
-- on again dropped, unused classes forgotten. Safe to run many.
-- KEYS[1] root            hash-tagged name; every key of the routing group begins with it
-- ARGV[1] request_id      text, unique per operation; a repeated one gets the first reply and changes nothing
-- ARGV[2] batch           items done at most
-- ARGV[3] dead_after_ms   a controller silent for longer is dead
-- ARGV[4] lost_after_ms   a call no controller took on again for longer is lost
-- ARGV[5] back_off_ms     back-off of an agent whose ringing came to the deadline
-- ARGV[6] pause_after     pause him after so many in a row, 0 for never
-- ARGV[7] sweeper         who sweeps: alive, however long its heartbeat is ago; '' for nobody
-- Reply  JSON {done, next_ms}: items done; milliseconds to the next due one, -1 when nothing is due ever
-- Errors  none
-- @include clock
-- @include call
-- @include ring
local request_id, batch, dead_after_ms, lost_after_ms, back_off_ms, pause_after, sweeper = unpack(ARGV)
local seen = first_reply(request_id)
if seen then
  return seen
end

local now, done = now_ms(), 0
batch = tonumber(batch)

local function bury(controller)
  for _, call_id in ipairs(redis.call('ZRANGE', key('held', controller), 0, batch - done - 1)) do
    call_detach(call_id, record('call', call_id), lost_after_ms, now)
    done = done + 1
  end
  if redis.call('EXISTS', key('held', controller)) == 0 then
    redis.call('ZREM', key('controllers'), controller)
    redis.call('DEL', key('offers', controller))
    event('controller_dead', now, 'controller', controller)
    done = done + 1
  end
end

local act = {}
function act.offer(call_id)
  local call = record('call', call_id)
  if call.taken == '1' then
    offer_return(call_id, call, 'no_answer', tonumber(back_off_ms), tonumber(pause_after), now)
  else
    offer_cancel(call_id, call, now)
  end
end
function act.agent(agent_id)
  agent_free(agent_id, record('agent', agent_id), now, now)
end
function act.lost(call_id)
  call_forget(call_id, record('call', call_id), 'lost', false, now)
end
function act.hold(call_id)
  local call = record('call', call_id)
  line_remove(call_id, call)
  call_place(call_id, call, now)
end
function act.ring(class)
  ring_open(class, now)
end
function act.class(class)
  refit('drop', class, now)
end

for _, controller in ipairs(redis.call('ZRANGEBYSCORE', key('controllers'), '-inf', '(' .. (now - dead_after_ms),
  'LIMIT', 0, batch)) do
  if done < batch and controller ~= sweeper then
    bury(controller)
  end
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', key('due'), '-inf', now, 'LIMIT', 0, batch)) do
  -- An item done before may have settled this one.
  local due_ms = tonumber(redis.call('ZSCORE', key('due'), member) or now + 1)
  if done < batch and due_ms <= now then
    local kind, id = string.match(member, '^(%a+) (.*)$')
    act[kind](id)
    done = done + 1
  end
end
local next_due = redis.call('ZRANGE', key('due'), 0, 0, 'WITHSCORES')
local answer = { done = done, next_ms = next_due[1] and math.max(0, next_due[2] - now) or -1 }
if done == 0 then
  return cjson.encode(answer)
end
return reply(request_id, answer)
