// Changes one member in the policy file: a device more or less, suspended, and back again.
import { isMap, isSeq, type YAMLMap } from "yaml";
import { CloisterError } from "../base/errors.ts";
import { epochEdits, type NextVersion, setVersion, withEpochs } from "./edit.ts";
import {
  applied,
  type Edit,
  endOfLine,
  layoutError,
  meaning,
  newline,
  pairOf,
  policyIn,
  rangeOf,
  rootOf,
} from "./edit-text.ts";
import { type Device, type Member, memberOf, type Policy } from "./schema.ts";
import { quoted } from "./template.ts";

/** Higher key epochs, by domain: what takes keys away from somebody begins new ones. */
export type Epochs = ReadonlyMap<string, number>;

/** @throws {@link CloisterError} USAGE where the member has a device of that key, or the layout is unusual */
export function addDevice(text: string, id: string, device: Omit<Device, "line">, next: NextVersion): string {
  const more = (member: Member): Member => ({ ...member, devices: [...member.devices, { ...device, line: 0 }] });
  return edit(text, id, next, new Map(), more, undefined, (map) => [
    appended(text, map, "devices", deviceText(device)),
  ]);
}

/** @param signs the signing key of the device that goes. @throws {@link CloisterError} USAGE where it is the only one */
export function removeDevice(text: string, id: string, signs: string, epochs: Epochs, next: NextVersion): string {
  const less = (member: Member): Member => {
    const devices = member.devices.filter((device) => device.signs !== signs);
    // The first has no name of its own: it is the member's entry.
    return { ...member, devices: devices.map((device, at) => (at === 0 ? { ...device, name: undefined } : device)) };
  };
  return edit(text, id, next, epochs, less, undefined, (map, member) => {
    const [first, ...further] = less(member).devices;
    if (!first) {
      throw new CloisterError("USAGE", `it is the only device of ${id}`, {
        next: `cloister member suspend ${id}, or member add-device first`,
      });
    }
    const list = pairOf(map, "devices")?.value;
    return [
      ...replaced(map, "signs", quoted(first.signs)),
      ...replaced(map, "reads", quoted(first.reads)),
      ...(isSeq(list) ? replaced(map, "devices", `[${further.map(deviceText).join(", ")}]`) : []),
    ];
  });
}

/**
 * A suspended owner signs nothing, and is taken from the owners.
 * @throws {@link CloisterError} USAGE where they are suspended, own a domain, or too few owners would be left
 */
export function suspend(text: string, id: string, why: string, epochs: Epochs, next: NextVersion): string {
  const before = policyIn(text, "the policy file is not valid");
  const owners = before.owners.members.filter((owner) => owner !== id);
  if (owners.length < before.owners.threshold) {
    throw new CloisterError("USAGE", `without ${id} too few owners are left to sign`, {
      why: `the threshold is ${String(before.owners.threshold)}`,
      next: "name another owner in cloister.policy.yaml, then: cloister policy propose",
    });
  }
  const suspended = (member: Member): Member => ({ ...member, suspended: why });
  const isOwner = owners.length < before.owners.members.length;
  return edit(text, id, next, epochs, suspended, owners, (map) => [
    insertedPair(text, map, `suspended: ${quoted(why)}`),
    ...(isOwner ? replaced(ownersOf(text), "members", `[${owners.map(quoted).join(", ")}]`) : []),
  ]);
}

function ownersOf(text: string): YAMLMap {
  const owners = pairOf(rootOf(text), "owners")?.value;
  if (!isMap(owners)) throw layoutError();
  return owners;
}

/** @throws {@link CloisterError} USAGE where they are not suspended */
export function restore(text: string, id: string, next: NextVersion): string {
  const restored = (member: Member): Member => ({ ...member, suspended: undefined });
  return edit(text, id, next, new Map(), restored, undefined, (map) => [removedPair(text, map, "suspended")]);
}

/** The edit is made on text: what comes out must mean what was wanted, and nothing else. */
function edit(
  text: string,
  id: string,
  next: NextVersion,
  epochs: Epochs,
  wanted: (member: Member) => Member,
  owners: readonly string[] | undefined,
  edits: (map: YAMLMap, member: Member) => readonly Edit[],
): string {
  const before = policyIn(text, "the policy file is not valid");
  const member = memberOf(before, id);
  const members = pairOf(rootOf(text), "members")?.value;
  const map = isMap(members) ? pairOf(members, id)?.value : undefined;
  if (!member || !isMap(map)) throw layoutError();
  const edited = setVersion(applied(text, [...edits(map, member), ...epochEdits(text, epochs)]), next);
  const after = policyIn(edited, `${id} cannot be changed like that`);
  const changed: Policy = {
    ...before,
    owners: { ...before.owners, members: owners ?? before.owners.members },
    members: before.members.map((each) => (each === member ? wanted(each) : each)),
  };
  if (meaning(after) !== meaning(withEpochs(changed, epochs))) throw layoutError();
  return edited;
}

function deviceText({ name, signs, reads }: Omit<Device, "line">): string {
  const named = name === undefined ? "" : `name: ${quoted(name)}, `;
  return `{ ${named}signs: ${quoted(signs)}, reads: ${quoted(reads)} }`;
}

function replaced(map: YAMLMap, key: string, text: string): readonly Edit[] {
  const range = rangeOf(pairOf(map, key)?.value);
  if (!range) throw layoutError();
  return [{ from: range[0], to: range[1], text }];
}

/** An item more in a list of the map; the list, where there is none. */
function appended(text: string, map: YAMLMap, key: string, item: string): Edit {
  const list = pairOf(map, key)?.value;
  if (list === undefined) return insertedPair(text, map, `${key}: [${item}]`);
  const range = rangeOf(list);
  if (!isSeq(list) || !range) throw layoutError();
  const last = rangeOf(list.items.at(-1));
  if (list.flow) {
    const at = last ? last[1] : range[0] + 1;
    return { from: at, to: at, text: last ? `, ${item}` : item };
  }
  if (!last) throw layoutError();
  const at = endOfLine(text, text.slice(0, last[1]).trimEnd().length);
  return { from: at, to: at, text: `${newline(text)}${indentAt(text, range[0])}- ${item}` };
}

/** A pair more, behind the last. */
function insertedPair(text: string, map: YAMLMap, pair: string): Edit {
  const last = rangeOf(map.items.at(-1)?.value);
  const key = rangeOf(map.items[0]?.key);
  if (!last || !key) throw layoutError();
  if (map.flow) return { from: last[1], to: last[1], text: `, ${pair}` };
  const at = endOfLine(text, text.slice(0, last[1]).trimEnd().length);
  return { from: at, to: at, text: `${newline(text)}${indentAt(text, key[0])}${pair}` };
}

function removedPair(text: string, map: YAMLMap, key: string): Edit {
  const pair = pairOf(map, key);
  const at = pair ? map.items.indexOf(pair) : -1;
  const [own, value] = [rangeOf(pair?.key), rangeOf(pair?.value)];
  if (!own || !value)
    throw new CloisterError("USAGE", `there is no ${key} to take away`, { next: "cloister member list" });
  if (!map.flow) {
    const end = endOfLine(text, text.slice(0, value[1]).trimEnd().length);
    return { from: own[0] - indentAt(text, own[0]).length - newline(text).length, to: end, text: "" };
  }
  const previous = rangeOf(map.items[at - 1]?.value);
  const following = rangeOf(map.items[at + 1]?.key);
  if (previous) return { from: previous[1], to: value[1], text: "" };
  if (!following) throw layoutError();
  return { from: own[0], to: following[0], text: "" };
}

/** The spaces before a place that begins a line. */
function indentAt(text: string, at: number): string {
  const indent = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
  if (!/^ +$/.test(indent)) throw layoutError();
  return indent;
}
