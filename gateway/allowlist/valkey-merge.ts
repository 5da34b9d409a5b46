// The write operation of the shared allowlist: merges a record into the stored one inside the server, so that gateways
// do not overwrite each other.

/**
 * KEYS[1]: the key. ARGV[1]: a record `a;b;c;d;e`. ARGV[2]: seconds that a record is kept after its last pass has
 * expired. Returns the stored record, or an empty text when it has already expired. The rule is that of mergeRecords in
 * gateway/core/allowlist-merge.ts. It uses one key, so that it runs in a cluster, and only features of Redis 6. A value
 * of another type or form is overwritten.
 */
export const mergeScript = `
local function stamps(text)
  if type(text) ~= 'string' then return nil end
  local found = {string.match(text, '^(%d+);(%d+);(%d+);(%d+);(%d+)$')}
  if #found ~= 5 then return nil end
  for i = 1, 5 do
    if #found[i] > 16 then return nil end
    found[i] = tonumber(found[i])
    if found[i] > 9007199254740991 then return nil end
  end
  return found
end
local new = stamps(ARGV[1])
if not new then return redis.error_reply('ERR not an allowlist record') end
local old = stamps(redis.pcall('GET', KEYS[1])) or new
local merged, latest = {}, 0
for i = 1, 5 do
  local stamp = math.max(old[i], new[i])
  latest = math.max(latest, stamp)
  merged[i] = string.format('%.0f', stamp)
end
local record = table.concat(merged, ';')
redis.call('SET', KEYS[1], record)
redis.call('EXPIREAT', KEYS[1], string.format('%.0f', latest + tonumber(ARGV[2])))
if redis.call('EXISTS', KEYS[1]) == 0 then return '' end
return record
`
