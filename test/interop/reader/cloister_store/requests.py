"""Requests for others' consent, and who answered them."""
from .objects import is_hex64, is_integer, sha256

INSTANT_MAX = 8_640_000_000_000_000
KIND_OF = {"artifact.export": "export", "share.create": "export", "artifact.promote": "promote",
           "artifact.declassify": "declassify"}
ACTS = {"export": ("artifact.export", "share.create"), "promote": ("artifact.promote",),
        "declassify": ("artifact.declassify",)}
# By which fact a push rests on an act.
RESTS_ON = {"artifact.export": "export", "artifact.declassify": "declassification"}
TERMS = {"promote": "toStage", "declassify": "toClass"}
ANSWERS_MAX = 16


def approvers_of(judge, act, needs):
    """Roles of each person who approved the request that an act rests on; None where there is none."""
    policy = act["policy"]
    for request in requests_about(judge, act):
        said = weigh(judge, act, request)
        if said is None or act["time"] >= request["facts"]["expiresMs"] or is_used(judge.log, act, request):
            continue
        people = [roles for member in said if (roles := approving_roles(judge, act, request, member))]
        if fills(needs, people):
            return people
    return None


def requests_about(judge, act):
    """Of this member, for this version and these terms; an act that is logged names the one that it rests on."""
    for done in judge.log.about(act["versionId"], act["before"]):
        facts, data = done["facts"], done["data"]
        kind = KIND_OF[act["action"]]
        fits = (
            done["action"] == "request.create" and done["phase"] == "done" and "verdict" not in facts
            and done["member"] == act["member"] and facts.get("kind") == kind and is_hex64(facts.get("request"))
            and is_instant(facts.get("expiresMs")) and data.get("domain") == act["domain"] and data.get("class") == act["class"]
            and (kind not in TERMS or facts.get(TERMS[kind]) == act["facts"].get(TERMS[kind]))
            and (kind != "export" or is_destination(act, facts))
            and act["facts"].get("requestEntry") == done["entry"]
        )
        if fits and judge.why_may_not(done) is None:
            yield done


def is_destination(act, facts):
    if not is_hex64(facts.get("destination")):
        return False
    to = act["facts"].get("toDomain")
    return to is None or sha256(f"{act['facts'].get('salt')}\ndomain:{to}".encode()).hex() == facts["destination"]


def weigh(judge, act, request):
    """Members whose approvals count, in the order of the log; None once somebody ended the request."""
    approved, seen = [], {}
    for answer in judge.log.about(act["versionId"], act["before"]):
        facts, member = answer["facts"], answer["member"]
        named = (facts.get("requestEntry"), facts.get("request")) == (request["entry"], request["facts"]["request"])
        if not named or answer["phase"] != "done" or answer["entry"] <= request["entry"]:
            continue
        verdict = facts.get("verdict")
        if answer["action"] == "request.create":
            if verdict == "withdraw" and member == request["member"]:
                return None
            continue
        if answer["action"] != "request.approve" or verdict not in ("approve", "deny", "revoke") or member in approved:
            continue
        seen[member] = seen.get(member, 0) + 1
        if seen[member] <= ANSWERS_MAX and counts(judge, act, request, answer):
            if verdict != "approve":
                return None
            approved.append(member)
    return approved


def counts(judge, act, request, answer):
    facts, data = answer["facts"], answer["data"]
    if any(data.get(member) != request["data"][member] for member in ("domain", "class")):
        return False
    if judge.why_may_not(answer) is not None:
        return False
    if facts["verdict"] != "approve":
        return True
    ends = facts.get("expiresMs", 0)
    if not is_instant(ends) or act["time"] >= ends or answer["commit"] >= request["facts"]["expiresMs"]:
        return False
    if data["policy"] == act["policy"].version:
        return True
    return judge.why_may_not(answer, act["policy"], act["time"]) is None


def is_used(log, act, request):
    """Whether an earlier act used the request up."""
    for entry in log.about(act["versionId"], act["before"]):
        own = entry["entry"] == act["intent"]["entry"]
        acts = ACTS[request["facts"]["kind"]]
        if own or entry["phase"] != "intent" or entry["action"] not in acts or entry["member"] != request["member"]:
            continue
        if entry["facts"].get("requestEntry") == request["entry"] and not is_given_back(log, entry, act["before"]):
            return True
    return False


def is_given_back(log, intent, before):
    """Its `failed` stands there, and no push that was not given up rests on it."""
    if not is_given_up(log, intent, before):
        return False
    fact = RESTS_ON.get(intent["action"])
    pushes = [each for each in log.entries[:before] if each["action"] == "artifact.push" and each["phase"] == "intent"]
    resting = [each for each in pushes if fact and each["facts"].get(fact) == intent["operation"] and each["key"] == intent["key"]]
    return all(is_given_up(log, each, before) for each in resting)


def is_given_up(log, intent, before):
    failed = log.operation(intent).get("failed")
    return failed is not None and failed["entry"] < before


def approving_roles(judge, act, request, member):
    """Roles in which somebody's approval counts; none for who is kept from approving."""
    policy = act["policy"]
    if policy.is_service(member):
        return []
    done = [each for each in judge.log.about(act["versionId"], act["before"]) if each["phase"] == "done"]
    for rule in policy.text.get("separate", []):
        above = "above" not in rule or policy.rank(act["class"]) > policy.rank(rule["above"])
        if rule["cannot"] == "request.approve" and above:
            if any(each["action"] == rule["who"] and each["member"] == member for each in done):
                return []
    return policy.roles_for(member, "request.approve", act["domain"], act["class"], act["stage"])


def fills(needs, people):
    """Whether everybody who is needed is there, each of them once: a matching of places and people."""
    places = [role for role, count in needs.items() if role != "any" for _ in range(int(count))]
    places += ["any"] * int(needs.get("any", 0))
    taken = {}

    def fill(place, tried):
        for person, roles in enumerate(people):
            if person in tried or not (place[0] == "any" or place[0] in roles):
                continue
            tried.add(person)
            if person not in taken or fill(taken[person], tried):
                taken[person] = place
                return True
        return False

    return all(fill((role, number), set()) for number, role in enumerate(places))


def is_instant(value):
    return is_integer(value) and value <= INSTANT_MAX
