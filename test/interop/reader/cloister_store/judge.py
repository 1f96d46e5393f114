"""Whether what was logged was allowed: by the policy and the log, as they stood there.

Judged are roles, rules (refusals, fields, provenance, evidence, approvals, where an export goes), gates, separation, retirement,
and who may state what. Not judged are quotas, access reviews, emergencies, logins, and what is said in sealed parts.
"""
from .fate import fate_of
from .objects import HEX64
from .requests import approvers_of, fills

# What can be done with a version that was retired, besides seeing it.
WITH_RETIRED = ("artifact.restore", "artifact.retire", "artifact.push")
ANY_KIND = None


class Judge:
    def __init__(self, log):
        self.log, self.answers = log, {}

    def why_not(self, intent, kind=ANY_KIND, effect=None):
        """Why an operation does not count; None where it does. `effect` is the entry by which it took effect."""
        key = (intent["entry"], kind, effect and effect["entry"])
        if key not in self.answers:
            self.answers[key] = self.judged(intent, kind, effect)
        return self.answers[key]

    def judged(self, intent, kind, effect):
        why = self.out_of_place(intent, effect) or self.under(intent["data"]["policy"], intent, kind, intent["entry"], intent)
        if why or effect is None:
            return why
        if effect["operation"] == intent["operation"]:
            return self.under(effect["data"]["policy"], intent, kind, effect["entry"], effect)
        # It took effect by another operation, which goes on after interruptions: only a later policy is asked besides.
        if effect["data"]["policy"] == intent["data"]["policy"]:
            return None
        return self.under(effect["data"]["policy"], intent, kind, intent["entry"], effect)

    def out_of_place(self, intent, effect):
        data = intent["data"]
        if "versionId" in data:
            filed = self.log.version(data["versionId"])
            if filed is None or filed["entry"] >= intent["entry"]:
                return "it is about a version that was not there"
            if any(filed["data"][member] != data.get(member) for member in ("domain", "class")):
                return "its version has another class or domain"
        if effect is None:
            return None
        if effect["key"] != intent["key"] or effect["entry"] <= intent["entry"]:
            return "it took effect before it began"
        same = all(effect["data"].get(member) == data.get(member) for member in ("versionId", "domain", "class"))
        if effect["operation"] == intent["operation"] and not (same and effect["action"] == intent["action"]):
            return "its end is about something else than its beginning"
        return None

    def under(self, version, entry, kind, before, at):
        """Under a policy version, at the time of an entry's commit, on what the log held before an entry."""
        policy, member, action, data = self.log.policy(version), entry["member"], entry["action"], entry["data"]
        domain, klass, version_id = data.get("domain"), data.get("class"), data.get("versionId")
        if at["commit"] >= policy.end:
            return "the policy had expired"
        stage = self.stage_of(version_id, policy, kind, before)
        if not policy.roles_for(member, action, domain, klass, stage):
            return f"no role allows {member} {action} there"
        if action == "request.approve" and policy.is_service(member):
            return "services do not approve"
        if version_id is not None and action not in WITH_RETIRED and self.fate(version_id, before).retired:
            return "the version was retired"
        act = {"policy": policy, "member": member, "action": action, "domain": domain, "class": klass, "kind": kind,
               "versionId": version_id, "stage": stage, "facts": entry["facts"], "before": before, "time": at["commit"],
               "intent": entry}
        return self.separated(act) or self.refused(act) or self.astray(act)

    def separated(self, act):
        policy = act["policy"]
        did = {each["action"] for each in self.log.about(act["versionId"], act["before"]) if act["versionId"]
               and each["phase"] == "done" and each["member"] == act["member"]}
        for rule in policy.text.get("separate", []):
            above = "above" not in rule or policy.rank(act["class"]) > policy.rank(rule["above"])
            if rule["cannot"] == act["action"] and rule["who"] in did and above:
                return f"who did {rule['who']} cannot {rule['cannot']}"
        return None

    def refused(self, act):
        """By a rule that refuses, or whose requirements are not met."""
        policy = act["policy"]
        for name, rule in policy.section("rules").items():
            if not applies(policy, rule, act):
                continue
            if "refuse" in rule:
                return f"rule {name}"
            if why := self.lacks(act, rule["require"]):
                return f"rule {name}: {why}"
        return None

    def lacks(self, act, needs):
        for field in needs.get("fields", []):
            # What is declared in sealed parts is not asked again; a push declares in its header.
            if "header" in act and field not in act["header"]:
                return f"it needs {field}"
        if needs.get("provenance") == "run" and act["action"] == "artifact.push" and not act["ran"]:
            return "no recorded run made it"
        for kind in needs.get("evidence", []):
            if not self.has_evidence(act, kind):
                return f"it needs {kind}"
        if "approvals" in needs and not self.is_approved(act, needs["approvals"]):
            return "it was not approved"
        if "toDomain" in act["facts"] and "destination" in needs:
            to = f"domain:{act['facts']['toDomain']}"
            if not any(to == each or each.endswith("*") and to.startswith(each[:-1]) for each in needs["destination"]):
                return f"it may not go to {to}"
        return None

    def astray(self, act):
        """What gates, classes and kinds of evidence say of the act itself."""
        policy, facts = act["policy"], act["facts"]
        if act["action"] == "artifact.promote":
            step = next((gate for gate in policy.gates if gate[:2] == (act["stage"], facts.get("toStage"))), None)
            return "it is no step of the gates" if step is None else self.lacks(act, step[2])
        if act["action"] == "artifact.declassify":
            return None if policy.rank(facts.get("toClass")) < policy.rank(act["class"]) else "it does not lead lower"
        if act["action"] == "artifact.attest":
            return self.not_theirs(act, facts.get("kind"), act["member"])
        return None

    # -- evidence ------------------------------------------------------------------------------------------------------

    def not_theirs(self, act, kind, member):
        """Why a statement of this kind is not this member's to make."""
        policy, declared = act["policy"], act["policy"].section("evidence").get(kind)
        if declared is None:
            return f"the policy declares no evidence {kind}"
        roles = policy.roles_for(member, "artifact.attest", act["domain"], act["class"], act["stage"])
        if not set(roles) & set(declared["by"]):
            return f"{member} does not state {kind}"
        pusher = self.log.version(act["versionId"])["member"]
        return f"{member} pushed it" if declared.get("not-by") == "pusher" and pusher == member else None

    def statements(self, version_id, kind, before=None):
        """Those that count, in the order of the log."""
        found = []
        for intent, done in self.happened(version_id, "artifact.attest", before):
            facts = intent["facts"]
            said = isinstance(facts.get("kind"), str) and facts.get("result") in ("pass", "fail") and is_hash(facts.get("digest"))
            if said and self.why_not(intent, kind, done) is None:
                found.append({"by": done["member"], "key": done["key"], "operation": done["operation"], **facts})
        return found

    def has_evidence(self, act, kind):
        last = {each["by"]: each for each in self.statements(act["versionId"], act["kind"], act["before"])
                if each["kind"] == kind}.values()
        passed = [each for each in last if each["result"] == "pass" and self.not_theirs(act, kind, each["by"]) is None]
        return bool(passed) and len([each for each in last if each["result"] == "fail"]) == 0

    # -- requests ------------------------------------------------------------------------------------------------------

    def is_approved(self, act, needs):
        """Whether a request for this very act has the approvals that are needed: people, each in one of their roles."""
        people = approvers_of(self, act, needs)
        return people is not None and fills(needs, people)

    def why_may_not(self, entry, policy=None, time=None):
        """Why a member might not ask or answer, by a `done`: under the policy that it cites, or under another one."""
        version = entry["data"]["policy"] if policy is None else policy.version
        at = {**entry, "commit": entry["commit"] if time is None else time}
        return self.under(version, {**entry, "facts": {}}, ANY_KIND, entry["entry"], at)

    # -- what became of versions ---------------------------------------------------------------------------------------

    def happened(self, version_id, action, before=None):
        """Operations about a version that came to their end, in the order of their ends: (intent, done)."""
        ends = [each for each in self.log.about(version_id, before) if each["phase"] == "done" and each["action"] == action]
        return [(self.log.operation(each)["intent"], each) for each in ends]

    def fate(self, version_id, before=None):
        return fate_of(self, version_id, before)

    def stage_of(self, version_id, policy, kind, before=None):
        """Where a version stands; None where the policy has no stages or the log no such version."""
        return self.standing(version_id, policy, kind, before)[0]

    def standing(self, version_id, policy, kind, before=None):
        """Its stage, and the entry by which it came there."""
        filed = self.log.version(version_id) if version_id and policy.stages else None
        if filed is None or before is not None and filed["entry"] >= before:
            return None, None
        stage, since = None, filed["entry"]
        for intent, done in self.happened(version_id, "artifact.promote", before):
            start, end = intent["facts"].get("stage"), intent["facts"].get("toStage")
            stood = stage or next(iter(self.log.policy(intent["data"]["policy"]).stages), None)
            if start == stood and end is not None and self.why_not(intent, kind, done) is None:
                stage, since = end, done["entry"]
        return stage or policy.stages[0], since

    def tags_of(self, domain, name_id):
        """Tag id -> (version id where it leads, entry by which it first led anywhere)."""
        tags = {}
        filed = [each["versionId"] for each in self.log.numbers.get((domain, name_id), {}).values()]
        moves = [move for version_id in filed for move in self.happened(version_id, "artifact.tag")]
        for intent, done in sorted(moves, key=lambda move: move[1]["entry"]):
            tag_id = intent["facts"].get("tagId")
            if is_hash(tag_id) and self.why_not(intent, ANY_KIND, done) is None:
                first = tags[tag_id][1] if tag_id in tags else done["entry"]
                tags[tag_id] = (done["data"]["versionId"], first)
        return tags


def applies(policy, rule, act):
    """Whether a rule is about an act. Where the kind is not known, rules about any kind are."""
    return (
        act["action"] in rule["on"]
        and ("kinds" not in rule or act["kind"] is None or act["kind"] in rule["kinds"])
        and ("from" not in rule or policy.rank(act["class"]) >= policy.rank(rule["from"]))
        and ("domains" not in rule or act["domain"] in rule["domains"])
    )


def is_hash(value):
    return isinstance(value, str) and HEX64.match(value) is not None
