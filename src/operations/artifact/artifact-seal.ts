// The seal of a version: header, manifest and tree, each encrypted under its own context (docs/store-format.md).
import { sha256Hex } from "../../base/digest.ts";
import { integrity } from "../../base/errors.ts";
import { canonicalBytes, type Json, parseCanonical } from "../../base/json.ts";
import { NAME } from "../../base/name.ts";
import { Fields, ID, SHA256 } from "../../base/record.ts";
import { openBlob, sealBlob } from "../../content/blob.ts";
import { pad, unpad } from "../../content/padding.ts";
import type { KeyContext } from "../../keys/data-key.ts";
import type { Store } from "../../store/store.ts";
import type { ArtifactKind } from "../types.ts";

/** What binds a sealed part to its version and place. */
export type SealContext = Omit<KeyContext, "purpose">;

/** What readers are shown of a version before they fetch anything. */
export interface Header {
  readonly name: string;
  readonly label: string | undefined;
  readonly kind: ArtifactKind;
  readonly files: number;
  readonly bytes: number;
  readonly dirHash: string;
  /** SHA-256 of the manifest bundle's bytes. */
  readonly manifest: string;
  readonly purpose: string | undefined;
  readonly owner: string | undefined;
  readonly licence: string | undefined;
  readonly justification: string | undefined;
  /** Id of the workspace it was pushed from. */
  readonly workspace: string | undefined;
}

const MAGIC = Buffer.from("CLSEAL1\n", "latin1");
/** What stands before the parts. */
export const SEAL_MAGIC_BYTES = MAGIC.length;
const PARTS = ["header", "manifest", "tree"] as const;
export type PartName = (typeof PARTS)[number];

/** Size and SHA-256 of each sealed part; stands in the signed version record, so that each can be read alone. */
export type SealParts = Readonly<Record<PartName, { readonly bytes: number; readonly sha256: string }>>;

/** What means something else in a reference is no label: a listing must not show another version as `v3`. */
const LABEL = /^(?!latest$|v[1-9]\d{0,7}$)[a-z0-9][a-z0-9._-]{0,127}$/;
const HEADER_BYTES_MAX = 64 * 1024;

const KINDS: readonly ArtifactKind[] = ["dataset", "model", "code", "report"];

/**
 * The seal object: magic, then the sealed header, manifest and tree. Header and manifest are under the metadata key,
 * the tree under the data key: later, approvers can be shown what they approve without being able to read it.
 */
export function encodeSeal(
  keys: { readonly metadata: Uint8Array; readonly data: Uint8Array },
  context: SealContext,
  parts: { readonly header: Header; readonly manifest: Uint8Array; readonly tree: Uint8Array },
): { readonly object: readonly Uint8Array[]; readonly parts: SealParts } {
  const plain = canonicalBytes({ v: 1, ...parts.header });
  const header = sealBlob(keys.metadata, contextOf(context, "header"), pad(plain));
  const manifest = sealBlob(keys.metadata, contextOf(context, "manifest"), pad(parts.manifest));
  const tree = sealBlob(keys.data, contextOf(context, "tree"), pad(parts.tree));
  const described = { header: describe(header), manifest: describe(manifest), tree: describe(tree) };
  return { object: [MAGIC, header, manifest, tree], parts: described };
}

function describe(part: Uint8Array): { bytes: number; sha256: string } {
  return { bytes: part.length, sha256: sha256Hex(part) };
}

/** Fetches one part and opens it. @throws CloisterError INTEGRITY where it is missing or not what was signed */
export async function readPart(
  store: Store,
  object: string,
  part: { readonly name: PartName; readonly of: SealParts },
  key: Uint8Array,
  context: SealContext,
): Promise<Buffer> {
  const { bytes, sha256 } = part.of[part.name];
  let from = MAGIC.length;
  for (const name of PARTS.slice(0, PARTS.indexOf(part.name))) from += part.of[name].bytes;
  const sealed = await store.range(object, from, bytes);
  if (!sealed) throw integrity(`the sealed ${part.name} is missing from the store`);
  if (sealed.length !== bytes || sha256Hex(sealed) !== sha256) throw integrity(`the sealed ${part.name} was changed`);
  return unpad(openBlob(key, contextOf(context, part.name), sealed, `sealed ${part.name}`), `sealed ${part.name}`);
}

/** @throws CloisterError INTEGRITY */
export function decodeHeader(bytes: Uint8Array): Header {
  const fields = new Fields(parseCanonical(bytes, "header", HEADER_BYTES_MAX), "header");
  if (fields.integer("v") !== 1) throw integrity("unknown version of a header");
  const optional = (key: string, pattern?: RegExp) => (fields.has(key) ? fields.string(key, pattern) : undefined);
  const header: Header = {
    name: fields.string("name", NAME),
    label: optional("label", LABEL),
    kind: kindOf(fields.string("kind")),
    files: fields.integer("files", 1),
    bytes: fields.integer("bytes"),
    dirHash: fields.string("dirHash", SHA256),
    manifest: fields.string("manifest", SHA256),
    purpose: optional("purpose"),
    owner: optional("owner"),
    licence: optional("licence"),
    justification: optional("justification"),
    workspace: optional("workspace", ID),
  };
  fields.end();
  return header;
}

function kindOf(text: string): ArtifactKind {
  const kind = KINDS.find((known) => known === text);
  if (!kind) throw integrity("malformed header", { why: "its kind is unknown" });
  return kind;
}

function contextOf(context: SealContext, object: string): Json {
  const { project, domain, class: klass, epoch, nameId, number } = context;
  return { object, project, domain, class: klass, epoch, nameId, number };
}
