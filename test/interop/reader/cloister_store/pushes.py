"""Whether a push was one that its signer was allowed: class, label, what was brought over, halves of keys."""
from datetime import datetime, timedelta

from .judge import applies
from .objects import HEX32, HEX64, milliseconds
from .policy import milliseconds_in
from .requests import is_given_up

# A push that brings a version over names it and the act that it rests on: facts of the push, and of the act.
WAYS = {"artifact.export": ("exported", "export"), "artifact.declassify": ("declassified", "declassification")}
TAKES_OUT = ("artifact.pull", "share.create", "artifact.export")


class NotAllowed(Exception):
    """The push does not count, and the version is ignored."""


def check_push(judge, record, header, done):
    """Raises NotAllowed with the reason."""
    log = judge.log
    intent, policy = log.operation(done)["intent"], log.policy(record["policy"])
    if expected_halves(policy, record, header["kind"]) != [half["half"] for half in record.get("halves", [])]:
        raise NotAllowed("its data key is not split as the policy says")
    crossing = crossing_of(log, intent, record)
    if foreign := foreign_mount(log, record, done):
        raise NotAllowed(f"it was made with data of another domain (#{foreign['entry']})")
    if crossing:
        if record["workspace"] is not None:
            raise NotAllowed("what is brought over comes from no workspace")
        if why := judge.why_not(crossing["act"], header["kind"], done):
            raise NotAllowed(f"the {crossing['act']['action']} that it rests on does not count: {why}")
    check_policy(judge, policy, record, header, done, crossing)
    ended = log.policy(done["data"]["policy"])
    if not ended.may(done["member"], "artifact.push", record["domain"], record["class"]):
        raise NotAllowed(f"{done['member']} might not push there any more when it ended")


def check_policy(judge, policy, record, header, done, crossing):
    log, member = judge.log, done["member"]
    intent = log.operation(done)["intent"]
    roles = policy.roles_for(member, "artifact.push", record["domain"], record["class"])
    purpose = header.get("purpose")
    if purpose is not None:
        check_purpose(policy, purpose, intent["commit"])
        roles = [role for role in roles if purpose in policy.roles[role].get("purposes", [purpose])]
    if not roles:
        raise NotAllowed(f"no role lets {member} push this")
    if intent["commit"] >= policy.end:
        raise NotAllowed("the policy had expired")
    if record["epoch"] < int(policy.text["domains"][record["domain"]]["epoch"]):
        raise NotAllowed("its key epoch is older than the domain's")
    always = policy.section("always")
    if "artifact.push" in always.get("purpose-for", []) and purpose is None:
        raise NotAllowed("it has no purpose")
    least = int(always.get("justification-for", {}).get("artifact.push", 0))
    if len(header.get("justification", "").strip()) < least:
        raise NotAllowed("it has no justification of the length that the policy asks for")
    ran = crossing["ran"] if crossing else has_run(log, member, record["workspace"], intent["entry"])
    for klass, why in labels(judge, policy, record, done, crossing, ran):
        if policy.rank(record["class"]) < policy.rank(klass):
            raise NotAllowed(f"its class is below {klass}, that of {why}")
    act = {"policy": policy, "member": member, "action": "artifact.push", "domain": record["domain"],
           "class": record["class"], "kind": header["kind"], "versionId": None, "stage": None, "facts": {},
           "before": intent["entry"], "time": intent["commit"], "intent": intent, "header": header, "ran": ran}
    if why := judge.refused(act):
        raise NotAllowed(why)


def check_purpose(policy, purpose, now):
    declared = policy.section("purposes").get(purpose)
    if declared is None:
        raise NotAllowed(f"the policy has no purpose {purpose}")
    until = declared.get("until") if declared else None
    if until and now >= milliseconds(datetime.strptime(until, "%Y-%m-%d") + timedelta(days=1)):
        raise NotAllowed(f"the purpose {purpose} had ended")


# -- labels ----------------------------------------------------------------------------------------------------------------


def labels(judge, policy, record, done, crossing, ran):
    """Classes below which it may not be, each with what has it."""
    log, member = judge.log, done["member"]
    intent = log.operation(done)["intent"]
    if crossing:
        return [(crossing["class"], "what was brought over")]
    found = [(klass, f"a mount (#{entry['entry']})") for entry, klass in mounts(log, member, record["workspace"], done["entry"])]
    floor = policy.section("always").get("label-floor")
    if floor and not ran:
        since = intent["commit"] - milliseconds_in(floor)
        found += [(klass, f"what was taken out (#{entry['entry']})") for entry, klass in taken_out(log, member, since, intent["entry"])]
    return found


def mounts(log, member, workspace, before):
    """Classes of everything that was to be mounted in a workspace, as the entry says and as the log has the version."""
    for entry in log.entries[:before] if workspace else []:
        own = entry["data"].get("workspace") == workspace and entry["member"] == member
        if own and entry["action"] == "workspace.mount" and entry["phase"] == "intent":
            yield from ((entry, klass) for klass in classes_of(log, entry))


def classes_of(log, entry):
    filed = log.version(entry["data"].get("versionId"))
    return [klass for klass in (entry["data"].get("class"), filed and filed["data"]["class"]) if klass]


def taken_out(log, member, since, before):
    for entry in log.entries[:before]:
        if entry["member"] != member or entry["phase"] != "intent" or entry["commit"] < since or is_given_up(log, entry, before):
            continue
        facts = entry["facts"]
        if entry["action"] in TAKES_OUT and not (entry["action"] == "artifact.export" and facts.get("to") == "domain"):
            yield from ((entry, klass) for klass in classes_of(log, entry))
        if entry["action"] == "workspace.run" and (facts.get("copied") == "out" or facts.get("output") == "released"):
            yield from ((entry, klass) for klass in [entry["data"].get("class")] if klass)
            yield from ((entry, klass) for _, klass in mounts(log, member, entry["data"].get("workspace"), before))


def foreign_mount(log, record, done):
    """A version of another domain that was mounted where this one was made, before the push ended."""
    for entry, _ in mounts(log, done["member"], record["workspace"], done["entry"]):
        filed = log.version(entry["data"].get("versionId"))
        domains = (entry["data"].get("domain"), filed and filed["data"]["domain"])
        if any(domain not in (None, record["domain"]) for domain in domains):
            return entry
    return None


def has_run(log, member, workspace, before):
    """Whether there is a recorded run: the workspace was made, and a command in it came to its end."""
    own = [entry for entry in log.entries[:before] if workspace and entry["data"].get("workspace") == workspace
           and entry["member"] == member and entry["phase"] == "done"]
    made = any(entry["action"] == "workspace.create" for entry in own)
    return made and any(entry["action"] == "workspace.run" and "exit" in entry["facts"] for entry in own)


# -- what is brought over --------------------------------------------------------------------------------------------------


def crossing_of(log, intent, place):
    """What a push says it brings over, held to the log: the version, the act, the least class. None where it says nothing."""
    facts = intent["facts"]
    ways = [(action, *names) for action, names in WAYS.items() if any(name in facts for name in names)]
    if not ways:
        return None
    (action, of, by), others = ways[0], ways[1:]
    version_id, operation = str(facts.get(of)), str(facts.get(by))
    source = log.version(version_id) if HEX64.match(version_id) and HEX32.match(operation) else None
    act = log.phases.get((intent["key"], operation), {}).get("intent")
    if others or source is None or act is None or source["entry"] > intent["entry"]:
        raise NotAllowed("the log does not have what it brings over")
    named = act["action"] == action and act["data"].get("versionId") == version_id and act["entry"] < intent["entry"]
    if not named or is_given_up(log, act, intent["entry"]):
        raise NotAllowed(f"the {action} that it names is not in the log, or was given up")
    export = action == "artifact.export"
    leads = act["facts"].get("toDomain") == place["domain"] if export else act["facts"].get("toClass") == place["class"]
    if not leads or (source["data"]["domain"] == place["domain"]) == export:
        raise NotAllowed(f"the {action} that it names leads elsewhere")
    for other in log.entries[: intent["entry"]]:
        push = other["action"] == "artifact.push" and other["phase"] == "intent" and other["key"] == intent["key"]
        if push and other["facts"].get(by) == operation and other["operation"] != intent["operation"]:
            raise NotAllowed(f"another push rests on the same {action}")
    klass = source["data"]["class"] if export else place["class"]
    return {"source": source, "act": act, "class": klass, "ran": was_run(log, source)}


def was_run(log, done):
    """Whether a recorded run made a version; of what was brought over, whether one made what it was."""
    intent = log.operation(done)["intent"]
    try:
        crossing = crossing_of(log, intent, done["data"])
    except NotAllowed:
        return False
    return crossing["ran"] if crossing else has_run(log, done["member"], intent["data"].get("workspace"), intent["entry"])


# -- halves ----------------------------------------------------------------------------------------------------------------


def expected_halves(policy, record, kind):
    """Names of the halves that a policy version wants of the data key, in their order."""
    act = {"kind": kind, "domain": record["domain"], "class": record["class"]}
    roles = set()
    for rule in policy.section("rules").values():
        if rule.get("require", {}).get("release") == "keys" and applies(policy, rule, {**act, "action": rule["on"][0]}):
            roles |= {f"half-{role}" for role in rule["require"]["grant"]["approvals"]}
    return sorted(roles | glass_halves(policy, record))


def glass_halves(policy, record):
    glass = policy.section("break-glass")
    if not set(glass.get("can", [])) & {"artifact.pull", "workspace.mount"}:
        return set()
    people = [member for member in policy.people if not policy.is_service(member)]
    invoke = [each for each in people if policy.may(each, "break-glass.invoke", record["domain"], record["class"])]
    return {"glass-invoke", "glass-escrow"} if invoke and set(people) & set(glass["escrow"]) else set()
