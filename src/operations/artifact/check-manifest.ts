// The manifest of a version against everything else that is known of it: a pusher may sign contradictions.
import type { LoggedEvent } from "../../audit/taken.ts";
import { sha256Hex } from "../../base/digest.ts";
import { integrity } from "../../base/errors.ts";
import { publicKeyPem } from "../../keys/identity.ts";
import { readBundle, verifyBundle } from "../../provenance/bundle.ts";
import { artifactUri, type Manifest } from "../../provenance/manifest.ts";
import { readStatement } from "../../provenance/statement-reader.ts";
import type { Session } from "../session.ts";
import { readPart } from "./artifact-seal.ts";
import { crossingOf } from "./crossing.ts";
import { type OwnedWorkspace, ownEvents } from "./label.ts";
import { contextOfVersion, sealName } from "./version-record.ts";
import { named, referenceTo, type Version } from "./versions.ts";

/** The signed manifest bundle of a version as it stands in the store. @throws CloisterError INTEGRITY */
function bundleOf(session: Session, { record, versionId, metadataKey }: Version): Promise<Buffer> {
  const part = { name: "manifest", of: record.seal } as const;
  return readPart(session.store, sealName(record, versionId), part, metadataKey, contextOfVersion(record));
}

/**
 * The manifest of a version: signed by its pusher, the one its header names, and in agreement with everything else.
 * @throws CloisterError INTEGRITY naming the version and what differs
 */
export async function manifestOf(session: Session, version: Version): Promise<CheckedManifest> {
  return checkedManifest(session, version).catch((error: unknown) => {
    throw named(error, referenceTo(version));
  });
}

interface CheckedManifest {
  readonly bundle: Buffer;
  readonly manifest: Manifest;
}

async function checkedManifest(session: Session, version: Version): Promise<CheckedManifest> {
  const bundle = await bundleOf(session, version);
  if (sha256Hex(bundle) !== version.header.manifest) throw integrity("its manifest is not the one its header names");
  const { manifest, keyId } = await verifyManifest(session, bundle);
  checkManifest(session, version, manifest, keyId);
  return { bundle, manifest };
}

/**
 * Verifies the signature by whichever member's key the bundle names.
 * @throws CloisterError INTEGRITY where it is nobody's here, does not verify, or is of another project
 */
export async function verifyManifest(
  session: Session,
  bundle: Uint8Array,
): Promise<{ readonly manifest: Manifest; readonly signer: string; readonly keyId: string }> {
  const { hint } = readBundle(bundle);
  const signer = await session.ledger.signerOf(hint);
  if (!signer) throw integrity(`signed with key ${hint.slice(0, 16)}…, which is no member's of this project`);
  const manifest = readStatement(verifyBundle(bundle, publicKeyPem(signer.signs)));
  if (manifest.project.id !== session.config.project) throw integrity("the manifest is of another project");
  return { manifest, signer: signer.member, keyId: hint };
}

/**
 * Everything the manifest says must be what record, header and log say; its inputs must be the logged mounts, its runs logged runs.
 * @throws CloisterError INTEGRITY naming what differs
 */
function checkManifest(session: Session, version: Version, manifest: Manifest, keyId: string): void {
  const { record, header, intent } = version;
  if (keyId !== intent.keyId) throw integrity("its manifest is not signed by its pusher");
  const { declared } = manifest;
  const said: Readonly<Record<string, readonly [unknown, unknown]>> = {
    domain: [manifest.domain, record.domain],
    name: [manifest.name, header.name],
    number: [manifest.number, record.number],
    label: [manifest.label, header.label],
    kind: [manifest.kind, header.kind],
    class: [manifest.class, record.class],
    files: [manifest.fileCount, header.files],
    bytes: [manifest.bytes, header.bytes],
    digest: [manifest.dirHash, header.dirHash],
    owner: [declared.owner, header.owner],
    licence: [declared.licence, header.licence],
    purpose: [declared.purpose, header.purpose],
    justification: [declared.justification, header.justification],
    workspace: [manifest.workspace?.id, header.workspace],
    operation: [manifest.operationId, record.operation],
    "policy version": [manifest.policy.version, record.policy],
    intent: [manifest.policy.intent, record.intent],
  };
  for (const [what, [one, other]] of Object.entries(said)) {
    if (one !== other) throw integrity(`its manifest contradicts the version: ${what}`);
  }
  checkInputs(session, version, manifest);
  checkRuns(session, version, manifest);
}

/**
 * The inputs are the versions that were mounted, by the log, before the push ended, and what was exported to this domain
 * or declassified for it; none more, none less.
 */
function checkInputs(session: Session, { intent, entry: end, record }: Version, manifest: Manifest): void {
  const { ledger, config } = session;
  const crossing = crossingOf(ledger, intent, record);
  if (typeof crossing === "string")
    throw integrity("it was brought over without an act that allows it", { why: crossing });
  const mounted = new Set<string>(crossing ? [crossing.versionId] : []);
  for (const { entry, event } of ownEvents(ledger, workspaceOf(intent))) {
    if (entry >= end || event.action !== "workspace.mount" || event.phase !== "done") continue;
    if (event.versionId !== undefined) mounted.add(event.versionId);
  }
  for (const input of manifest.inputs) {
    const logged = ledger.versionById(input.versionId);
    const [, , , , name = ""] = input.uri.split("/");
    const uri =
      logged &&
      artifactUri({
        ...{ projectId: config.project, domain: logged.domain },
        ...{ name: name.split("@")[0] ?? "", number: logged.number },
      });
    const here = logged?.domain === record.domain || input.versionId === crossing?.versionId;
    if (!mounted.has(input.versionId) || !here || uri !== input.uri || logged?.done.event.class !== input.class) {
      throw integrity("its manifest names an input that was not mounted", { why: input.uri });
    }
  }
  const named = new Set(manifest.inputs.map(({ versionId }) => versionId));
  for (const versionId of mounted) {
    if (!named.has(versionId)) throw integrity("its manifest leaves out an input that was mounted");
  }
}

/** Each run is one that its owner logged in this workspace before the push ended, with the end that was logged. */
function checkRuns(session: Session, { intent, entry: end }: Version, manifest: Manifest): void {
  const own = ownEvents(session.ledger, workspaceOf(intent));
  const logged = own.filter(({ entry, event }) => entry < end && event.action === "workspace.run");
  const begun = new Set(logged.filter(({ event }) => event.phase === "intent").map(({ event }) => event.operation));
  const exits = new Map(logged.map(({ event }) => [event.operation, event.facts?.["exit"]]));
  const runs = [...(manifest.runs ?? []), ...(manifest.origins?.unfinished ?? [])];
  if (new Set(runs.map(({ id }) => id)).size !== runs.length) throw integrity("its manifest names a run twice");
  for (const { id } of runs) {
    if (!begun.has(id)) throw integrity("its manifest names a run that is not in the log", { why: id });
  }
  for (const { id, exitCode } of manifest.runs ?? []) {
    const exit = exits.get(id);
    if (exit === undefined || exit === exitCode) continue;
    throw integrity("its manifest says of a run that it ended otherwise than the log says", { why: id });
  }
}

function workspaceOf({ event, keyId }: LoggedEvent): OwnedWorkspace {
  return { workspace: event.workspace ?? "", keyId };
}
