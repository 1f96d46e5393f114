import { expect, test } from "vitest";
import { tookTwoFactors } from "../../src/credentials/second-factor.ts";

test.each<readonly [readonly string[], string | undefined, boolean]>([
  [[], undefined, false],
  [["pwd"], undefined, false],
  [["otp"], undefined, false],
  [["mfa"], undefined, true],
  [["pwd", "otp"], undefined, true],
  [["hwk", "pin"], undefined, true],
  [["hwk", "fpt"], undefined, true],
  [["pwd", "kba"], undefined, false],
  [["otp", "sms", "hwk"], undefined, false],
  [["pwd", "geo", "rba", "user", "wia", "mca"], undefined, false],
  [["pwd", "constructor", "__proto__"], undefined, false],
  [["MFA"], undefined, false],
  [["pwd"], "https://refeds.org/profile/mfa", true],
  [["pwd"], "https://refeds.org/profile/sfa", false],
  [["pwd"], "2", false],
])("amr %j with acr %s: %s", (amr, acr, expected) => {
  expect(tookTwoFactors({ amr, acr })).toBe(expected);
});
