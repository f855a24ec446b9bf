import { type Agent, request } from "node:https";
import { OperationalError } from "@mailfleet/domain";
import { defaultExchangeLimits } from "../exchange-limits.ts";
import { tokenAgent } from "./token-agent.ts";

export type TokenAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** One POST to a token endpoint. Takes no caller's signal on purpose: an answer that nobody waits for may be the only copy of a token. */
export type TokenHttp = {
  /** @throws OperationalError `provider.unavailable` when there is no answer */
  post(url: string, form: string, headers?: Readonly<Record<string, string>>): Promise<TokenAnswer>;
};

export type TokenHttpOptions = {
  /** An authority trusted beside the system's own. Verification itself cannot be turned off. */
  readonly caPem?: string | undefined;
  readonly answerMsMax?: number;
};

const answerBytesMax = 262_144;

/**
 * HTTPS with TLS 1.2 or newer. A redirect is an answer like any other and is not followed: it would carry a client's secret
 * to where somebody else points (RFC 9700 §4.11).
 */
export function createTokenHttp({
  caPem,
  answerMsMax = defaultExchangeLimits.answerMsMax,
}: TokenHttpOptions = {}): TokenHttp {
  const agent = tokenAgent(caPem);
  return {
    post: async (url, form, headers = {}) => {
      try {
        return await send(url, form, { headers, agent, answerMsMax });
      } catch (error) {
        const code = (error as { code?: unknown } | null)?.code;
        const told = typeof code === "string" && /^[A-Z0-9_]{1,40}$/.test(code) ? ` (${code})` : "";
        throw new OperationalError("provider.unavailable", `token endpoint: no answer${told}`);
      }
    },
  };
}

type Sending = {
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: Agent;
  readonly answerMsMax: number;
};

function send(url: string, form: string, { headers, agent, answerMsMax }: Sending): Promise<TokenAnswer> {
  return new Promise((resolve, reject) => {
    const asking = request(url, {
      method: "POST",
      agent,
      signal: AbortSignal.timeout(answerMsMax),
      headers: {
        accept: "application/json",
        ...headers,
        "content-type": "application/x-www-form-urlencoded",
        "content-length": Buffer.byteLength(form),
      },
    });
    asking.once("error", reject);
    asking.once("response", (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > answerBytesMax) asking.destroy(new Error("the answer is too long"));
        else chunks.push(chunk);
      });
      answer.once("error", reject);
      answer.once("end", () => {
        const told = Object.entries(answer.headers).map(([name, value]) => [name, String(value)]);
        const body = Buffer.concat(chunks).toString("utf8");
        resolve({ status: answer.statusCode ?? 0, headers: Object.fromEntries(told), body });
      });
    });
    asking.end(form);
  });
}
