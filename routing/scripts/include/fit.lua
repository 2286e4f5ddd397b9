-- Which group of agents fits which class of calls: worked out once, when a class or group first appears.
-- class  need@priority, need  skill>=level joined by &, group  skill=level joined by commas ("-" for none).
-- @include base

local CLASS_IDLE_MS = 3600000

local function fits(need, group)
  local level_of = {}
  for skill, level in string.gmatch(group, '([^=,]+)=(%d+)') do
    level_of[skill] = tonumber(level)
  end
  for skill, level in string.gmatch(need, '([^>&]+)>=(%d+)') do
    local has = level_of[skill]
    if not has or has < tonumber(level) then
      return false
    end
  end
  return true
end

local function words(text)
  local list = {}
  for word in string.gmatch(text or '', '%S+') do
    list[#list + 1] = word
  end
  return list
end

local function need_of(class)
  return string.match(class, '^(.*)@')
end

local function append(hash, field, word)
  local text = redis.call('HGET', key(hash), field)
  redis.call('HSET', key(hash), field, (text and text ~= '') and (text .. ' ' .. word) or word)
end

local function strike(hash, field, word)
  local kept = {}
  for _, other in ipairs(words(redis.call('HGET', key(hash), field))) do
    if other ~= word then
      kept[#kept + 1] = other
    end
  end
  return kept
end

-- Groups able to answer a class; second result: whether the class is known already.
local function groups_of(class)
  local known = redis.call('HGET', key('classes'), class)
  if known then
    return words(known), true
  end
  local need, groups = need_of(class), {}
  for _, group in ipairs(redis.call('HKEYS', key('groups'))) do
    if fits(need, group) then
      groups[#groups + 1] = group
    end
  end
  return groups, false
end

local function class_open(class, groups, now)
  redis.call('HSET', key('classes'), class, table.concat(groups, ' '))
  for _, group in ipairs(groups) do
    append('groups', group, class)
  end
  append('needs', need_of(class), class)
  redis.call('ZADD', key('due'), now + CLASS_IDLE_MS, 'class ' .. class)
end

-- Forget a class nobody waits in; look again later when somebody does.
local function class_drop(class, now)
  if redis.call('EXISTS', key('w', class)) == 1 then
    redis.call('ZADD', key('due'), now + CLASS_IDLE_MS, 'class ' .. class)
    return
  end
  for _, group in ipairs(words(redis.call('HGET', key('classes'), class))) do
    redis.call('HSET', key('groups'), group, table.concat(strike('groups', group, class), ' '))
  end
  redis.call('HDEL', key('classes'), class)
  local need = need_of(class)
  local others = strike('needs', need, class)
  if others[1] then
    redis.call('HSET', key('needs'), need, table.concat(others, ' '))
  else
    redis.call('HDEL', key('needs'), need)
  end
  redis.call('ZREM', key('due'), 'class ' .. class)
end

-- An agent record joins a group; the first one makes the group.
local function group_join(group)
  count('group_size', group, 1)
  if redis.call('HEXISTS', key('groups'), group) == 1 then
    return
  end
  local classes = {}
  for _, class in ipairs(redis.call('HKEYS', key('classes'))) do
    if fits(need_of(class), group) then
      classes[#classes + 1] = class
      append('classes', class, group)
    end
  end
  redis.call('HSET', key('groups'), group, table.concat(classes, ' '))
end

local function group_leave(group)
  count('group_size', group, -1)
  if redis.call('HEXISTS', key('group_size'), group) == 1 then
    return
  end
  for _, class in ipairs(words(redis.call('HGET', key('groups'), group))) do
    redis.call('HSET', key('classes'), class, table.concat(strike('classes', class, group), ' '))
  end
  redis.call('HDEL', key('groups'), group)
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
