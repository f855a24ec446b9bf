import { createHash } from "node:crypto";
import { type Login, type MailServer, OperationalError } from "@mailfleet/domain";
import type { SmtpSession } from "./open-smtp-session.ts";
import { createServerPlaces, type ServerPlaces } from "./server-places.ts";

/** How connections are kept. Exchange Online takes three at once for a mailbox, and refuses the fourth. */
export type PoolLimits = {
  /** At once, for one login at one server. */
  readonly connectionsPerLoginMax: number;
  /** Open and idle at one server, over all its logins: a server counts what one client has open (Postfix takes 50). */
  readonly idlePerServerMax: number;
  /** Below the 5 s within which a mailbox that lost its access is left alone by every process. */
  readonly idleMsMax: number;
  /** From connecting on. Servers end long sessions in their own way, and policies change. */
  readonly ageMsMax: number;
  readonly messagesMax: number;
  /** How long a message waits for a connection before it makes room for other mailboxes' messages. */
  readonly waitMsMax: number;
};

export const defaultPoolLimits: PoolLimits = {
  connectionsPerLoginMax: 3,
  idlePerServerMax: 12,
  idleMsMax: 4_000,
  ageMsMax: 300_000,
  messagesMax: 100,
  waitMsMax: 2_000,
};

/** Before the token ends: its session would die with it, most likely in the middle of a message. */
const tokenMarginMs = 60_000;

export type PooledSession = {
  readonly session: SmtpSession;
  /** It has carried a message before. The server may have left it meanwhile. */
  readonly isUsed: boolean;
};

/** Good until `untilMs`, in ms since 1970. */
type Held = PooledSession & {
  readonly key: string;
  readonly server: string;
  readonly untilMs: number;
  readonly messagesCount: number;
};
type Idle = { readonly held: Held; readonly timer: NodeJS.Timeout };
type Waiting = { readonly give: (held: Held | null) => void };
type Shelf = { openCount: number; idle: Idle[]; readonly waiting: Waiting[] };

export type SessionPool = {
  /**
   * Runs `use` with a connection for this login: an idle one, else a new one, else the next that is given back, in the order
   * of asking. A connection whose use throws, or says so, is not used again. A server that has no room for a new one is
   * asked again when one of ours there has ended.
   *
   * @throws OperationalError `mailbox.busy` when none was free in time
   */
  withSession<Result>(
    via: { readonly server: MailServer; readonly login: Login },
    options: { readonly open: () => Promise<SmtpSession>; readonly fresh: boolean; readonly signal: AbortSignal },
    use: (pooled: PooledSession) => Promise<{ readonly result: Result; readonly isReusable: boolean }>,
  ): Promise<Result>;
  /** Ends every idle connection; those in use end when they are given back. */
  close(): void;
};

export function createSessionPool(limits: PoolLimits, now: () => Date): SessionPool {
  const places = createServerPlaces();
  const shelves = new Shelves(limits, now, places);
  return {
    async withSession({ server, login }, { open, fresh, signal }, use) {
      const key = keyOf(server, login);
      const held = (await shelves.take(key, { fresh, signal })) ?? (await openHeld());
      try {
        const { result, isReusable } = await use(held);
        const used = { ...held, isUsed: true, messagesCount: held.messagesCount + 1 };
        if (isReusable) shelves.putDown(used);
        else shelves.drop(used);
        return result;
      } catch (error) {
        shelves.drop(held);
        throw error;
      }

      async function openHeld(): Promise<Held> {
        const name = `${server.host}:${server.port}`;
        const makeRoom = () => shelves.dropOneIdle(name);
        try {
          const session = await places.open(name, { open, makeRoom, msMax: limits.waitMsMax, signal });
          const untilMs = Math.min(now().getTime() + limits.ageMsMax, tokenEndMs(login) - tokenMarginMs);
          return { session, isUsed: false, key, server: name, untilMs, messagesCount: 0 };
        } catch (error) {
          shelves.leavePlace(key);
          throw error;
        }
      }
    },
    close: () => shelves.close(),
  };
}

function tokenEndMs(login: Login): number {
  return login.kind === "bearer" ? login.expiresAt.getTime() : Number.POSITIVE_INFINITY;
}

/** The connections of each login: how many there are, which of them rest, and who waits for one. */
class Shelves {
  readonly #byKey = new Map<string, Shelf>();
  readonly #limits: PoolLimits;
  readonly #now: () => Date;
  readonly #places: ServerPlaces;
  readonly #idleCounts = new Map<string, number>();
  #isClosed = false;

  constructor(limits: PoolLimits, now: () => Date, places: ServerPlaces) {
    this.#limits = limits;
    this.#now = now;
    this.#places = places;
  }

  /** An idle connection, or one that was given back, or null: a place for a new one, which is to be used or left again. */
  async take(key: string, { fresh, signal }: { fresh: boolean; signal: AbortSignal }): Promise<Held | null> {
    const shelf = this.#shelfOf(key);
    for (let idle = this.#takeIdle(shelf); idle !== null; idle = this.#takeIdle(shelf)) {
      if (this.#isGood(idle) && !fresh) return idle;
      this.drop(idle);
    }
    if (this.#shelfOf(key).openCount >= this.#limits.connectionsPerLoginMax) {
      const given = await waitForTurn(shelf, this.#limits.waitMsMax, signal);
      if (given !== null) return given;
    }
    this.#shelfOf(key).openCount += 1;
    return null;
  }

  putDown(held: Held): void {
    const { waiting, openCount } = this.#shelfOf(held.key);
    // The last connection of a login is left to its own messages: connecting anew for each would help nobody.
    const isNeeded = this.#places.isWanted(held.server) && (waiting.length === 0 || openCount > 1);
    if (isNeeded || !this.#isGood(held)) this.drop(held);
    else if (waiting.length > 0) waiting.shift()?.give(held);
    else this.#rest(held);
  }

  drop(held: Held): void {
    void held.session.quit().then(() => this.#places.leave(held.server));
    this.leavePlace(held.key);
  }

  /** Whoever waits longest may open a connection instead. */
  leavePlace(key: string): void {
    const shelf = this.#shelfOf(key);
    shelf.openCount -= 1;
    shelf.waiting.shift()?.give(null);
    if (shelf.openCount === 0 && shelf.waiting.length === 0) this.#byKey.delete(key);
  }

  close(): void {
    this.#isClosed = true;
    for (const shelf of [...this.#byKey.values()]) {
      for (let idle = this.#takeIdle(shelf); idle !== null; idle = this.#takeIdle(shelf)) this.drop(idle);
    }
  }

  #rest(held: Held): void {
    if (this.#countIdle(held, 1) > this.#limits.idlePerServerMax) this.dropOneIdle(held.server);
    const shelf = this.#shelfOf(held.key);
    const timer = setTimeout(() => {
      shelf.idle = shelf.idle.filter((idle) => idle.held !== held);
      this.#countIdle(held, -1);
      this.drop(held);
    }, this.#limits.idleMsMax).unref();
    shelf.idle.push({ held, timer });
  }

  #shelfOf(key: string): Shelf {
    const shelf = this.#byKey.get(key) ?? { openCount: 0, idle: [], waiting: [] };
    this.#byKey.set(key, shelf);
    return shelf;
  }

  #isGood({ session, messagesCount, untilMs }: Held): boolean {
    const isFit = session.isOpen() && messagesCount < this.#limits.messagesMax;
    return isFit && this.#now().getTime() < untilMs && !this.#isClosed;
  }

  /** The one used last, so that the others may go. */
  #takeIdle(shelf: Shelf): Held | null {
    const idle = shelf.idle.pop();
    if (idle === undefined) return null;
    clearTimeout(idle.timer);
    this.#countIdle(idle.held, -1);
    return idle.held;
  }

  #countIdle({ server }: Held, change: 1 | -1): number {
    const count = (this.#idleCounts.get(server) ?? 0) + change;
    if (count === 0) this.#idleCounts.delete(server);
    else this.#idleCounts.set(server, count);
    return count;
  }

  dropOneIdle(server: string): void {
    const shelf = this.#byKey.values().find(({ idle }) => idle[0]?.held.server === server);
    const held = shelf && this.#takeIdle(shelf);
    if (held) this.drop(held);
  }
}

/** The login's digest is in it: another token or password is another connection, and the old ones are asked for by nobody. */
function keyOf({ host, port, security }: MailServer, login: Login): string {
  const secret = login.kind === "password" ? login.password : login.token;
  const digest = createHash("sha256").update(secret.reveal()).digest("base64");
  return [host, port, security, login.kind, login.user, digest].join(" ");
}

async function waitForTurn({ waiting }: Shelf, msMax: number, signal: AbortSignal): Promise<Held | null> {
  const { promise, resolve, reject } = Promise.withResolvers<Held | null>();
  const turn: Waiting = { give: resolve };
  const leave = (error: OperationalError) => {
    const at = waiting.indexOf(turn);
    if (at === -1) return; // it has its connection already
    waiting.splice(at, 1);
    reject(error);
  };
  const aborted = () => leave(new OperationalError("provider.unavailable", "smtp: aborted before it connected"));
  const timer = setTimeout(() => leave(busy()), msMax);
  signal.addEventListener("abort", aborted, { once: true });
  waiting.push(turn);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", aborted);
  }
}

function busy(): OperationalError {
  return new OperationalError("mailbox.busy", "smtp: every connection of this mailbox is in use");
}
