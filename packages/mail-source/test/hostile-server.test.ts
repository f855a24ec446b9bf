import { type MailConnection, type MailServer, OperationalError, Secret } from "@mailfleet/domain";
import { afterEach, describe, expect, it } from "vitest";
import { createImapMailSource, type ImapLimits, readPages } from "../src/index.ts";
import { loopbackGuard } from "./loopback-guard.ts";
import { type Answer, type ScriptedImap, startScriptedImap } from "./scripted-imap.ts";

const options = { signal: new AbortController().signal };
const login = { kind: "password", user: "ada@example.test", password: Secret.of("hunter2") } as const;
const at = new Date("2026-03-01T12:00:00Z");
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function serve(script: Parameters<typeof startScriptedImap>[0]): Promise<ScriptedImap> {
  const server = await startScriptedImap(script);
  open.push(server);
  return server;
}

async function connect(
  server: ScriptedImap,
  part: { security?: MailServer["security"]; limits?: Partial<ImapLimits> } = {},
) {
  const { security = "tls", limits = {} } = part;
  const source = createImapMailSource({ guard: loopbackGuard, tls: { caPem: server.caPem }, limits, now: () => at });
  return source.connect({ server: { host: "localhost", port: server.port, security }, login }, options);
}

async function examined(answers: Record<string, Answer>, limits: Partial<ImapLimits> = {}): Promise<MailConnection> {
  const connection = await connect(await serve({ answers }), { limits });
  open.unshift(connection);
  await connection.examine("INBOX", options);
  return connection;
}

const listed = (...uids: number[]) =>
  uids.map((uid) => ({ uid, sizeBytes: 5, internalDate: at, providerId: null, providerThreadId: null }));
const body = (uid: number) => `* ${uid} FETCH (UID ${uid} BODY[] {5}\r\nbody${uid})`;
const fetchedUids = async (connection: MailConnection, ...uids: number[]) =>
  (await Array.fromAsync(connection.fetch(listed(...uids), options))).map(({ uid }) => uid);

describe("a connection that is not secure", () => {
  it.each<[string, Record<string, Answer>, string?]>([
    ["STARTTLS is not offered", {}],
    [
      "STARTTLS is offered and refused",
      { CAPABILITY: () => "* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK done", STARTTLS: () => "{tag} NO not today" },
    ],
    [
      "data is injected behind the answer to STARTTLS",
      {
        CAPABILITY: () => "* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK done",
        STARTTLS: () => "{tag} OK begin\r\n* CAPABILITY IMAP4rev1 LOGIN",
      },
    ],
    ["the greeting says PREAUTH, so that nobody asks for TLS", {}, "* PREAUTH welcome"],
  ])("is refused, and hears no credential, when %s", async (_, answers, greeting) => {
    const server = await serve({ cleartext: true, answers, ...(greeting === undefined ? {} : { greeting }) });
    await expect(connect(server, { security: "starttls" })).rejects.toMatchObject({ code: "connection.insecure" });
    expect(server.heard.join("\n")).not.toMatch(/LOGIN|AUTHENTICATE|hunter2|ada/);
  });

  it("is refused when a server without TLS is spoken to with TLS", async () => {
    const server = await serve({ cleartext: true });
    await expect(connect(server)).rejects.toMatchObject({ code: "connection.insecure" });
  });
});

describe("a server that does not answer", () => {
  const limits = { connectMs: 300, commandMs: 300, logoutMs: 100 };

  it("without a greeting is left at the deadline", async () => {
    await expect(connect(await serve({ greeting: null }), { limits })).rejects.toMatchObject({
      code: "provider.unavailable",
    });
  });

  it("to the login is left at the deadline", async () => {
    await expect(connect(await serve({ answers: { LOGIN: () => null } }), { limits })).rejects.toMatchObject({
      code: "provider.unavailable",
      message: expect.stringContaining("no answer within 300 ms"),
    });
  });

  it.each<[string, (connection: MailConnection) => Promise<unknown>]>([
    ["SEARCH", (connection) => connection.listUids(1, options)],
    ["FETCH", (connection) => connection.describe([1], options)],
    ["FETCH", (connection) => fetchedUids(connection, 1)],
    ["FETCH", (connection) => connection.download(listed(1)[0] ?? fail(), options)],
  ])("to %s is left at the deadline, and the connection with it", async (_, command) => {
    const connection = await examined({ "UID SEARCH": () => null, "UID FETCH": () => null }, limits);
    await expect(command(connection)).rejects.toMatchObject({ code: "provider.unavailable" });
    await expect(connection.examine("INBOX", options)).rejects.toMatchObject({ code: "provider.unavailable" });
  });

  it("but trickles bytes is left at the deadline all the same", async () => {
    const trickle: Answer = (_rest, socket) => {
      const timer = setInterval(() => socket.write("*"), 20);
      socket.once("close", () => clearInterval(timer));
      return null;
    };
    const connection = await examined({ "UID SEARCH": trickle }, limits);
    await expect(connection.listUids(1, options)).rejects.toMatchObject({ code: "provider.unavailable" });
  });

  it("does not keep a caller who leaves: the reason is the caller's own, and the socket is closed", async () => {
    const stop = new AbortController();
    const reason = new Error("the run is over");
    let gone: Promise<void> | undefined;
    const connection = await examined({
      "UID FETCH": (_rest, socket) => {
        gone = new Promise((resolve) => socket.once("close", () => resolve()));
        setImmediate(() => stop.abort(reason));
        return body(1);
      },
    });
    const reading = Array.fromAsync(connection.fetch(listed(1, 2), { signal: stop.signal }));
    await expect(reading).rejects.toBe(reason);
    await gone;
  });

  it("to LOGOUT does not hold up closing", async () => {
    const connection = await examined({ LOGOUT: () => null }, limits);
    await connection.close();
  });

  it("may take its time while the caller works on a message: only waiting counts", async () => {
    const connection = await examined(
      { "UID FETCH": () => `${body(1)}\r\n${body(2)}\r\n{tag} OK done` },
      { commandMs: 150 },
    );
    const seen: number[] = [];
    for await (const { uid } of connection.fetch(listed(1, 2), options)) {
      seen.push(uid);
      await new Promise((resolve) => setTimeout(resolve, 250)); // longer than the deadline, on purpose
    }
    expect(seen).toEqual([1, 2]);
  });
});

describe("a server that throttles", () => {
  const throttled: Answer = () => "{tag} BAD Request is throttled. Suggested Backoff Time: 240000 milliseconds";

  it.each<[string, (connection: MailConnection) => Promise<unknown>]>([
    ["UID SEARCH", (connection) => connection.listUids(1, options)],
    ["UID FETCH", (connection) => connection.describe([1], options)],
    ["UID FETCH", (connection) => fetchedUids(connection, 1)],
  ])("at %s is believed at once, and its time is passed on", async (verb, command) => {
    const connection = await examined({ [verb]: throttled });
    const startedAt = performance.now();
    await expect(command(connection)).rejects.toMatchObject({
      code: "provider.throttled",
      retryAt: new Date(at.getTime() + 240_000),
    });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it("at login is believed at once", async () => {
    const server = await serve({ answers: { LOGIN: throttled } });
    await expect(connect(server)).rejects.toMatchObject({
      code: "provider.throttled",
      retryAt: new Date(at.getTime() + 240_000),
    });
  });

  it("with a refused SEARCH is told from an empty folder", async () => {
    const connection = await examined({
      "UID SEARCH": () => "{tag} NO [OVERQUOTA] Account exceeded command or bandwidth limits.",
    });
    await expect(connection.listUids(1, options)).rejects.toMatchObject({ code: "provider.throttled" });
    const broken = await examined({ "UID SEARCH": () => "{tag} NO [SERVERBUG] no" });
    await expect(broken.listUids(1, options)).rejects.toMatchObject({ code: "provider.unavailable" });
  });

  it("by closing the session says so", async () => {
    const connection = await examined({ "UID SEARCH": () => "* BYE Session invalidated - AccessTokenExpired" });
    await expect(connection.listUids(1, options)).rejects.toMatchObject({
      code: "session.ended",
      message: expect.stringContaining("lifetime ended"),
    });
  });
});

describe("a server that answers in parts", () => {
  /** Refuses every command that names the message 2, like one that trips over a single damaged message. */
  const damaged: Answer = (rest) => {
    const [first = 0, last = first] = (/^[\d:]+/.exec(rest)?.[0] ?? "").split(":").map(Number);
    if (first <= 2 && last >= 2) return "{tag} NO [SERVERBUG] Internal error";
    const uids = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    return [...uids.map(body), "{tag} OK done"].join("\r\n");
  };

  it("delivers every message but the one it stumbles over", async () => {
    const connection = await examined({ "UID FETCH": damaged });
    expect(await fetchedUids(connection, 1, 2, 3)).toEqual([1, 3]);
    expect(await fetchedUids(connection, 2)).toEqual([]);
    expect(await connection.download(listed(2)[0] ?? fail(), options)).toBeNull();
  });

  it("is not believed when it refuses every message: that is about something else", async () => {
    const connection = await examined({ "UID FETCH": () => "{tag} NO [SERVERBUG] Internal error" });
    await expect(fetchedUids(connection, 1, 2, 3)).rejects.toMatchObject({ code: "provider.unavailable" });
  });

  it("calls missing messages an error and is read all the same", async () => {
    const connection = await examined({
      "UID FETCH": () => `${body(1)}\r\n${body(3)}\r\n{tag} NO Some of the requested messages no longer exist`,
    });
    expect(await fetchedUids(connection, 1, 2, 3)).toEqual([1, 3]);
  });

  it("may mix in messages nobody asked for, flags that changed, and empty bodies", async () => {
    const noise = [
      "* 9 FETCH (UID 9 BODY[] {2}\r\nhi)",
      "* 1 FETCH (FLAGS (\\Seen) UID 1)",
      "* 2 FETCH (UID 2 BODY[] NIL)",
    ];
    const connection = await examined({
      "UID FETCH": () => [...noise, body(1), body(1), body(3), "{tag} OK done"].join("\r\n"),
    });
    expect(await fetchedUids(connection, 1, 2, 3)).toEqual([1, 3]);
  });

  it("may list the last message for a range above it", async () => {
    const connection = await examined({ "UID SEARCH": () => "* SEARCH 3\r\n{tag} OK done" });
    expect(await connection.listUids(4, options)).toEqual([]);
  });

  it("may leave out UIDNEXT", async () => {
    const connection = await examined({
      EXAMINE: () => "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n{tag} OK [READ-ONLY] done",
    });
    expect((await connection.examine("INBOX", options)).uidNext).toBe(4);
  });

  it("may send what it likes, but not more than we are willing to hold", async () => {
    const flood: Answer = () => `* 1 FETCH (UID 1 BODY[] {900000000}\r\n`;
    const connection = await examined({ "UID FETCH": flood });
    await expect(fetchedUids(connection, 1)).rejects.toMatchObject({
      code: "provider.unavailable",
      message: expect.stringContaining("LiteralTooLarge"),
    });
  });

  it("and breaks off on one message gets that message named, and no other mail lost", async () => {
    const connection = await examined({
      "UID FETCH": (rest, socket) => {
        if (rest.includes("BODY")) socket.destroy();
        const row = (uid: number) =>
          `* ${uid} FETCH (UID ${uid} INTERNALDATE "01-Mar-2026 12:00:00 +0000" RFC822.SIZE 5)`;
        return rest.includes("BODY") ? null : [row(1), row(2), row(3), "{tag} OK done"].join("\r\n");
      },
    });
    const pages = readPages(
      connection,
      { folder: "INBOX", cursor: null, startFrom: "beginning", knownUids: async () => new Set() },
      options,
    );
    expect((await pages.next()).value).toMatchObject({
      messages: [],
      unreadable: [1],
      last: false,
      cursorAfter: { lastUid: 0 },
    });
    await expect(pages.next()).rejects.toBeInstanceOf(OperationalError);
  });

  it.each([
    ["gm:1278455344230334865", "gm:77", "X-GM-EXT-1", "X-GM-MSGID 1278455344230334865 X-GM-THRID 77"],
    ["em:M6d99ac3275bb4e", "em:T64b478a75b7ea9", "OBJECTID", "EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9)"],
    ["em:M6d99ac3275bb4e", null, "OBJECTID", "EMAILID (M6d99ac3275bb4e) THREADID NIL"],
    [null, null, "IMAP4rev1", "MODSEQ (7)"],
  ])(
    "tags its own ids of message and conversation by kind: %s, %s",
    async (providerId, providerThreadId, capability, item) => {
      const connection = await examined({
        CAPABILITY: () => `* CAPABILITY IMAP4rev1 ${capability}\r\n{tag} OK done`,
        "UID FETCH": () =>
          `* 1 FETCH (UID 1 ${item} INTERNALDATE "01-Mar-2026 12:00:00 +0000" RFC822.SIZE 5)\r\n{tag} OK done`,
      });
      expect(await connection.describe([1], options)).toEqual([
        { uid: 1, sizeBytes: 5, internalDate: at, providerId, providerThreadId },
      ]);
    },
  );
});

it("a command inside the loop over a fetch fails at once instead of waiting for itself", async () => {
  const connection = await examined({ "UID FETCH": () => `${body(1)}\r\n${body(2)}\r\n{tag} OK done` });
  for await (const _ of connection.fetch(listed(1, 2), options)) {
    await expect(connection.listUids(1, options)).rejects.toThrow("inside the loop");
    break;
  }
  expect(await connection.listUids(1, options)).toEqual([1, 2, 3]);
});

it("asks for sizes and bodies and for nothing that would cost more", async () => {
  const server = await serve({ answers: { "UID FETCH": () => `${body(1)}\r\n{tag} OK done` } });
  const connection = await connect(server);
  await connection.examine("INBOX", options);
  await fetchedUids(connection, 1);
  await connection.close();
  const said = server.heard.map((line) => line.replace(/^\S+ /, "").replace(/hunter2/, "…"));
  expect(said).toEqual([
    "CAPABILITY",
    'LOGIN "ada@example.test" "…"',
    "CAPABILITY",
    'LIST "" ""',
    "EXAMINE INBOX",
    "UID FETCH 1 (UID BODY.PEEK[])",
    "LOGOUT",
  ]);
});

function fail(): never {
  throw new Error("expected a value");
}
