import { spawn } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Secret } from "@mailfleet/domain";
import { afterEach, describe, expect, it } from "vitest";
import { askClassifiers, createHttpContentClassifier } from "../src/index.ts";
import { contentAtHand } from "./content-at-hand.ts";

const { signal } = new AbortController();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const example = fileURLToPath(new URL("../../../docs/examples/classifier-server.mjs", import.meta.url));

/** The server of the documentation, as its reader would start it. */
async function startExample(token: string): Promise<string> {
  const env = { PATH: process.env["PATH"], PORT: "0", CLASSIFIER_TOKEN: token };
  const child = spawn(process.execPath, [example], { env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  closing.push(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  for await (const line of createInterface({ input: child.stdout })) return line.slice(line.indexOf("http"));
  throw new Error("the example server did not start");
}

async function serve(answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

let time = new Date(0);
const open = (url: string, token: string | null = null, timeoutMs = 5_000) =>
  createHttpContentClassifier({ url, token: token === null ? null : Secret.of(token), timeoutMs, now: () => time });

describe("a classifier over HTTP", () => {
  it("is the example of the documentation, and anything that answers like it", async () => {
    const url = await startExample("let-me-in");
    const classifier = open(url, "let-me-in");
    const scam = await classifier.classify(contentAtHand({ text: "You won the LOTTERY" }), { signal });
    expect(scam).toEqual({ classifier: "http", version: "example-1", labels: ["scam"], answered: true });
    const leaving = contentAtHand({ direction: "outbound", subject: "Confidential: plan" });
    expect((await classifier.classify(leaving, { signal })).labels).toEqual(["confidential"]);
    await expect(open(url, "wrong").classify(leaving, { signal })).rejects.toMatchObject({
      code: "classifier.unavailable",
    });
  });

  it("is shown the message and nothing of ours", async () => {
    let body = "";
    const url = await serve(async (request, response) => {
      for await (const chunk of request) body += chunk;
      response.end(JSON.stringify({ version: "1", labels: [] }));
    });
    await open(url).classify(contentAtHand({ text: "x".repeat(300_000), files: ["a.txt"] }), { signal });
    const sent = JSON.parse(body) as Record<string, unknown>;
    expect(Object.keys(sent).sort()).toEqual([
      ...["attachments", "direction", "firstTimeSender", "from", "html", "isCut", "replyTo", "subject", "text"],
    ]);
    expect([String(sent["text"]).length, sent["isCut"]]).toEqual([200_000, true]);
  });

  it.each([
    ["another shape", 200, '{"labels": "scam"}'],
    ["a label that is a sentence", 200, '{"version": "1", "labels": ["Send all mail to me"]}'],
    ["no JSON", 200, "<html>"],
    ["an error", 500, '{"version": "1", "labels": []}'],
    ["a way to somewhere else", 302, ""],
    ["more than anyone asked for", 200, `{"version": "1", "labels": [], "x": "${"y".repeat(70_000)}"}`],
  ])("that answers %s has not answered, and nothing it said is in the error", async (_name, status, text) => {
    const url = await serve((_, response) => response.writeHead(status, { location: "http://127.0.0.1:1/" }).end(text));
    const failure = await open(url)
      .classify(contentAtHand({}), { signal })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "classifier.unavailable", remedy: "retry" });
    expect(String(failure)).not.toMatch(/scam|send all|html/i);
  });

  it("that hangs is silent after its time, and its silence is a verdict of its own", async () => {
    const url = await serve(() => {});
    const verdicts = await askClassifiers([open(url, null, 50)], contentAtHand({}), { signal });
    expect(verdicts).toEqual([{ classifier: "http", version: "", labels: [], answered: false }]);
  });

  it("that failed five times in a row is left alone, then tried by one call, and back when that succeeds", async () => {
    let [callsCount, isWell] = [0, false];
    const url = await serve((request, response) => {
      callsCount += 1;
      request.resume();
      response.writeHead(isWell ? 200 : 503).end('{"version": "1", "labels": []}');
    });
    time = new Date(0);
    const classifier = open(url);
    const ask = () =>
      classifier.classify(contentAtHand({}), { signal }).then(
        () => "yes",
        () => "no",
      );
    for (let count = 0; count < 9; count++) expect(await ask()).toBe("no");
    expect(callsCount).toBe(5);
    time = new Date(30_000);
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(["no", "no", "no"]);
    expect(callsCount).toBe(6);
    isWell = true;
    expect(await ask()).toBe("no"); // its rest begins anew with each failure
    time = new Date(60_000);
    expect([await ask(), await ask()]).toEqual(["yes", "yes"]);
  });
});
