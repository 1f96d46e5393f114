// A provider that speaks OpenID Connect as far as a login needs it, and misbehaves in exactly one way at a time.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CLIENT } from "./provider.ts";
import { inSeconds, jwkOf, type SigningKey, signingKey, signToken } from "./tokens.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface Misbehaviour {
  /** Claims that replace the honest ones; undefined ones are left out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: object;
  /** Signs with another key than it publishes. */
  readonly key?: SigningKey;
  /** The token as it leaves. */
  readonly token?: (honest: string) => string;
  /** Members that replace those of the discovery document. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Answers to single paths. */
  readonly at?: Readonly<Record<string, Handler>>;
  /** Parameters of the way back that are replaced. */
  readonly back?: Readonly<Record<string, string>>;
}

export interface HostileProvider {
  readonly issuer: string;
  readonly key: SigningKey;
  does: Misbehaviour;
  close(): Promise<void>;
}

export async function startHostileProvider(): Promise<HostileProvider> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const key = signingKey();
  const state: HostileProvider = {
    issuer,
    key,
    does: {},
    close: () =>
      new Promise<void>((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
  let nonce: string | null = null;
  const honest: Record<string, Handler> = {
    "/.well-known/openid-configuration": (_, response) =>
      json(response, {
        issuer,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        revocation_endpoint: `${issuer}/revoke`,
        device_authorization_endpoint: `${issuer}/device`,
        id_token_signing_alg_values_supported: ["RS256"],
        ...state.does.metadata,
      }),
    "/jwks": (_, response) => json(response, { keys: [jwkOf(key, "public")] }),
    "/auth": (request, response) => {
      const asked = new URL(request.url ?? "", issuer).searchParams;
      nonce = asked.get("nonce");
      const back = { code: "code", state: asked.get("state") ?? "", ...state.does.back };
      const location = `${asked.get("redirect_uri") ?? ""}?${new URLSearchParams(back).toString()}`;
      response.writeHead(303, { location }).end();
    },
    "/token": (_, response) => {
      const now = { iat: inSeconds(0), exp: inSeconds(300), auth_time: inSeconds(0) };
      const claims = {
        iss: issuer,
        sub: "00u1ana",
        aud: CLIENT,
        nonce: nonce ?? undefined,
        ...now,
        ...state.does.claims,
      };
      const token = signToken(state.does.key ?? key, claims, state.does.header);
      const id_token = state.does.token?.(token) ?? token;
      json(response, { access_token: "a", token_type: "bearer", refresh_token: "r", id_token });
    },
    "/revoke": (_, response) => void response.writeHead(200).end(),
    "/device": (_, response) =>
      json(response, {
        device_code: "d",
        user_code: "AB-CD",
        verification_uri: `${issuer}/here`,
        expires_in: 600,
        interval: 1,
      }),
  };
  server.on("request", (request, response) => {
    const path = (request.url ?? "").replace(/\?.*/, "");
    const handler = state.does.at?.[path] ?? honest[path];
    if (handler) handler(request, response);
    else response.writeHead(404).end();
  });
  return state;
}

export function json(response: ServerResponse, value: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}
