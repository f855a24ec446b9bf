import { request } from "node:https";
import { type Person, personCookie, toCookie } from "./interactions.ts";

/** A browser with somebody in front of it: keeps cookies and follows where one server sends it. */
export type Browser = {
  /** Signs in and consents, or not; answers where the server sent the browser in the end, outside of itself. */
  visit(url: string): Promise<URL>;
  /** Types a device's code (RFC 8628 §3.3) and signs in. */
  enterCode(url: string, userCode: string): Promise<void>;
};

type Page = { readonly status: number; readonly location: URL | null; readonly body: string };

const hopsMax = 20;

export function openBrowser(caPem: string, person: Person): Browser {
  const cookies = new Map([[personCookie, toCookie(person)]]);

  function load(url: URL, form?: URLSearchParams): Promise<Page> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const content = form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" };
    const method = form === undefined ? "GET" : "POST";
    return new Promise((resolve, reject) => {
      const asked = request(url, { method, ca: caPem, agent: false, headers: { cookie, ...content } }, (answer) => {
        for (const set of answer.headers["set-cookie"] ?? []) {
          const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
          if (value === "") cookies.delete(name);
          else cookies.set(name, value);
        }
        let body = "";
        answer.setEncoding("utf8").on("data", (text: string) => {
          body += text;
        });
        answer.once("error", reject);
        answer.once("end", () => {
          const to = answer.headers.location;
          resolve({ status: answer.statusCode ?? 0, location: to === undefined ? null : new URL(to, url), body });
        });
      });
      asked.once("error", reject);
      asked.end(form?.toString());
    });
  }

  /** Until a page that leads nowhere, or somewhere else. */
  async function follow(first: Page, host: string): Promise<Page> {
    let page = first;
    for (let hops = 0; page.location?.host === host; hops += 1) {
      if (hops === hopsMax) throw new Error("the server sends the browser in circles");
      page = await load(page.location);
    }
    return page;
  }

  return {
    async visit(url) {
      const { location, status, body } = await follow(await load(new URL(url)), new URL(url).host);
      if (location === null) throw new Error(`the sign-in ended on a page of the server (${status}): ${body}`);
      return location;
    },
    async enterCode(url, userCode) {
      const { body } = await load(new URL(url));
      const xsrf = /name="xsrf" value="([^"]+)"/.exec(body)?.[1] ?? "";
      const form = new URLSearchParams({ xsrf, user_code: userCode, confirm: "yes" });
      await follow(await load(new URL(url), form), new URL(url).host);
    },
  };
}
