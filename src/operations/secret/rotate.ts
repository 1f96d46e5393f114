// Rotation: a secret gets a new value, from its owner or from a hook that changes it where it is used.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { CloisterError, integrity } from "../../base/errors.ts";
import { valueFrom } from "../../base/value-text.ts";
import { begin, permit, wouldPermit } from "../guard.ts";
import { readLocal, writeLocal } from "../local-file.ts";
import type { Session } from "../session.ts";
import type { RotateSecretOptions, SecretChanged } from "../types.ts";
import { runHook } from "./hook.ts";
import { takeOut } from "./lease.ts";
import { requireSecret } from "./list.ts";
import { openValue, readSecret, SECRET_BYTES_MAX } from "./record.ts";
import { currentOf, placeOfSecret, type SecretPlace } from "./secrets.ts";
import {
  askOf,
  checkNote,
  checkValue,
  checkVariable,
  closing,
  lastStep,
  planned,
  referenceTo,
  type SecretDraft,
  store,
} from "./write.ts";

/**
 * Gives a secret a new value. What is not said anew (variable, note, interval) stays.
 * @throws CloisterError NOT_FOUND, POLICY_DENIED (logged), USAGE, FAILURE (the hook), UNAVAILABLE, INTERRUPTED
 */
export async function rotateSecret(session: Session, options: RotateSecretOptions): Promise<SecretChanged> {
  await session.sync();
  const place = await placeOfSecret(session, options.name, options.domain);
  const draft = await draftOf(session, place, options);
  const ask = await askOf(session, draft, "rotate");
  if (options.dryRun) {
    await wouldPermit(session, ask);
    return planned(session, draft);
  }
  await permit(session, ask);
  const { value } = options;
  if (typeof value === "object") return rotateByHook(session, draft, value, options);
  const given = checkValue(value === "kept" ? await keptValue(session, place) : await value());
  const rotated = await store(session, draft, await begin(session, ask), given);
  await forget(session, place);
  return rotated;
}

/** The secret as it is, with what is said anew. What cannot be read of it must be said again. */
async function draftOf(session: Session, place: SecretPlace, options: RotateSecretOptions): Promise<SecretDraft> {
  const after = lastStep(session, place);
  if (after?.digest === undefined) throw unknown(place);
  const { judged } = await currentOf(session, place);
  const current = judged.kind === "accepted" ? judged.secret : undefined;
  if (!current) {
    session.host.notice("variable and note of this secret cannot be read here: those not given now are lost");
  }
  const { env = current?.metadata.env, note = current?.metadata.note, purpose, justification } = options;
  return {
    place,
    class: after.class,
    after,
    metadata: { name: place.name, env: checkVariable(env), note: checkNote(note), purpose, justification },
    rotateMs: options.rotateMs ?? (current?.logged ?? after).rotateMs,
  };
}

function unknown(place: SecretPlace): CloisterError {
  return new CloisterError("NOT_FOUND", `there is no secret ${referenceTo(place)}`, {
    next: `cloister secret set ${referenceTo(place)}`,
  });
}

/**
 * The hook may have changed a password the moment it ends: from then on its new value must not be lost. So it is decided and
 * the intent logged before, and the sealed record is kept on this device until the log has it.
 */
async function rotateByHook(
  session: Session,
  draft: SecretDraft,
  hook: { readonly hook: readonly string[]; readonly timeoutMs: number },
  { purpose, justification }: RotateSecretOptions,
): Promise<SecretChanged> {
  const { place } = draft;
  const path = keptPath(session, place);
  if (await readLocal(path, SECRET_BYTES_MAX)) throw keptAlready(place);
  await checkRoom(path);
  const secret = await requireSecret(session, place);
  const { value: old } = await takeOut(session, secret, { to: "hook", purpose, justification });
  const operation = await begin(session, await askOf(session, draft, "rotate"));
  const value = await closing(operation, async () => {
    const printed = checkValue(valueFrom(await runHook(session.host, hook, old)));
    if (!old.equals(printed)) return printed;
    throw new CloisterError("FAILURE", "the rotation hook printed the old value", { why: "nothing was rotated" });
  });
  try {
    const rotated = await store(session, draft, operation, value, (record) => writeLocal(path, record));
    await forget(session, place);
    return rotated;
  } catch (error) {
    if (error instanceof CloisterError && (await readLocal(path, SECRET_BYTES_MAX))) throw kept(error, place);
    throw error;
  }
}

/** That this device can keep a record there, as long as nothing is lost if it cannot. @throws CloisterError FAILURE */
async function checkRoom(path: string): Promise<void> {
  const trial = `${path}.trial`;
  await writeLocal(trial, Buffer.alloc(SECRET_BYTES_MAX));
  await rm(trial, { force: true });
}

function keptAlready(place: SecretPlace): CloisterError {
  return new CloisterError("USAGE", `a new value of ${referenceTo(place)} waits on this device`, {
    why: "a hook gave it, and it never reached the store",
    next: `cloister secret rotate ${referenceTo(place)} --kept, or give another value by hand`,
  });
}

function kept({ code, message, why }: CloisterError, place: SecretPlace): CloisterError {
  return new CloisterError(code, message, {
    why: `${why === undefined ? "" : `${why}; `}the hook's new value is kept on this device, sealed`,
    next: `cloister secret rotate ${referenceTo(place)} --kept`,
  });
}

/** The value that waits on this device. @throws CloisterError NOT_FOUND, NOT_AUTHENTICATED, INTEGRITY */
async function keptValue(session: Session, place: SecretPlace): Promise<Buffer> {
  const bytes = await readLocal(keptPath(session, place), SECRET_BYTES_MAX);
  if (!bytes) {
    throw new CloisterError("NOT_FOUND", `no value of ${referenceTo(place)} waits on this device`, {
      next: `cloister secret rotate ${referenceTo(place)}`,
    });
  }
  const { record } = readSecret(bytes);
  if (record.secretId !== place.secretId) throw integrity("the kept value is of another secret");
  const key = await session.keys.secret(record, record.epoch);
  if (key === undefined) {
    throw new CloisterError("NOT_AUTHENTICATED", "the kept value cannot be opened", {
      why: `you hold no key of class ${record.class} in domain ${record.domain}`,
    });
  }
  return openValue(key, record);
}

function keptPath({ places, config }: Session, { secretId }: SecretPlace): string {
  return join(places.state, config.project, "secrets", secretId);
}

async function forget(session: Session, place: SecretPlace): Promise<void> {
  await rm(keptPath(session, place), { force: true });
}
