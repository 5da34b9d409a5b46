-- How Argo CD sees a PostscreenPolicy. Laid out as in its resource_customizations/postscreen.dev/PostscreenPolicy, tests and all.
-- Argo CD gives it `obj` and no library. The operator's conditions: Stalled, the policy or the cluster must be changed; Reconciling, work goes on, or
-- what is missing may still come; Ready, all is well or why not.

if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "Is being deleted" }
end

local status = obj.status or {}
local found = {}
for _, condition in ipairs(status.conditions or {}) do
  found[condition.type] = condition
end

local function is(type, truth)
  return found[type] ~= nil and found[type].status == truth
end

-- What the status says is about an earlier generation, or no operator has looked yet.
if found.Ready == nil or status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "Waiting for the operator" }
end
if is("Stalled", "True") then
  return { status = "Degraded", message = found.Stalled.message }
end
if obj.metadata.annotations ~= nil and obj.metadata.annotations["postscreen.dev/pause"] == "true" then
  return { status = "Suspended", message = "Changes are paused" }
end
if is("Reconciling", "True") then
  return { status = "Progressing", message = found.Reconciling.message }
end
if is("Ready", "True") then
  return { status = "Healthy", message = found.Ready.message }
end
if found.Ready.reason == "ScaledToZero" then
  return { status = "Suspended", message = found.Ready.message }
end
if is("Ready", "False") then
  return { status = "Degraded", message = found.Ready.message }
end
return { status = "Progressing", message = found.Ready.message }
