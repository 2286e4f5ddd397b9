-- What fits what, packed (cmsgpack) on both sides, so that a decision reads one field.
--   classes  class -> {g groups, d delay_ms, r rank, o offset_ms, k ring, low least ring anybody meets,
--            s other classes of its line}
--   groups   group -> {c classes, d delay_ms, t p m a b their worth: tier, priority, cap, ageing, bonuses,
--            x other indexes its ready agents stand in}
-- @include base
-- @include class
-- @include refit

-- What fits a class; second result: whether the class is known already.
local function fit_of(class)
  local known = read_fit('classes', class)
  if known then
    return known, true
  end
  return refit('fit', class), false
end

-- What fits a class, which is known from here on.
local function fit_for_place(class, now)
  local fit, known = fit_of(class)
  if not known then
    refit('open', class, fit, now)
  end
  return fit
end

-- Agents signed in and not paused in these groups.
local function agents_in(groups)
  local sum = 0
  if groups[1] then
    for _, size in ipairs(redis.call('HMGET', key('agents_in'), unpack(groups))) do
      sum = sum + (tonumber(size) or 0)
    end
  end
  return sum
end
