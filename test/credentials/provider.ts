// The oidc-provider package on loopback, with one person in front of it who says yes to everything.
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";
import { inSeconds, jwkOf, type SigningKey, signingKey, signToken } from "./tokens.ts";

/** Who logs in next, and what the provider will say of how they did. */
export interface Person {
  sub: string;
  amr: readonly string[] | undefined;
  acr: string | undefined;
  /** Seconds since the person really proved who they are. */
  agoS: number;
  /** Says no instead. */
  declines: boolean;
}

export interface TestProvider {
  readonly issuer: string;
  readonly person: Person;
  /** Paths that were asked for, in order. */
  readonly seen: string[];
  /** Lifetime of ID tokens in seconds, from the next on. */
  idTokenS: number;
  /** An ID token such as a CI system gets, with some claims replaced. */
  machineToken(claims?: object): string;
  close(): Promise<void>;
}

export const CLIENT = "cloister";
/** The one `acr` it knows. */
const MFA_ACR = "https://refeds.org/profile/mfa";
const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

function configuration(key: SigningKey, state: { readonly idTokenS: number }): object {
  return {
    clients: [
      {
        client_id: CLIENT,
        application_type: "native",
        token_endpoint_auth_method: "none",
        redirect_uris: ["http://127.0.0.1/callback"],
        response_types: ["code"],
        grant_types: ["authorization_code", "refresh_token", DEVICE_GRANT],
      },
    ],
    jwks: { keys: [jwkOf(key, "private")] },
    cookies: { keys: [randomUUID()] },
    acrValues: [MFA_ACR],
    claims: { openid: ["sub", "amr", "acr", "auth_time"] },
    findAccount: (_: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { url: (_: unknown, { uid }: { readonly uid: string }) => `/interaction/${uid}` },
    features: { devInteractions: { enabled: false }, deviceFlow: { enabled: true }, revocation: { enabled: true } },
    rotateRefreshToken: true,
    pkce: { required: () => true },
    ttl: { IdToken: () => state.idTokenS, AccessToken: 600, Session: 3600, Grant: 3600, Interaction: 600 },
    expiresWithSession: () => false,
  };
}

/** Starts it, on a random port unless one is given. */
export async function startProvider(port = 0): Promise<TestProvider> {
  const person: Person = { sub: "00u1ana", amr: ["pwd"], acr: undefined, agoS: 0, declines: false };
  const seen: string[] = [];
  const server = createServer();
  await new Promise<void>((ready) => server.listen(port, "127.0.0.1", ready));
  const issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const key = signingKey();
  const state = {
    issuer,
    person,
    seen,
    idTokenS: 600,
    machineToken: (claims = {}) =>
      signToken(key, { iss: issuer, sub: "00u1ana", aud: CLIENT, iat: inSeconds(0), exp: inSeconds(300), ...claims }),
    close: () =>
      new Promise<void>((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
  const provider = new Provider(issuer, configuration(key, state));
  const answer = provider.callback();
  server.on("request", (request, response) => {
    seen.push(`${request.method ?? ""} ${(request.url ?? "").replace(/\?.*/, "")}`);
    if (request.url?.startsWith("/interaction/")) void interact(provider, person, request, response);
    else answer(request, response);
  });
  return state;
}

async function interact(provider: Provider, person: Person, request: IncomingMessage, response: ServerResponse) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (person.declines) {
    return provider.interactionFinished(request, response, {
      error: "access_denied",
      error_description: "the person said no",
    });
  }
  if (prompt.name === "login") {
    const { sub, amr, acr, agoS } = person;
    const login = { accountId: sub, amr, acr, ts: Math.floor(Date.now() / 1000) - agoS };
    return provider.interactionFinished(request, response, { login });
  }
  const grant = new provider.Grant({ accountId: session?.accountId, clientId: params.client_id });
  grant.addOIDCScope("openid offline_access");
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}
