// The ID token of this device's login, renewed without a word while the provider lets it.
import { CloisterError } from "../../base/errors.ts";
import type { LoginSettings } from "../../credentials/openid.ts";
import { underLock } from "../process-lock.ts";
import type { Session } from "../session.ts";
import type { IdToken } from "../types.ts";
import { settingsOf } from "./login.ts";
import { keepLogin, type LoginRecord, readLogin, readTokens, renewalLock } from "./record.ts";

/** Whoever gets the token needs a moment to use it. */
const LEFT_MS = 60_000;
/** Discovery, key set and token endpoint have 10 s each. */
const OTHER_RENEWS_MS = 35_000;

/**
 * A token with at least a minute to live and the audience that the policy names, for whoever trusts the issuer
 * (AssumeRoleWithWebIdentity).
 * @throws CloisterError NOT_AUTHENTICATED naming `cloister login`; UNAVAILABLE where it cannot be renewed just now
 */
export async function currentIdToken(session: Session): Promise<IdToken> {
  await session.sync();
  const { policy } = (await session.policy()).compiled;
  const settings = settingsOf(policy);
  const me = await session.me();
  const read = () => readLogin(session, policy, me);
  const found = await read();
  if (!found) throw missing(`${me.id} has not logged in at ${settings.issuer} on this device`);
  const record = isFresh(session, found) ? found : await renewAlone(session, settings, read);
  const expected = settings.audience ?? settings.client;
  if (!record.audience.includes(expected)) {
    throw missing(`the token is for ${record.audience.join(", ")}, and the policy asks for ${expected}`);
  }
  const tokens = await readTokens(session);
  if (!tokens) throw missing("its tokens are gone from where this device keeps them");
  const { issuer, sub, audience, expiresAtMs } = record;
  return { token: tokens.idToken, issuer, sub, audience, expiresAtMs };
}

function isFresh({ host }: Session, record: LoginRecord): boolean {
  return record.expiresAtMs - host.now() >= LEFT_MS;
}

/** One process at a time: a provider that exchanges refresh tokens takes a second use of one for theft. */
async function renewAlone(
  session: Session,
  settings: LoginSettings,
  read: () => Promise<LoginRecord | undefined>,
): Promise<LoginRecord> {
  const { signal } = session.host;
  return await underLock(renewalLock(session), { waitMs: OTHER_RENEWS_MS, signal, busy: renewing }, async () => {
    // Whoever held the lock may have done it.
    const record = await read();
    if (!record) throw missing("somebody logged out");
    return isFresh(session, record) ? record : await renew(session, settings, record);
  });
}

function renewing(): CloisterError {
  return new CloisterError("UNAVAILABLE", "another command is renewing the login", { next: "try again" });
}

async function renew(session: Session, settings: LoginSettings, record: LoginRecord): Promise<LoginRecord> {
  const old = record.renewable ? await readTokens(session) : undefined;
  if (old?.refreshToken === undefined)
    throw missing("the login has expired, and the provider gave nothing to renew it");
  const { renewTokens } = await import("../../credentials/renewal.ts");
  try {
    const tokens = await renewTokens(settings, old.refreshToken, record.sub, session.host.signal);
    const { expiresAtMs, audience } = tokens.claims;
    // When and how the person logged in stays as it was (OpenID Connect Core, 12.2).
    const renewed = { ...record, expiresAtMs, audience };
    await keepLogin(session, renewed, { ...tokens, refreshToken: tokens.refreshToken ?? old.refreshToken });
    return renewed;
  } catch (error) {
    // The provider has ended it: asking again at every command would not change its mind.
    if (error instanceof CloisterError && error.code === "NOT_AUTHENTICATED") {
      await keepLogin(session, { ...record, renewable: false }, { idToken: old.idToken, refreshToken: undefined });
    }
    throw error;
  }
}

function missing(why: string): CloisterError {
  return new CloisterError("NOT_AUTHENTICATED", "you are not logged in", { why, next: "cloister login" });
}
