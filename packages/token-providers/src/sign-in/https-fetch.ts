import { type Agent, request } from "node:https";
import { tokenAgent } from "../token-endpoint/token-agent.ts";

type Asking = {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
};

const answerBytesMax = 1_048_576; // an issuer's metadata and keys are a few kilobytes

/**
 * `fetch` as the OpenID library asks for it, over HTTPS with TLS 1.2 or newer and the operator's own authority beside the
 * system's, which the runtime's own cannot be given. A redirect is an answer like any other and is not followed.
 */
export function createHttpsFetch({ caPem, answerMsMax }: { caPem?: string | undefined; answerMsMax: number }) {
  const agent = tokenAgent(caPem);
  return (url: string, asking: Asking): Promise<Response> =>
    send(url, asking, {
      agent,
      signal: AbortSignal.any([AbortSignal.timeout(answerMsMax), ...(asking.signal ? [asking.signal] : [])]),
    });
}

function send(url: string, { method, headers, body }: Asking, by: { agent: Agent; signal: AbortSignal }) {
  return new Promise<Response>((resolve, reject) => {
    const asked = request(url, { method, headers, ...by });
    asked.once("error", reject);
    asked.once("response", (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > answerBytesMax) asked.destroy(new Error("the answer is too long"));
        else chunks.push(chunk);
      });
      answer.once("error", reject);
      answer.once("end", () => {
        const told = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
        const status = answer.statusCode ?? 500;
        const hasBody = status !== 204 && status !== 304;
        resolve(new Response(hasBody ? Buffer.concat(chunks) : null, { status, headers: told }));
      });
    });
    asked.end(body === undefined || body === null ? undefined : String(body));
  });
}
