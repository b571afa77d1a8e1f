"""Argo CD's health checks of the custom resources that edgewright renders, in Lua.

An operator puts `customizations()` into the ConfigMap `argocd-cm`; Argo CD works without them,
since a kind without a check counts as healthy. They are not rendered: that ConfigMap belongs to
whoever runs Argo CD. An absent status is healthy, as in Flux's expressions: edge pods have no
API token, so most records never get one. One that says that it is of another generation of the
object is waited for, whatever it says: Flux does so before it asks any expression.
"""

from __future__ import annotations

from compiler.model.sync import FAILED_PHASES, IN_PROGRESS_PHASES


def customizations() -> dict[str, str]:
    """Keys of `argocd-cm` with their Lua text, sorted."""
    kinds = ("Dataset", "InferenceModel", "TrainingModel")
    found = {f"{_KEY}.edgewright.io_{kind}": RECORD for kind in kinds}
    found[f"{_KEY}.sedna.io_IncrementalLearningJob"] = SEDNA_LOOP
    found[f"{_KEY}.sedna.io_JointInferenceService"] = SEDNA_SERVICE
    return dict(sorted(found.items()))


_KEY = "resource.customizations.health"


def _table(words: tuple[str, ...]) -> str:
    return "{" + ", ".join(f"{word} = true" for word in words) + "}"


RECORD = f"""\
local in_progress = {_table(IN_PROGRESS_PHASES)}
local failed = {_table(FAILED_PHASES)}
local health = {{status = "Healthy", message = "no status is reported"}}
if obj.status ~= nil and obj.status.phase ~= nil then
  health.message = obj.status.phase
  if failed[obj.status.phase] then
    health.status = "Degraded"
  elseif in_progress[obj.status.phase] then
    health.status = "Progressing"
  end
end
if obj.status ~= nil and obj.status.observedGeneration ~= nil
    and obj.status.observedGeneration ~= obj.metadata.generation then
  health = {{status = "Progressing", message = "the status is of another generation"}}
end
return health
"""
"""The check of InferenceModel, TrainingModel and Dataset."""

SEDNA_LOOP = """\
local health = {status = "Healthy", message = "the loop has not begun"}
if obj.status ~= nil and obj.status.conditions ~= nil then
  local last = obj.status.conditions[#obj.status.conditions]
  if last ~= nil then
    health.message = last.stage .. " " .. last.type
    if last.type == "Failed" and last.status == "True" then
      health.status = "Degraded"
    end
  end
end
return health
"""
"""The check of IncrementalLearningJob: its last condition, since it keeps all of them."""

SEDNA_SERVICE = """\
return {status = "Healthy", message = "see its Deployments"}
"""
"""The check of JointInferenceService, whose conditions say Failed for healthy services too."""
