-- The place of a call among all calls of the same line, whatever their priority.
-- @include class
-- @include fit

-- Calls of the class that are better than one of this worth and entry time.
local function better_in(class, tier, points, entered, now)
  -- The least wait at which a call of this worth is worth more than `points` (at_least true: as much); nil for never.
  local function wait_worth(of, points, at_least)
    local function wait(bonus, from_ms, to_ms)
      local need = points - (of.priority + bonus) * POINT_MS + (at_least and 0 or 1)
      local at = need <= 0 and 0 or (of.ageing > 0 and math.ceil(need / of.ageing))
      at = at and math.max(at, from_ms)
      return at and at < to_ms and at
    end
    if points > of.cap or (points == of.cap and not at_least) then
      return nil
    end
    local bonus, from_ms = 0, 0
    for after_ms, more in string.gmatch(of.bonuses, '(%d+)%+(%d+)') do
      local found = wait(bonus, from_ms, tonumber(after_ms))
      if found then
        return found
      end
      bonus, from_ms = tonumber(more), tonumber(after_ms)
    end
    return wait(bonus, from_ms, math.huge) or nil
  end

  local of = worth(class)
  if of.tier ~= tier then
    return of.tier > tier and redis.call('ZCARD', key('w', class)) or 0
  end
  -- Better is: worth more; or as much and entered earlier. Both are "entered before" some time.
  local more, as_much = wait_worth(of, points, false), wait_worth(of, points, true)
  local before = more and now - more + 1 or -math.huge
  if as_much then
    before = math.max(before, math.min(now - as_much + 1, entered))
  end
  if before == -math.huge then
    return 0
  end
  return redis.call('ZCOUNT', key('w', class), '-inf', '(' .. before)
end

-- Returns the place of a call in its line, 1 is next. fit  of its class.
local function place(call_id, call, fit, now)
  local class, before = call.class, 0
  local of, entered = worth(class), tonumber(call.entered_ms)
  local rank = redis.call('ZRANK', key('w', class), call_id)
  if not rank or fit.s[1] then
    local points = value(of, now - entered)
    before = rank and 0 or better_in(class, of.tier, points, entered, now)
    for _, other in ipairs(fit.s) do
      before = before + better_in(other, of.tier, points, entered, now)
    end
  end
  return before + (rank or 0) + 1
end

-- How many wait in the line.
local function waiting_in(class, fit)
  local waiting = redis.call('ZCARD', key('w', class))
  for _, other in ipairs(fit.s) do
    waiting = waiting + redis.call('ZCARD', key('w', other))
  end
  return waiting
end

-- What an enqueue or a refusal answers: {state, agents_in, entered_ms} and position or token.
local function placement(call_id, call, now, fit)
  fit = fit or fit_of(call.class)
  local answer = { state = call.state, agents_in = agents_in(fit.g),
    entered_ms = tonumber(call.entered_ms) }
  if call.state == 'waiting' then
    answer.position = place(call_id, call, fit, now)
  elseif call.state == 'offered' then
    answer.token = tonumber(call.token)
  end
  return answer
end
