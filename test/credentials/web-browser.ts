// A browser as far as a login needs one: it keeps cookies, follows redirects and submits one form.

/** Cookies by name, for one host. */
export class WebBrowser {
  readonly #cookies = new Map<string, string>();

  /** Opens an address and follows where it leads. */
  async open(
    url: string,
    form?: URLSearchParams,
  ): Promise<{ readonly url: string; readonly status: number; readonly text: string }> {
    let [at, body] = [url, form];
    for (let hop = 0; hop < 20; hop++) {
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const method = body ? "POST" : "GET";
      const answer = await fetch(at, { method, body: body ?? null, redirect: "manual", headers: { cookie } });
      for (const line of answer.headers.getSetCookie()) {
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (value === "" || /expires=thu, 01 jan 1970/i.test(line)) this.#cookies.delete(name);
        else this.#cookies.set(name, value);
      }
      const next = answer.headers.get("location");
      if (next === null) return { url: at, status: answer.status, text: await answer.text() };
      await answer.body?.cancel();
      [at, body] = [new URL(next, at).href, undefined];
    }
    throw new Error(`${url} redirects for ever`);
  }

  /** Confirms a device code on the provider's page. */
  async confirmDevice(completeUrl: string): Promise<string> {
    const { url, text } = await this.open(completeUrl);
    const value = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? "";
    const form = new URLSearchParams({ xsrf: value("xsrf"), user_code: value("user_code"), confirm: "yes" });
    return (await this.open(new URL("/device", url).href, form)).text;
  }
}
