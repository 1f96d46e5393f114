import { describe, expect, it } from "vitest";
import { browserCommand } from "../../src/cli/browser.ts";
import type { LoggedIn, LoginOptions, LoginPlace, LoginState, Status } from "../../src/index.ts";
import { cloister, type Setting } from "./fake.ts";

const done: LoggedIn = {
  project: "churn",
  member: "bo",
  issuer: "https://login.acme.example",
  sub: "00u1bo",
  audience: ["cloister"],
  loggedInAt: "2026-03-01T10:00:00.000Z",
  expiresAt: "2026-03-01T11:00:00.000Z",
  renewable: true,
  secondFactor: true,
  authenticatedAt: "2026-03-01T09:50:00.000Z",
  amr: ["pwd", "otp"],
  acr: undefined,
  storage: "the desktop keyring (Secret Service)",
};

function logging(place: LoginPlace, setting: Setting = {}) {
  const seen: { options?: LoginOptions } = {};
  const login = async (options: LoginOptions) => {
    seen.options = options;
    options.show(place);
    return done;
  };
  return { seen, setting: { ...setting, project: { login } } };
}

const browser: LoginPlace = { way: "browser", url: "https://login.acme.example/auth?state=s" };
const device: LoginPlace = {
  way: "device",
  url: "https://login.acme.example/device",
  code: "AB\u001b[2J-CD",
  completeUrl: undefined,
};

describe("login", () => {
  it("prints where to go on standard error, harmlessly, and the result on standard output", async () => {
    const { seen, setting } = logging(device);
    const { exit, out, err } = await cloister(["login", "--device", "--mfa"], setting);
    expect(exit).toBe(0);
    expect(seen.options).toMatchObject({ way: "device", secondFactor: true, tokenFile: undefined });
    expect(err).toContain("\n  open  https://login.acme.example/device\n  code  AB\\u{1b}[2J-CD\n");
    expect(out).toContain("✓ logged in to churn as bo\n");
    expect(out).toContain("token\tuntil 2026-03-01 11:00 UTC, renewed without asking\n");
    expect(out).toContain("second factor\tpwd, otp, at 2026-03-01 09:50 UTC\n");
  });

  it("gives a program one line of JSON, also with --quiet", async () => {
    const { setting } = logging(browser);
    const { out, err } = await cloister(["login", "--no-browser", "--json", "--quiet"], setting);
    expect(JSON.parse(err)).toEqual({ login: browser });
    expect(JSON.parse(out)).toMatchObject({ schema: "cloister/login@1", member: "bo" });
  });

  it("takes the token file of a CI system, unless a flag says otherwise", async () => {
    const env = { CLOISTER_TOKEN_FILE: "/run/token" };
    const way = async (...flags: readonly string[]) => {
      const { seen, setting } = logging(browser, { env });
      await cloister(["login", ...flags], setting);
      return [seen.options?.way, seen.options?.tokenFile];
    };
    expect(await way()).toEqual(["token-file", "/run/token"]);
    expect(await way("--token-file", "t")).toEqual(["token-file", "t"]);
    expect(await way("--device")).toEqual(["device", undefined]);
    expect(await way("--no-browser")).toEqual(["browser", undefined]);
  });

  it("refuses what contradicts itself, and waits for nobody off a terminal", async () => {
    const { seen, setting } = logging(browser);
    for (const args of [["login", "--device", "--token-file", "t"], ["login"], ["login", "--mfa"]]) {
      expect((await cloister(args, setting)).exit, args.join(" ")).toBe(2);
    }
    expect(seen.options).toBeUndefined();
    // On a terminal somebody can be asked; without a screen the address is printed.
    expect((await cloister(["login"], { ...setting, answers: {} })).err).toContain("login.acme.example/auth");
  });

  it("opens a browser only where there is a screen", () => {
    expect(browserCommand("linux", {})).toBeUndefined();
    expect(browserCommand("linux", { DISPLAY: ":0" })).toEqual(["xdg-open"]);
    expect(browserCommand("linux", { WAYLAND_DISPLAY: "wayland-0" })).toEqual(["xdg-open"]);
    expect(browserCommand("linux", { DISPLAY: "localhost:10", SSH_CONNECTION: "1" })).toBeUndefined();
    expect(browserCommand("darwin", {})).toEqual(["open"]);
    expect(browserCommand("win32", {})).toEqual(["rundll32", "url.dll,FileProtocolHandler"]);
  });
});

describe("the login in status", () => {
  const { project: _p, member: _m, audience: _a, storage: _s, ...summary } = done;
  const now = Date.parse("2026-03-01T10:05:00.000Z");
  it.each<readonly [LoginState | undefined, string | undefined]>([
    [undefined, undefined],
    [{ state: "none", issuer: done.issuer }, "not logged in (cloister login)"],
    [{ state: "valid", ...summary }, "00u1bo, 5 min ago, valid until 2026-03-01 11:00 UTC, second factor 15 min ago"],
    [{ state: "renewable", ...summary, secondFactor: false }, "00u1bo, 5 min ago, is renewed when needed"],
    [{ state: "expired", ...summary, expiresAt: "2026-03-01T10:03:00.000Z" }, "expired 2 min ago (cloister login)"],
  ])("%j", async (login, expected) => {
    const state = { roles: [], workspaces: [], warnings: [], localFile: "same", login } as unknown as Status;
    const { out } = await cloister(["status"], { project: { status: async () => state }, now: () => now });
    expect(/^login\t(.*)$/m.exec(out)?.[1]).toBe(expected);
  });
});
