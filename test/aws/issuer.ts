// An OpenID issuer on loopback whose keys come with a certificate, which is how radosgw trusts them.
import { execFileSync } from "node:child_process";
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, SignJWT } from "jose";

export interface Issuer {
  readonly url: string;
  /** Hex SHA-1 of its certificate, as IAM wants it. */
  readonly thumbprint: string;
  /** A token; `key` is another's for a forged one. */
  token(
    claims: { readonly sub: string; readonly aud: string; readonly lifeS?: number },
    key?: KeyObject,
  ): Promise<string>;
  close(): Promise<void>;
}

/** A key with a certificate of its own. */
export function newKey(): { readonly key: KeyObject; readonly certificate: X509Certificate } {
  const folder = mkdtempSync(join(tmpdir(), "cloister-issuer-"));
  try {
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
    const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"];
    execFileSync("openssl", [...args, "-keyout", key, "-out", certificate], { stdio: "ignore" });
    return { key: createPrivateKey(readFileSync(key)), certificate: new X509Certificate(readFileSync(certificate)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function startIssuer(): Promise<Issuer> {
  const { key, certificate } = newKey();
  const jwk = await exportJWK(certificate.publicKey);
  const keys = [{ ...jwk, kid: "one", use: "sig", alg: "RS256", x5c: [certificate.raw.toString("base64")] }];
  const server = createServer((request, response) => {
    const discovery = request.url?.endsWith("/.well-known/openid-configuration");
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(discovery ? { issuer: url, jwks_uri: `${url}/certs` } : { keys }));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  return {
    url,
    thumbprint: certificate.fingerprint.replaceAll(":", ""),
    token: ({ sub, aud, lifeS = 600 }, signer = key) => {
      const now = Math.floor(Date.now() / 1000);
      const claims = new SignJWT({}).setProtectedHeader({ alg: "RS256", kid: "one", typ: "JWT" }).setIssuer(url);
      return claims
        .setSubject(sub)
        .setAudience(aud)
        .setIssuedAt(now - 700)
        .setExpirationTime(now + lifeS)
        .sign(signer);
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
