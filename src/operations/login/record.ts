// What this device keeps of a login. The record holds nothing secret and is read without unlocking anything; the tokens
// lie where the identity does.
import { join } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import { canonicalBytes, canonicalJson, parseCanonical } from "../../base/json.ts";
import { Fields, SHA256 } from "../../base/record.ts";
import type { LoginClaims } from "../../credentials/login-claims.ts";
import type { DeviceSecrets } from "../../keys/device-secrets.ts";
import { deviceIdOf } from "../../keys/identity.ts";
import { readPrivateFile, removeFile, writePrivateFile } from "../../keys/private-file.ts";
import type { Member, Policy } from "../../policy/schema.ts";
import { identityPlaces } from "../places.ts";
import type { Session } from "../session.ts";

const RECORD_BYTES_MAX = 32 * 1024;
const SECRET_BYTES_MAX = 128 * 1024;

/** Times in ms since 1970. */
export interface LoginRecord extends LoginClaims {
  /** Client id it was made with. */
  readonly client: string;
  readonly loggedInAtMs: number;
  /** Whether a refresh token is kept. */
  readonly renewable: boolean;
  /** Hex SHA-256 of the ID token that the person's own login gave; what renews it later says nothing new of the person. */
  readonly evidence: string;
}

/** The secret half. */
export interface LoginSecrets {
  readonly idToken: string;
  readonly refreshToken: string | undefined;
}

/**
 * The login of this device in this project, where the policy still says that its person is this member; what another policy
 * let in counts no longer.
 * @throws CloisterError FAILURE where other users could change the record, NOT_AUTHENTICATED where it is damaged
 */
export async function readLogin(
  session: Session,
  { login }: Pick<Policy, "login">,
  me: Member,
): Promise<LoginRecord | undefined> {
  if (!login || me.oidc?.issuer !== login.issuer) return undefined;
  const file = recordFile(session);
  const bytes = await readPrivateFile(file, RECORD_BYTES_MAX);
  const record = bytes && parseRecord(bytes, file);
  const same = record?.issuer === login.issuer && record.client === login.client && record.sub === me.oidc.sub;
  return same ? record : undefined;
}

/** Keeps a login; the tokens first, so that no record stands for tokens that are not there. Says where, in words. */
export async function keepLogin(
  session: Session,
  record: LoginRecord,
  { idToken, refreshToken }: LoginSecrets,
): Promise<string> {
  const secrets = await secretsOf(session);
  await secrets.set(await accountOf(session), canonicalJson({ idToken, refreshToken }));
  const { issuer, sub, audience, amr, acr, client, renewable, evidence } = record;
  const times = { expires: record.expiresAtMs, loggedIn: record.loggedInAtMs, authenticated: record.authTimeMs };
  const text = { cloister: "login@1", issuer, sub, audience, amr, acr, client, renewable, evidence, ...times };
  await writePrivateFile(recordFile(session), canonicalBytes(text));
  return secrets.storage;
}

/** The tokens of a login, or undefined where they are gone. @throws CloisterError NOT_AUTHENTICATED */
export async function readTokens(session: Session): Promise<LoginSecrets | undefined> {
  const text = await (await secretsOf(session)).get(await accountOf(session));
  if (text === undefined) return undefined;
  const fields = new Fields(parseCanonical(Buffer.from(text, "utf8"), "login", SECRET_BYTES_MAX), "login");
  const idToken = fields.string("idToken");
  const refreshToken = fields.has("refreshToken") ? fields.string("refreshToken") : undefined;
  fields.end();
  return { idToken, refreshToken };
}

/** Removes both halves; false where there was no record. */
export async function forgetLogin(session: Session): Promise<boolean> {
  await (await secretsOf(session)).delete(await accountOf(session));
  return removeFile(recordFile(session));
}

/** File whose presence is a lock while tokens are being renewed. */
export function renewalLock(session: Session): string {
  return join(session.places.state, session.config.project, "login.lock");
}

function recordFile(session: Session): string {
  return join(session.places.config, `login-${session.config.project}.json`);
}

/** Devices and projects stand side by side in one keychain. */
async function accountOf(session: Session): Promise<string> {
  return `login-${deviceIdOf((await session.device()).reads)}-${session.config.project}`;
}

async function secretsOf(session: Session): Promise<DeviceSecrets> {
  const { deviceSecrets } = await import("../../keys/device-secrets.ts");
  return deviceSecrets(identityPlaces(session.host), "the login", session.identity);
}

function parseRecord(bytes: Uint8Array, file: string): LoginRecord {
  try {
    const fields = new Fields(parseCanonical(bytes, file, RECORD_BYTES_MAX), file);
    fields.string("cloister", /^login@1$/);
    const record = {
      issuer: fields.string("issuer"),
      sub: fields.string("sub"),
      audience: fields.strings("audience"),
      amr: fields.strings("amr"),
      acr: fields.has("acr") ? fields.string("acr") : undefined,
      client: fields.string("client"),
      renewable: fields.boolean("renewable"),
      evidence: fields.string("evidence", SHA256),
      expiresAtMs: fields.integer("expires"),
      loggedInAtMs: fields.integer("loggedIn"),
      authTimeMs: fields.has("authenticated") ? fields.integer("authenticated") : undefined,
    };
    fields.end();
    return record;
  } catch (cause) {
    const next = "cloister login";
    throw new CloisterError("NOT_AUTHENTICATED", `${file} cannot be read`, { why: "it is damaged", next, cause });
  }
}
