-- Which group of agents fits which class of calls, worked out when a class or a group first appears. All of it is
-- inside one function: Redis makes every function of a script anew at each run, and this is seldom needed.
-- @include base
-- @include class

local CLASS_IDLE_MS = 3600000

local function read_fit(hash, name)
  local text = redis.call('HGET', key(hash), name)
  return text and cmsgpack.unpack(text)
end

-- what  fit (of a class, without writing), open, refresh or drop (a class), join or leave (a group), lend (a project).
local function refit(what, ...)
  -- {after_ms, skip, lend, need, prefer} for each ring, first to last.
  local function rings_of(class)
    local rings = {}
    for after_ms, marks, asked in string.gmatch(string.match(class, '^(.*)@'), '(%d+)([^:|]*):([^|]*)') do
      local need, prefer = string.match(asked, '^([^?]*)%??(.*)$')
      rings[#rings + 1] = { after_ms = tonumber(after_ms), skip = string.sub(marks, 1, 1) == '!',
        lend = string.match(marks, '%^(.*)$'), need = need, prefer = prefer }
    end
    return rings
  end

  local function levels_of(group)
    local level_of = {}
    for skill, level in string.gmatch(group, '([^=,]+)=(%d+)') do
      level_of[skill] = tonumber(level)
    end
    return level_of
  end

  -- True only when every term is; a skill that is absent decides none.
  local function meets(need, level_of)
    for skill, op, level in string.gmatch(need, '([^&<>]+)([<>]=)(%d+)') do
      local has = level_of[skill]
      if not has or (op == '>=' and has < tonumber(level)) or (op == '<=' and has > tonumber(level)) then
        return false
      end
    end
    return true
  end

  -- The first ring the levels meet, nil for none. lending  projects that lend, by name.
  local function ring_met(rings, level_of, lending)
    for k, ring in ipairs(rings) do
      if (not ring.lend or lending[ring.lend]) and meets(ring.need, level_of) then
        return k
      end
    end
  end

  local function lending_now()
    local lending = {}
    for _, project in ipairs(redis.call('SMEMBERS', key('lending'))) do
      lending[project] = true
    end
    return lending
  end

  local function is_project(skill)
    return string.sub(skill, 1, 8) == 'project/'
  end

  -- Rank (less is better) and offset of a group in the order of a class, for the ring that lets it in.
  local function rank_of(of, ring, level_of)
    local rank, sum, skills = 0, 0, 0
    for skill in string.gmatch(ring.need, '([^&<>]+)>=') do
      if not is_project(skill) then
        sum = sum + level_of[skill]
      end
    end
    if of.order == 'most_skilled' then
      rank = 10000 - sum
    elseif of.order == 'least_skilled' then
      for skill in pairs(level_of) do
        skills = skills + (is_project(skill) and 0 or 1)
      end
      rank = sum * 100 + skills
    end
    if ring.prefer ~= '' and not meets(ring.prefer, level_of) then
      rank = rank + 1000000
    end
    return rank, of.weight_ms * sum
  end

  local function write_fit(hash, name, fit)
    redis.call('HSET', key(hash), name, cmsgpack.pack(fit))
  end

  -- Set a pair, or take it out with delay_ms nil, on the side of the group.
  local function group_side(group, class, delay_ms)
    local fit = read_fit('groups', group)
    local c, d, needs_index = {}, {}, {}
    for i, other in ipairs(fit.c) do
      if other ~= class then
        c[#c + 1], d[#d + 1] = other, fit.d[i]
      end
    end
    if delay_ms then
      c[#c + 1], d[#d + 1] = class, delay_ms
    end
    for _, other in ipairs(c) do
      needs_index[index_of_order(worth(other))] = true
    end
    local t, p, m, a, b = {}, {}, {}, {}, {}
    for i, other in ipairs(c) do
      local of = worth(other)
      t[i], p[i], m[i], a[i], b[i] = of.tier, of.priority * POINT_MS, of.cap, of.ageing, of.bonuses
    end
    write_fit('groups', group, { c = c, d = d, t = t, p = p, m = m, a = a, b = b,
      x = (needs_index.n and 'n' or '') .. (needs_index.t and 't' or '') })
  end

  local function opens_after(rings, k, low)
    return (rings[k].skip and low >= k) and 0 or rings[k].after_ms
  end

  -- Work out which of the groups there are fit the class. Does not write.
  local function class_fit(class)
    local rings, of, lending = rings_of(class), worth(class), lending_now()
    local fit = { g = {}, d = {}, r = {}, o = {}, k = {}, s = {}, low = #rings + 1 }
    for _, other in ipairs(words(redis.call('HGET', key('lines'), line_of(class)))) do
      if other ~= class then
        fit.s[#fit.s + 1] = other
      end
    end
    for _, group in ipairs(redis.call('HKEYS', key('groups'))) do
      local level_of = levels_of(group)
      local k = ring_met(rings, level_of, lending)
      if k then
        local n = #fit.g + 1
        fit.g[n], fit.k[n] = group, k
        fit.r[n], fit.o[n] = rank_of(of, rings[k], level_of)
        fit.low = math.min(fit.low, k)
      end
    end
    for n, k in ipairs(fit.k) do
      fit.d[n] = opens_after(rings, k, fit.low)
    end
    return fit
  end

  -- Ready agents must stand in the index by which a class orders them.
  local function index_ready(group, index)
    if index == 'i' then
      return
    end
    for _, agent_id in ipairs(redis.call('ZRANGE', key('i', group), 0, -1)) do
      local field = index == 'n' and 'calls' or 'talk_ms'
      redis.call('ZADD', key(index, group), tonumber(redis.call('HGET', key('agent', agent_id), field)) or 0, agent_id)
    end
    local first = redis.call('ZRANGE', key(index, group), 0, 0, 'WITHSCORES')
    if first[1] then
      redis.call('HSET', key('heads', index), group, first[2] .. ' ' .. first[1])
    end
  end

  local function class_write(class, fit)
    write_fit('classes', class, fit)
    local index = index_of_order(worth(class))
    for n, group in ipairs(fit.g) do
      group_side(group, class, fit.d[n])
      index_ready(group, index)
    end
  end

  local function fit_without(class, other)
    local fit, kept = read_fit('classes', class), {}
    for _, beside in ipairs(fit.s) do
      if beside ~= other then
        kept[#kept + 1] = beside
      end
    end
    fit.s = kept
    return fit
  end

  local act = { fit = class_fit }

  function act.open(class, fit, now)
    class_write(class, fit)
    local line = line_of(class)
    local classes = words(redis.call('HGET', key('lines'), line))
    classes[#classes + 1] = class
    for _, other in ipairs(fit.s) do
      local beside = read_fit('classes', other)
      beside.s[#beside.s + 1] = class
      write_fit('classes', other, beside)
    end
    redis.call('HSET', key('lines'), line, table.concat(classes, ' '))
    redis.call('ZADD', key('due'), now + CLASS_IDLE_MS, 'class ' .. class)
  end

  -- What fits the class changed: the next sweep matches whom it lets in now.
  function act.refresh(class, now)
    local before, fit = read_fit('classes', class), class_fit(class)
    for _, group in ipairs(before.g) do
      if redis.call('HEXISTS', key('groups'), group) == 1 then
        group_side(group, class, nil)
      end
    end
    class_write(class, fit)
    redis.call('ZADD', key('due'), 'LT', now, 'ring ' .. class)
  end

  -- Forget a class nobody waits in; look again later when somebody does.
  function act.drop(class, now)
    if redis.call('EXISTS', key('w', class)) == 1 then
      redis.call('ZADD', key('due'), now + CLASS_IDLE_MS, 'class ' .. class)
      return
    end
    for _, group in ipairs(read_fit('classes', class).g) do
      group_side(group, class, nil)
    end
    redis.call('HDEL', key('classes'), class)
    local line, others = line_of(class), {}
    for _, other in ipairs(words(redis.call('HGET', key('lines'), line))) do
      if other ~= class then
        others[#others + 1] = other
      end
    end
    for _, other in ipairs(others) do
      write_fit('classes', other, fit_without(other, class))
    end
    if others[1] then
      redis.call('HSET', key('lines'), line, table.concat(others, ' '))
    else
      redis.call('HDEL', key('lines'), line)
    end
    redis.call('ZREM', key('due'), 'class ' .. class, 'ring ' .. class)
  end

  -- An agent record joins a group; the first one makes the group.
  function act.join(group, now)
    count('group_size', group, 1)
    if redis.call('HEXISTS', key('groups'), group) == 1 then
      return
    end
    write_fit('groups', group, { c = {}, d = {}, t = {}, p = {}, m = {}, a = {}, b = {}, x = '' })
    local level_of, lending = levels_of(group), lending_now()
    for _, class in ipairs(redis.call('HKEYS', key('classes'))) do
      local rings = rings_of(class)
      local k = ring_met(rings, level_of, lending)
      if k then
        local fit = read_fit('classes', class)
        if k < fit.low then
          act.refresh(class, now)
        else
          local n = #fit.g + 1
          fit.g[n], fit.k[n], fit.d[n] = group, k, opens_after(rings, k, fit.low)
          fit.r[n], fit.o[n] = rank_of(worth(class), rings[k], level_of)
          write_fit('classes', class, fit)
          group_side(group, class, fit.d[n])
          if fit.d[n] > 0 then -- the sweep looks who waited long enough already, and sets the time for the others
            redis.call('ZADD', key('due'), 'LT', now, 'ring ' .. class)
          end
        end
      end
    end
  end

  function act.leave(group, now)
    count('group_size', group, -1)
    if redis.call('HEXISTS', key('group_size'), group) == 1 then
      return
    end
    local classes = read_fit('groups', group).c
    redis.call('HDEL', key('groups'), group)
    for _, class in ipairs(classes) do
      local fit, low = read_fit('classes', class), #rings_of(class) + 1
      local kept = { g = {}, d = {}, r = {}, o = {}, k = {} }
      for n, other in ipairs(fit.g) do
        if other ~= group then
          for name, list in pairs(kept) do
            list[#list + 1] = fit[name][n]
          end
          low = math.min(low, fit.k[n])
        end
      end
      if low ~= fit.low then
        act.refresh(class, now)
      else
        kept.low, kept.s = low, fit.s
        write_fit('classes', class, kept)
      end
    end
  end

  function act.lend(project, now)
    for _, class in ipairs(redis.call('HKEYS', key('classes'))) do
      for _, ring in ipairs(rings_of(class)) do
        if ring.lend == project then
          act.refresh(class, now)
          break
        end
      end
    end
  end

  return act[what](...)
end
