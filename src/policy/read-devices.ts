// The keys of a member: of the device in their own entry, and of those under `devices:`.
import { keysOf } from "./file-keys.ts";
import type { Problems } from "./problem.ts";
import type { Device } from "./schema.ts";
import { Section } from "./section.ts";
import type { Entry } from "./yaml-tree.ts";

/** `keys/identity.ts` writes it: base64url of a compressed point, 33 bytes. */
const SIGNS = /^p256:[A-Za-z0-9_-]{44}$/;
/** An age X25519 recipient: Bech32 (BIP 173) of 32 bytes with the prefix `age`. */
const READS = /^age1[02-9ac-hj-np-z]{58}$/;

/** Every device of a member has every key of a class that the member may read: this bounds them. */
const DEVICES_MAX = 16;

/** @param holders member ids by the keys that were read so far: a key is one device's of one person, in all of the file */
export function readDevices(
  section: Section,
  entry: Entry,
  holders: Map<string, string>,
  problems: Problems,
): readonly Device[] {
  const further = section.optional("devices");
  if (further && further.kind !== "list") {
    problems.error(further.place, "devices must be a list", 'write it as [{ signs: "p256:…", reads: "age1…" }]');
  }
  const items = further?.kind === "list" ? further.items : [];
  if (further && items.length >= DEVICES_MAX) {
    problems.error(further.place, `${entry.key} has more than ${String(DEVICES_MAX)} devices`);
  }
  const sections = items
    .slice(0, DEVICES_MAX)
    .map((item) => new Section(item, `a device of ${entry.key}`, keysOf("device"), [], problems));
  const first = { line: entry.place.line, name: undefined, ...readKeys(section, entry.key, holders, problems) };
  return [
    first,
    ...sections.map((device) => ({
      line: device.place.line,
      name: device.has("name") ? device.text("name") : undefined,
      ...readKeys(device, entry.key, holders, problems),
    })),
  ];
}

function readKeys(section: Section, member: string, holders: Map<string, string>, problems: Problems) {
  const keys = {
    signs: section.formed("signs", SIGNS, '"p256:" and 44 characters, as cloister whoami prints'),
    reads: section.formed("reads", READS, '"age1" and 58 characters, as cloister whoami prints'),
  };
  for (const key of ["signs", "reads"] as const) {
    const other = holders.get(keys[key]);
    if (keys[key] !== "" && other !== undefined) {
      const who = other === member ? `two devices of ${member}` : `${member} and ${other}`;
      problems.error(section.placeOf(key), `${who} have the same ${key} key`, "one key, one device of one person");
    }
    holders.set(keys[key], member);
  }
  return keys;
}
