// What a login is good for now: for whoami and status, and as a fact for decisions.
import { tookTwoFactors } from "../../credentials/second-factor.ts";
import type { Login, Member, Policy } from "../../policy/schema.ts";
import type { Session } from "../session.ts";
import type { LoginState, LoginSummary } from "../types.ts";
import { type LoginRecord, readLogin } from "./record.ts";

/** A login that a clock sets this far ahead may have happened now: clocks of provider and store differ. */
const CLOCKS_DIFFER_MS = 60_000;

/** How the member stands with the provider. */
export async function loginState(session: Session, login: Login, me: Member | undefined): Promise<LoginState> {
  const record = me && (await readLogin(session, { login }, me));
  if (!record) return { state: "none", issuer: login.issuer };
  const state = session.host.now() < record.expiresAtMs ? "valid" : record.renewable ? "renewable" : "expired";
  return { state, ...summaryOf(record) };
}

export function summaryOf(record: LoginRecord): LoginSummary {
  const { issuer, sub, amr, acr, renewable, authTimeMs } = record;
  return {
    ...{ issuer, sub, amr, acr, renewable },
    loggedInAt: new Date(record.loggedInAtMs).toISOString(),
    expiresAt: new Date(record.expiresAtMs).toISOString(),
    secondFactor: tookTwoFactors(record),
    authenticatedAt: authTimeMs === undefined ? undefined : new Date(authTimeMs).toISOString(),
  };
}

/** A login with a second factor, and what the log is to say of where that is known from. */
export interface SecondFactor {
  readonly ageMs: number;
  readonly facts: { readonly loginAtMs: number; readonly loginToken: string };
  readonly sealed: { readonly login: string };
}

/**
 * The member's last login with a second factor. How long ago it was, and nothing else, decides: it is evidence of who sat
 * there, whether or not the token that came of it still lives.
 * @param now ms since 1970, by the store's clock
 */
export async function secondFactorOf(
  session: Session,
  policy: Pick<Policy, "login">,
  me: Member,
  now: number,
): Promise<SecondFactor | undefined> {
  const record = await readLogin(session, policy, me);
  if (record?.authTimeMs === undefined || !tookTwoFactors(record)) return undefined;
  const age = now - record.authTimeMs;
  const { issuer, sub, amr, acr } = record;
  return {
    ageMs: age < 0 && age >= -CLOCKS_DIFFER_MS ? 0 : age,
    facts: { loginAtMs: record.authTimeMs, loginToken: record.evidence },
    sealed: { login: `${sub} at ${issuer}, amr ${amr.join(" ") || "-"}, acr ${acr ?? "-"}` },
  };
}
