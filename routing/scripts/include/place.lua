-- The place of a call among all calls of the same need, whatever their priority.
-- @include fit

local function place(call_id, call)
  local before, waiting = 0, 0
  for _, class in ipairs(words(redis.call('HGET', key('needs'), call.need))) do
    waiting = waiting + redis.call('ZCARD', key('w', class))
    local rank = class == call.class and redis.call('ZRANK', key('w', class), call_id)
    before = before + (rank or redis.call('ZCOUNT', key('w', class), '-inf', '(' .. call.score))
  end
  return before + 1, waiting
end

-- What an enqueue or a refusal answers: {state, agents_in, entered_ms} and position or token.
local function placement(call_id, call)
  local answer = { state = call.state, agents_in = agents_in((groups_of(call.class))),
    entered_ms = tonumber(call.entered_ms) }
  if call.state == 'waiting' then
    answer.position = place(call_id, call)
  elseif call.state == 'offered' then
    answer.token = tonumber(call.token)
  end
  return answer
end
