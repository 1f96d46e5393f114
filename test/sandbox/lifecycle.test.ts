import { expect, test } from "vitest";
import { lives } from "./contract/lives.ts";
import { BUBBLEWRAP } from "./here.ts";

lives(BUBBLEWRAP);

test("bubblewrap says what it enforces and what it does not", () => {
  const { driver, enforced, notEnforced } = BUBBLEWRAP.make().describe();
  expect(driver).toBe("bubblewrap");
  expect(enforced.join("\n")).toMatch(/no network/);
  expect(notEnforced.join("\n")).toMatch(/memory and CPU/);
});
