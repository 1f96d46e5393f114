// Logging in at the oidc-provider package.
import { afterAll, beforeAll, expect, test } from "vitest";
import { loginWithBrowser } from "../../src/credentials/browser-login.ts";
import { loginWithDevice } from "../../src/credentials/device-login.ts";
import { renewTokens, revokeToken } from "../../src/credentials/renewal.ts";
import { loginWithToken } from "../../src/credentials/token-login.ts";
import { CLIENT, startProvider, type TestProvider } from "./provider.ts";
import { WebBrowser } from "./web-browser.ts";

let provider: TestProvider;
const { signal } = new AbortController();
const nothing = { maxAgeMs: undefined, secondFactor: false };

beforeAll(async () => {
  provider = await startProvider();
});
afterAll(() => provider.close());

const settings = () => ({ issuer: provider.issuer, client: CLIENT, audience: undefined });

test("browser", async () => {
  const tokens = await loginWithBrowser(
    settings(),
    nothing,
    (url) => void new WebBrowser().open(url).then(console.log),
    signal,
  );
  console.log(tokens);
  expect(tokens.claims.sub).toBe("00u1ana");
  const again = await renewTokens(settings(), tokens.refreshToken ?? "", "00u1ana", signal);
  console.log(again);
  console.log(await loginWithToken(settings(), again.idToken, signal));
  console.log(await revokeToken(settings(), again.refreshToken ?? "", signal));
  await expect(renewTokens(settings(), again.refreshToken ?? "", "00u1ana", signal)).rejects.toThrow("x");
});
test("device", async () => {
  const tokens = await loginWithDevice(
    settings(),
    { ...nothing, secondFactor: true },
    (code) => {
      console.log(code);
      void new WebBrowser().confirmDevice(code.completeUrl ?? "").then(console.log);
    },
    signal,
  );
  console.log(tokens);
});
