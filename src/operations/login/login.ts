// Logging in at the provider that the policy names, as the member that this device belongs to.
import { resolve } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError } from "../../base/errors.ts";
import type { LoginWish } from "../../credentials/login-wish.ts";
import type { LoginSettings, Tokens } from "../../credentials/openid.ts";
import { tookTwoFactors } from "../../credentials/second-factor.ts";
import type { Member, Policy } from "../../policy/schema.ts";
import { readLocal } from "../local-file.ts";
import type { Session } from "../session.ts";
import type { LoggedIn, LoggedOut, LoginOptions } from "../types.ts";
import { forgetLogin, keepLogin, type LoginRecord, readLogin, readTokens } from "./record.ts";
import { summaryOf } from "./state.ts";

const TOKEN_FILE_BYTES_MAX = 64 * 1024;

/**
 * Logs in and keeps the tokens. Settings come from the policy in force, and who the person is from its `oidc:` entries.
 * @throws CloisterError USAGE where the policy has no login; NOT_AUTHENTICATED where the login fails or is somebody
 * else's; INTEGRITY, UNAVAILABLE, INTERRUPTED
 */
export async function login(session: Session, options: LoginOptions): Promise<LoggedIn> {
  await session.sync();
  const { policy } = (await session.policy()).compiled;
  const settings = settingsOf(policy);
  const me = await session.me();
  const tokens = await askProvider(session, settings, options, wishOf(policy, options));
  const { claims } = tokens;
  checkPerson(policy, me, claims);
  if (options.secondFactor) checkSecondFactor(claims);
  const record: LoginRecord = {
    ...claims,
    client: settings.client,
    loggedInAtMs: session.host.now(),
    renewable: tokens.refreshToken !== undefined,
    evidence: sha256Hex(tokens.idToken),
  };
  const storage = await keepLogin(session, record, tokens);
  return { project: policy.project, member: me.id, audience: claims.audience, storage, ...summaryOf(record) };
}

/** Forgets the login here, and at the provider where it can be told. Forgets also where the provider does not answer. */
export async function logout(session: Session): Promise<LoggedOut> {
  await session.sync();
  const { policy } = (await session.policy()).compiled;
  const record = await readLogin(session, policy, await session.me());
  let revoked = false;
  try {
    revoked = record?.renewable === true && (await revoke(session, settingsOf(policy)));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    session.host.notice(`the provider was not told, so what it gave out lives on until it ends there: ${why}`);
  }
  return { forgotten: await forgetLogin(session), revoked };
}

async function revoke(session: Session, settings: LoginSettings): Promise<boolean> {
  const { refreshToken } = (await readTokens(session)) ?? {};
  if (refreshToken === undefined) return false;
  const { revokeToken } = await import("../../credentials/renewal.ts");
  return revokeToken(settings, refreshToken, session.host.signal);
}

/** The policy's login. @throws CloisterError USAGE where it has none */
export function settingsOf({ login: settings }: Pick<Policy, "login">): LoginSettings {
  if (settings) return settings;
  throw new CloisterError("USAGE", "nobody has to log in to this project", {
    why: "its policy names no OpenID provider",
    next: "where you need one, an owner adds: login: { issuer: https://…, client: … }",
  });
}

/** A login that is older than any rule accepts would be of no use. */
function wishOf(policy: Policy, { secondFactor = false }: LoginOptions): LoginWish {
  const within = policy.mfaWithin.map(({ withinMs }) => withinMs);
  return { secondFactor, maxAgeMs: within.length > 0 ? Math.max(...within) : undefined };
}

async function askProvider(
  { host }: Session,
  settings: LoginSettings,
  { way, tokenFile, show }: LoginOptions,
  wish: LoginWish,
): Promise<Tokens> {
  if (way === "token-file") {
    const text = await readTokenFile(resolve(host.cwd, tokenFile ?? ""));
    return (await import("../../credentials/token-login.ts")).loginWithToken(settings, text, host.signal);
  }
  if (way === "device") {
    const { loginWithDevice } = await import("../../credentials/device-login.ts");
    return loginWithDevice(settings, wish, (code) => show({ way, ...code }), host.signal);
  }
  const { loginWithBrowser } = await import("../../credentials/browser-login.ts");
  return loginWithBrowser(settings, wish, (url) => show({ way, url }), host.signal);
}

async function readTokenFile(path: string): Promise<string> {
  const bytes = await readLocal(path, TOKEN_FILE_BYTES_MAX);
  if (bytes) return bytes.toString("utf8");
  throw new CloisterError("USAGE", `there is no token file ${path}`, { next: "cloister login --token-file FILE" });
}

/** By issuer and subject, never by an e-mail address, which can change hands. */
function checkPerson(policy: Policy, me: Member, { issuer, sub }: Tokens["claims"]): void {
  const person = policy.members.find(({ oidc }) => oidc?.issuer === issuer && oidc.sub === sub);
  if (person?.id === me.id) return;
  if (person) {
    throw new CloisterError("NOT_AUTHENTICATED", `this login is ${person.id}'s, but this device is ${me.id}'s`, {
      why: `the policy says that ${person.id} is subject ${sub} at ${issuer}`,
      next: `log in as ${me.id}, or use a device of ${person.id}`,
    });
  }
  const add = `oidc: { issuer: ${issuer}, sub: ${JSON.stringify(sub)} }`;
  throw new CloisterError("NOT_AUTHENTICATED", `the policy does not know this login as ${me.id}'s`, {
    why: me.oidc ? `you logged in as subject ${sub}, and ${me.id} is ${me.oidc.sub}` : `${me.id} has no oidc: there`,
    next: me.oidc ? `log in as ${me.id}` : `send this to an owner, who adds it to members.${me.id}:  ${add}`,
  });
}

function checkSecondFactor(claims: Tokens["claims"]): void {
  if (tookTwoFactors(claims) && claims.authTimeMs !== undefined) return;
  const said = claims.amr.length > 0 ? `amr ${claims.amr.join(", ")}` : "nothing";
  throw new CloisterError("NOT_AUTHENTICATED", "the login took no second factor", {
    why: `of how and when you logged in, ${claims.issuer} says ${said}${claims.authTimeMs === undefined ? ", and no auth_time" : ""}`,
    next: "set up a second factor there, then: cloister login --mfa",
  });
}
