-- The health of a PostscreenPolicy for Argo CD, with tests, in the layout of its resource_customizations/postscreen.dev/PostscreenPolicy.
-- Argo CD provides `obj` and no libraries. The conditions of the operator: Stalled means that the policy or the cluster must be changed; Reconciling
-- means that a change is being applied, or that something is missing that may still appear; Ready says whether everything works, and if not, why.

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

-- The status is about an earlier generation, or no operator has processed the policy yet.
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
