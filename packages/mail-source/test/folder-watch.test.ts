import type { Socket } from "node:net";
import { type FolderWatch, type MailConnection, Secret } from "@mailfleet/domain";
import { afterEach, describe, expect, it } from "vitest";
import { createImapMailSource, type ImapLimits } from "../src/index.ts";
import { loopbackGuard } from "./loopback-guard.ts";
import { type Answer, type ScriptedImap, startScriptedImap } from "./scripted-imap.ts";

const options = { signal: new AbortController().signal };
const login = { kind: "password", user: "ada@example.test", password: Secret.of("hunter2") } as const;
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

type Watched = {
  readonly server: ScriptedImap;
  readonly connection: MailConnection;
  readonly watch: FolderWatch;
  readonly heard: string[];
  readonly socket: () => Socket;
};

/** A folder of three messages that is waited in, on a server that says `+` to IDLE unless told otherwise. */
async function watched(answers: Record<string, Answer> = {}, limits: Partial<ImapLimits> = {}): Promise<Watched> {
  let idling: Socket | undefined;
  const idle = answers["IDLE"] ?? (() => "+ idling");
  const server = await startScriptedImap({
    answers: {
      CAPABILITY: () => "* CAPABILITY IMAP4rev1 IDLE\r\n{tag} OK done",
      NOOP: () => "{tag} OK done",
      ...answers,
      IDLE: (rest, socket) => {
        idling = socket;
        return idle(rest, socket);
      },
    },
  });
  open.push(server);
  const tls = { caPem: server.caPem };
  const source = createImapMailSource({ guard: loopbackGuard, tls, limits, now: () => new Date() });
  const mailbox = { server: { host: "localhost", port: server.port, security: "tls" } as const, login };
  const connection = await source.connect(mailbox, options);
  open.unshift(connection);
  await connection.examine("INBOX", options);
  const { watch } = connection;
  if (watch === null) throw new Error("the server announced IDLE");
  const heard: string[] = [];
  watch.begin({ onNews: () => heard.push("news"), onEnd: () => heard.push("end") });
  await expect.poll(() => idling !== undefined).toBe(true);
  return { server, connection, watch, heard, socket: () => idling as Socket };
}

const commands = ({ server }: Watched) => server.heard.map((line) => line.split(" ").at(1) ?? line);

describe("a server that lets us wait", () => {
  it("and chatters is heard once, until we have looked", async () => {
    const on = await watched();
    on.socket().write("* 4 EXISTS\r\n* 5 EXISTS\r\n* 6 EXISTS\r\n* OK still here\r\n");
    await expect.poll(() => on.heard).toEqual(["news"]);
    await on.connection.examine("INBOX", options);
    on.watch.begin({ onNews: () => on.heard.push("again"), onEnd: () => {} });
    await expect.poll(() => commands(on).filter((verb) => verb === "IDLE")).toHaveLength(2);
    on.socket().write("* 7 EXISTS\r\n");
    await expect.poll(() => on.heard).toEqual(["news", "again"]);
  });

  it("and takes messages away has no news", async () => {
    const on = await watched({}, { idleMs: 100 });
    on.socket().write("* 1 EXPUNGE\r\n* 2 EXISTS\r\n* 1 FETCH (FLAGS (\\Seen))\r\n");
    await expect.poll(() => commands(on)).toContain("NOOP"); // it has been heard by then
    expect(on.heard).toEqual([]);
  });

  it("is asked for a sign of life again and again, and goes on telling", async () => {
    const on = await watched({}, { idleMs: 30 });
    await expect.poll(() => commands(on).filter((verb) => verb === "NOOP").length).toBeGreaterThan(3);
    expect(on.heard).toEqual([]);
    on.socket().write("* 4 EXISTS\r\n");
    await expect.poll(() => on.heard).toEqual(["news"]);
  });

  it("but does not give the sign of life is left within its deadline", async () => {
    const on = await watched({ DONE: () => null }, { idleMs: 50, idleAnswerMs: 100 });
    await expect.poll(() => on.heard).toEqual(["end"]);
    await expect(on.connection.examine("INBOX", options)).rejects.toMatchObject({ code: "provider.unavailable" });
  });

  it.each<[string, (watched: Watched) => void]>([
    ["says BYE", ({ socket }) => void socket().end("* BYE for maintenance\r\n")],
    ["closes without a word", ({ socket }) => void socket().destroy()],
    [
      "ends IDLE by itself",
      ({ socket, server }) => {
        const tag = server.heard.findLast((line) => line.endsWith(" IDLE"))?.split(" ")[0];
        socket().write(`${tag} OK enough\r\n`);
      },
    ],
  ])("and then %s, is left once", async (_, leave) => {
    const on = await watched();
    leave(on);
    await expect.poll(() => on.heard).toEqual(["end"]);
    await expect(on.connection.examine("INBOX", options)).rejects.toMatchObject({ code: "provider.unavailable" });
    expect(on.heard).toEqual(["end"]);
  });

  it("shows at the next look what it never told", async () => {
    let count = 3;
    const on = await watched({
      EXAMINE: () => `* ${count} EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT ${count + 1}] n\r\n{tag} OK done`,
    });
    count = 5;
    expect(await on.connection.examine("INBOX", options)).toMatchObject({ messagesCount: 5, uidNext: 6 });
    expect(on.heard).toEqual([]);
  });
});

describe("a server that announces IDLE", () => {
  it("and refuses it is left", async () => {
    const on = await watched({ IDLE: () => "{tag} NO not for you" });
    await expect.poll(() => on.heard).toEqual(["end"]);
  });

  it("and never says that it began keeps nobody longer than the next command's deadline", async () => {
    const on = await watched({ IDLE: () => null }, { commandMs: 200 });
    await expect(on.connection.examine("INBOX", options)).rejects.toMatchObject({ code: "provider.unavailable" });
  });
});
