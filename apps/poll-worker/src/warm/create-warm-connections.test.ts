import { randomUUID } from "node:crypto";
import { Epoch, MailboxId, newId, Secret, TenantId } from "@mailfleet/domain";
import { memoryMailSource } from "@mailfleet/testkit";
import { describe, expect, it } from "vitest";
import { createWarmConnections, type Loss, type WarmConnection } from "./create-warm-connections.ts";
import { lookWarm } from "./look-warm.ts";

const options = { signal: new AbortController().signal };
const mail = memoryMailSource({ login: (user) => ({ kind: "password", user, password: Secret.of("right") }) });
const terms = { wasHeld: false, authorizedAt: new Date(0) };

/** A pool with a clock, and everything it says. */
function world({ countMax = 10 } = {}) {
  const said = { announced: [] as MailboxId[], lost: [] as [MailboxId, Loss][], failing: false };
  const clock = { at: new Date("2026-03-01T12:00:00Z") };
  const connections = createWarmConnections({
    countMax,
    now: () => clock.at,
    async announce(mailboxId) {
      if (said.failing) throw new Error("the database does not answer");
      said.announced.push(mailboxId);
    },
    onLost: (mailboxId, loss) => said.lost.push([mailboxId, loss]),
  });
  return { connections, said, clock };
}

const later = (clock: { at: Date }, ms: number) => {
  clock.at = new Date(clock.at.getTime() + ms);
};

/** A mailbox that was just looked at, with its own folder in memory. */
async function opened(clock: { at: Date }, part: Partial<WarmConnection> = {}) {
  const user = `${randomUUID()}@memory.test`;
  const folder = mail.folder(user);
  const connection = await mail.source.connect(mail.mailbox(user), options);
  const settled = await connection.examine("INBOX", options);
  const ids = { mailboxId: newId(MailboxId), tenantId: newId(TenantId), epoch: Epoch.parse(1) };
  const retireAt = new Date(clock.at.getTime() + 60_000);
  const seen = { folder: "INBOX", settled, examinedAt: clock.at, opened: "here", retireAt };
  return {
    warm: { ...ids, connection, ...seen, ...part },
    deliver: () => void folder.deliver(Buffer.from("x")),
    folder,
  };
}

const isOpen = ({ connection }: WarmConnection) =>
  connection.examine("INBOX", options).then(
    () => true,
    () => false,
  );

describe("connections that are held", () => {
  it("are handed out once, and only for what they were opened for", async () => {
    const { connections, clock, said } = world();
    const [first, second] = [await opened(clock), await opened(clock)];
    for (const { warm } of [first, second]) connections.keep(warm, terms)?.settle({ nextDue: null });
    expect(connections.take(first.warm.mailboxId, "here")?.connection).toBe(first.warm.connection);
    expect(connections.take(first.warm.mailboxId, "here")).toBeNull();
    expect(connections.take(second.warm.mailboxId, "elsewhere")).toBeNull();
    expect(said.lost).toEqual([[second.warm.mailboxId, "retired"]]);
    expect(await isOpen(second.warm)).toBe(false);
  });

  it("announce news once for each pass, those from before the finish only when it is over", async () => {
    const { connections, clock, said } = world();
    const { warm, deliver } = await opened(clock);
    const kept = connections.keep(warm, terms);
    deliver();
    deliver();
    expect(kept?.hasNews()).toBe(true);
    expect(said.announced).toEqual([]);
    kept?.settle({ nextDue: new Date(clock.at.getTime() + 1_000) });
    expect(said.announced).toEqual([warm.mailboxId]);
    deliver();
    expect(said.announced).toHaveLength(1);

    const again = connections.take(warm.mailboxId, "here") as WarmConnection;
    await again.connection.examine("INBOX", options);
    connections.keep(again, terms)?.settle({ nextDue: null });
    deliver();
    expect(said.announced).toHaveLength(2);
  });

  it("do not announce what the finish itself has made due", async () => {
    const { connections, clock, said } = world();
    const { warm, deliver } = await opened(clock);
    const kept = connections.keep(warm, terms);
    deliver();
    kept?.settle({ nextDue: clock.at });
    expect(said.announced).toEqual([]);
  });

  it("announce again what nobody heard", async () => {
    const { connections, clock, said } = world();
    const { warm, deliver } = await opened(clock);
    connections.keep(warm, terms)?.settle({ nextDue: null });
    said.failing = true;
    deliver();
    said.failing = false;
    const announcedAgain = () => {
      connections.announceAgain();
      return said.announced;
    };
    await expect.poll(announcedAgain).toEqual([warm.mailboxId]);
  });

  it("are bounded: the one kept longest ago goes first, and is closed", async () => {
    const { connections, clock, said } = world({ countMax: 2 });
    const boxes = [await opened(clock), await opened(clock), await opened(clock)];
    const [first, second, third] = boxes.map(({ warm }) => warm) as [WarmConnection, WarmConnection, WarmConnection];
    connections.keep(first, terms);
    connections.keep(second, terms);
    connections.keep(connections.take(first.mailboxId, "here") as WarmConnection, { ...terms, wasHeld: true });
    connections.keep(third, terms);
    expect(said.lost).toEqual([[second.mailboxId, "evicted"]]);
    expect(connections.mailboxIds()).toEqual([first.mailboxId, third.mailboxId]);
    expect(await isOpen(second)).toBe(false);
  });

  it("are replaced at their time, which is also no time to keep one", async () => {
    const { connections, clock, said } = world();
    const { warm } = await opened(clock);
    connections.keep(warm, terms)?.settle({ nextDue: null });
    connections.retire();
    expect(connections.count).toBe(1);
    later(clock, 60_000);
    connections.retire();
    expect(said.lost).toEqual([[warm.mailboxId, "retired"]]);
    expect(connections.keep(warm, terms)).toBeNull();
  });

  it("yield to a newer run elsewhere, and not to an older one", async () => {
    const { connections, clock, said } = world();
    const { warm } = await opened(clock, { epoch: Epoch.parse(5) });
    connections.keep(warm, terms)?.settle({ nextDue: null });
    connections.displace(warm.mailboxId, 4);
    expect(connections.count).toBe(1);
    connections.displace(warm.mailboxId, 6);
    expect(said.lost).toEqual([[warm.mailboxId, "displaced"]]);
  });

  it("close when access is taken away, also when a pass that began before puts one back", async () => {
    const { connections, clock } = world();
    const tenantId = newId(TenantId);
    const [held, out, others] = [
      await opened(clock, { tenantId }),
      await opened(clock, { tenantId }),
      await opened(clock),
    ];
    for (const { warm } of [held, out, others]) connections.keep(warm, terms)?.settle({ nextDue: null });
    const authorizedAt = clock.at;
    const taken = connections.take(out.warm.mailboxId, "here") as WarmConnection;
    later(clock, 10);
    connections.close({ tenantId });
    expect(connections.mailboxIds()).toEqual([others.warm.mailboxId]);
    expect(await isOpen(held.warm)).toBe(false);
    expect(connections.keep(taken, { wasHeld: true, authorizedAt })).toBeNull();
    later(clock, 10);
    expect(connections.keep(taken, { wasHeld: true, authorizedAt: clock.at })).not.toBeNull();
    connections.close({ tenantId, mailboxId: newId(MailboxId) });
    expect(connections.count).toBe(2);
  });

  it("that a worker takes no more of are those it did not hold before", async () => {
    const { connections, clock, said } = world();
    const [held, fresh] = [await opened(clock), await opened(clock)];
    connections.keep(held.warm, terms);
    connections.takeMore(false);
    expect(connections.keep(fresh.warm, terms)).toBeNull();
    const taken = connections.take(held.warm.mailboxId, "here") as WarmConnection;
    expect(connections.keep(taken, { ...terms, wasHeld: true })).not.toBeNull();
    connections.shed(5);
    expect(said.lost).toEqual([[held.warm.mailboxId, "shed"]]);
  });
});

describe("a look over a held connection", () => {
  const request = (clock: { at: Date }, { warm }: { warm: WarmConnection }) => ({
    ...{ mailboxId: warm.mailboxId, opened: "here", run: options, answerMsMax: 5_000, examinedMsMax: 1_000 },
    now: clock.at,
  });

  it("only asks for changes while the folder was examined lately, and examines it otherwise", async () => {
    const { connections, clock } = world();
    const box = await opened(clock);
    connections.keep(box.warm, terms);
    const quick = await lookWarm(connections, request(clock, box));
    expect(quick).toMatchObject({ examined: false, nothingNew: true });
    later(clock, 1_000);
    connections.keep(quick?.warm as WarmConnection, terms);
    const thorough = await lookWarm(connections, request(clock, box));
    expect(thorough).toMatchObject({ examined: true, nothingNew: true, warm: { examinedAt: clock.at } });
    box.deliver();
    connections.keep(thorough?.warm as WarmConnection, terms);
    const news = await lookWarm(connections, request(clock, box));
    expect(news).toMatchObject({ examined: true, nothingNew: false, warm: { settled: { messagesCount: 1 } } });
  });

  it("finds news on a server that never tells", async () => {
    const { connections, clock, said } = world();
    const box = await opened(clock);
    box.folder.fallSilent();
    connections.keep(box.warm, terms)?.settle({ nextDue: null });
    box.deliver();
    expect(said.announced).toEqual([]);
    expect(await lookWarm(connections, request(clock, box))).toMatchObject({ nothingNew: false });
  });

  it("finds nothing to look with where the connection has died, and throws what is not about the connection", async () => {
    const { connections, clock } = world();
    const [dead, left] = [await opened(clock), await opened(clock)];
    for (const { warm } of [dead, left]) connections.keep(warm, terms);
    await dead.warm.connection.close();
    expect(await lookWarm(connections, request(clock, dead))).toBeNull();
    const reason = new Error("the worker is stopping");
    const run = { signal: AbortSignal.abort(reason) };
    await expect(lookWarm(connections, { ...request(clock, left), run })).rejects.toBe(reason);
    expect(await isOpen(left.warm)).toBe(false);
  });
});
