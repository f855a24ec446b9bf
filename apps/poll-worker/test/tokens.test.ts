import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { type MailboxId, OperationalError } from "@mailfleet/domain";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startSignIn } from "./sign-in-children.ts";
import { directoryId, openTokenFleet, type TokenFleet } from "./token-fleet.ts";

const soak = process.env["SOAK"] === "1";
const workersCount = soak ? 50 : 8;
const killsCount = soak ? 100 : 8;

let fleet: TokenFleet;
beforeAll(async () => {
  fleet = await openTokenFleet();
});
afterAll(() => fleet.close());

const refreshing = async (user: string) =>
  fleet.addMailbox(user, "oauth-refresh-token", {
    user,
    app: "issuer",
    refreshToken: await fleet.server.consent(user),
  });
const child = (mailboxId: MailboxId) => startSignIn(fleet.options, { tenantId: fleet.tenantId, mailboxId });
const versionsOf = async (mailboxId: MailboxId) => {
  const rows = await fleet.sql`select version, retired_at from credentials where mailbox_id = ${mailboxId}`;
  return rows.map((row) => [Number(row["version"]), row["retired_at"] === null]);
};

describe("an expired token", () => {
  it(`is asked for once by ${workersCount} processes, and the rotated one is not lost`, {
    timeout: soak ? 900_000 : 180_000,
  }, async () => {
    const mailboxId = await refreshing("many@north.test");
    const children = [];
    for (let count = 0; count < workersCount; count++) children.push(await child(mailboxId));
    const before = fleet.server.requestsCount("refresh_token");
    const outcomes = await Promise.all(children.map((one) => one.go()));
    expect(new Set(outcomes)).toEqual(new Set([digestOf(await fleet.login(mailboxId))]));
    expect(fleet.server.requestsCount("refresh_token") - before).toBe(1);
    expect(await versionsOf(mailboxId)).toEqual([[2, true]]);
  });

  it("is asked for once by 200 that ask at once", async () => {
    const mailboxId = await refreshing("crowd@north.test");
    const before = fleet.server.requestsCount("refresh_token");
    const logins = await Promise.all(Array.from({ length: 200 }, () => fleet.login(mailboxId)));
    expect(new Set(logins.map(digestOf)).size).toBe(1);
    expect(fleet.server.requestsCount("refresh_token") - before).toBe(1);
  });

  it("goes on for as many rotations as there are, each stored before its token is used", async () => {
    const mailboxId = await refreshing("years@north.test");
    for (let round = 1; round <= 5; round++) {
      const { token } = await fleet.login(mailboxId);
      expect(await versionsOf(mailboxId)).toEqual([[round + 1, true]]);
      await fleet.stack.tokens.reject(
        await fleet.stack.pollGrant(fleet.tenantId, mailboxId),
        mailboxId,
        { kind: "bearer", user: "", token, expiresAt: new Date() },
        { signal: new AbortController().signal },
      );
    }
  });

  it("of a directory is shared by all its mailboxes", async () => {
    const users = ["a@north.test", "b@north.test", "c@north.test"];
    const proven = { provider: "microsoft", directory: directoryId } as const;
    const ids = [];
    for (const user of users) {
      ids.push(await fleet.addMailbox(user, "microsoft-client-credentials", { user, app: "directory" }, proven));
    }
    const before = fleet.server.requestsCount("client_credentials");
    const logins = await Promise.all(ids.map((id) => fleet.login(id)));
    expect(logins.map(({ user }) => user)).toEqual(users);
    expect(new Set(logins.map(digestOf)).size).toBe(1);
    expect(fleet.server.requestsCount("client_credentials") - before).toBe(1);
  });

  it("is handed out to nobody any more once the binding is gone, though it is good for an hour", async () => {
    const user = "given-up@north.test";
    const proven = { provider: "microsoft", directory: directoryId } as const;
    const id = await fleet.addMailbox(user, "microsoft-client-credentials", { user, app: "directory" }, proven);
    await fleet.login(id);
    await fleet.sql`delete from mailbox_bindings where mailbox_id = ${id}`;
    await expect(fleet.login(id)).rejects.toMatchObject({ code: "binding.unproven", remedy: "ask-admin" });
  });

  it("lies nowhere in the open", async () => {
    const mailboxId = await refreshing("sealed@north.test");
    const { token } = await fleet.login(mailboxId);
    const rows =
      await fleet.sql`select t.*, c.sealed from access_tokens t join credentials c on c.id = t.credential_id`;
    const bytes = rows.flatMap((row) => Object.values(row)).map((value) => Buffer.from(String(value), "utf8"));
    const sealed = rows.flatMap((row) => [row["sealed"] as Uint8Array | null]).filter((value) => value !== null);
    expect(sealed.length).toBeGreaterThan(0);
    for (const value of [...bytes, ...sealed]) expect(Buffer.from(value).includes(token.reveal())).toBe(false);
  });
});

describe("a process killed after the provider answered", () => {
  it(`${killsCount} times leaves a mailbox that works, or one that says why it does not`, {
    timeout: soak ? 3_600_000 : 300_000,
  }, async () => {
    const ends = { working: 0, lost: 0 };
    const random = seeded(20_261_122);
    for (let round = 0; round < killsCount; round++) {
      const user = `killed-${round}@north.test`;
      const mailboxId = await refreshing(user);
      const doomed = await child(mailboxId);
      // Some die before the answer arrives, some while they store it, some after.
      const delayMs = Math.floor(random() * 40);
      fleet.server.onAnswered(async () => {
        if (delayMs < 10) doomed.kill();
        else void pause(delayMs - 10).then(doomed.kill);
      });
      await doomed.go();
      fleet.server.onAnswered(null);
      await fleet.sql`update access_tokens set lease_until = now() where lease_until is not null`; // as time would
      const end = await fleet.login(mailboxId).catch((error: unknown) => error);
      if (end instanceof Error) {
        expect(end).toBeInstanceOf(OperationalError);
        expect(end).toMatchObject({ code: "credential.lost", remedy: "reconnect" });
        ends.lost += 1;
      } else {
        expect(end).toMatchObject({ user });
        ends.working += 1;
      }
    }
    console.info(`killed ${killsCount} times: ${JSON.stringify(ends)}`);
    expect(ends.working + ends.lost).toBe(killsCount);
    expect(ends.lost).toBeGreaterThan(0); // or nothing was killed in between
  });
});

describe("somebody else's directory", () => {
  const flows = [
    ["microsoft-client-credentials", "directory", "microsoft", directoryId],
    ["google-service-account", "workspace", "google", "north.test"],
  ] as const;

  it.each(flows)("is asked for nothing by %s, whoever writes its name down", async (flow, app, provider, directory) => {
    const user = `owner-${app}@north.test`;
    const proven = { provider, directory };
    await fleet.login(await fleet.addMailbox(user, flow, { user, app }, proven));
    const other = provider === "google" ? "microsoft" : "google";
    const strangers = [
      await fleet.addMailbox(`stranger-${app}@north.test`, flow, { user, app }),
      await fleet.addMailbox(`own-${app}@south.test`, flow, { user, app }, { provider, directory: "south.test" }),
      await fleet.addMailbox(
        `else-${app}@north.test`,
        flow,
        { user: `else-${app}@north.test`, app },
        {
          provider: other,
          directory,
        },
      ),
    ];
    const before = fleet.server.requestsCount();
    for (const id of strangers) {
      await expect(fleet.login(id)).rejects.toMatchObject({ code: "binding.unproven", remedy: "ask-admin" });
    }
    expect(fleet.server.requestsCount()).toBe(before);
  });

  it("is not read with a token of a directory that was proven by its domain", async () => {
    const user = "by-domain@north.test";
    const proven = { provider: "microsoft", directory: "north.test" } as const;
    const id = await fleet.addMailbox(user, "microsoft-client-credentials", { user, app: "directory" }, proven);
    const before = fleet.server.requestsCount("client_credentials");
    expect((await fleet.login(id)).user).toBe(user);
    expect(fleet.server.requestsCount("client_credentials") - before).toBe(1); // and not the one of the directory's id
  });
});

describe("our own broken app", () => {
  it("is blocked for everyone at once, blames nobody, and works again when it is rotated", async () => {
    const never = { signal: new AbortController().signal };
    const { directoryApp } = fleet.server;
    const app = (clientSecret: string) => ({
      ...{ name: "aging", kind: "microsoft", clientId: directoryApp.clientId },
      material: {
        ...{ kind: "microsoft", cloud: "global", authority: "common", clientId: directoryApp.clientId },
        secret: { kind: "secret", clientSecret },
      },
    });
    await fleet.stack.apps.add(await fleet.provisioning(), app("expired"), never);
    const before = fleet.server.requestsCount();
    const ids = [];
    for (const index of [1, 2, 3]) {
      const user = `user-${index}@north.test`;
      const proven = { provider: "microsoft", directory: `0a0a0a0a-1111-4222-8333-44444444444${index}` } as const;
      ids.push(await fleet.addMailbox(user, "microsoft-client-credentials", { user, app: "aging" }, proven));
    }
    for (const id of ids) await expect(fleet.login(id)).rejects.toMatchObject({ code: "provider-app.refused" });
    expect(fleet.server.requestsCount() - before).toBe(1);
    expect(fleet.stack.refusedApps).toEqual(["aging"]);

    await fleet.stack.apps.rotate(await fleet.provisioning(), app(directoryApp.clientSecret), never);
    await fleet.sql`update access_tokens set failure_until = now()`; // as time would
    for (const id of ids) expect((await fleet.login(id)).kind).toBe("bearer");
  });
});

function digestOf({ token }: { token: { reveal(): string } }): string {
  return createHash("sha256").update(token.reveal()).digest("hex");
}

/** Mulberry32: the same kills in each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
